"""`python -m modelyard_runtime`."""

from modelyard_runtime.main import main

if __name__ == "__main__":
    main()
