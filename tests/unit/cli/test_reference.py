"""The pages of the reference are what `make reference` writes, and say everything."""

from pathlib import Path

from tests.unit.cli.every import commands

from modelyard.api import reference as api
from modelyard.api.app import bare_app
from modelyard.cli import app as program
from modelyard.cli import reference
from modelyard.cli.exits import MEANINGS, Exit

PAGES = Path(__file__).parents[3] / "docs" / "reference"


def test_the_page_of_the_commands_is_up_to_date() -> None:
    assert (PAGES / "command-line.md").read_text() == reference.markdown(program.app), "run make reference"


def test_the_page_of_the_api_is_up_to_date() -> None:
    assert (PAGES / "api.md").read_text() == api.markdown(bare_app().openapi()), "run make reference"


def test_every_command_and_exit_code_is_on_the_page() -> None:
    page = reference.markdown(program.app)
    assert [name for name in commands(program.app) if f"### modelyard {name}\n" not in page] == []
    assert set(Exit) | {2} <= set(MEANINGS)
    assert [code for code in MEANINGS if f"| {int(code)} |" not in page] == []
    assert all(option in page for option in ("--unset-env", "--password-stdin", "--no-wait", "`--yes`, `-y`"))
