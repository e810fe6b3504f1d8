"""Everything that is wrong with a package, said before anybody publishes it. Runs nothing of it."""

from pathlib import Path

from modelyard.artifacts.judgement import Finding, Level, Report, judge

__all__ = ["Finding", "Level", "Report", "check"]


def check(directory: Path, *, safe_only: bool = False) -> Report:
    """`directory` holds `model/`, or is it. `safe_only`: weights that run code when they are loaded are errors."""
    home = directory / "model" if (directory / "model").is_dir() else directory
    if not home.is_dir():
        return Report((Finding(Level.ERROR, str(directory), "is not a directory"),))
    try:
        return judge(home, safe_only=safe_only)
    except OSError as error:
        return Report((Finding(Level.ERROR, str(error.filename or home), f"cannot be read: {error.strerror}"),))
