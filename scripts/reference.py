"""Write docs/reference/api.md from the OpenAPI document, command-line.md from the commands, metrics.md from the
catalogue; `--check` only says whether they are up to date."""

import sys
from pathlib import Path

from modelyard.api import metric_reference
from modelyard.api import reference as api
from modelyard.api.app import bare_app
from modelyard.cli import reference as commands
from modelyard.cli.app import app

DOCS = Path(__file__).parent.parent / "docs" / "reference"


def main() -> int:
    pages = {
        DOCS / "api.md": api.markdown(bare_app().openapi()),
        DOCS / "command-line.md": commands.markdown(app),
        DOCS / "metrics.md": metric_reference.markdown(),
    }
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text() != text]
    if "--check" in sys.argv[1:]:
        for page in stale:
            print(f"{page} is not up to date: run make reference")
        return 1 if stale else 0
    for page in stale:
        page.write_text(pages[page])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
