"""Write docs/reference/api.md from the OpenAPI document; `--check` only says whether it is up to date."""

import sys
from pathlib import Path

from modelyard.api.app import bare_app
from modelyard.api.reference import markdown

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "api.md"


def main() -> int:
    text = markdown(bare_app().openapi())
    if "--check" in sys.argv[1:]:
        current = PAGE.exists() and PAGE.read_text() == text
        print(f"{PAGE} is {'up to date' if current else 'not up to date: run scripts/reference.py'}")
        return 0 if current else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
