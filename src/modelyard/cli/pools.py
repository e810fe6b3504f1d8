"""`modelyard pools`: where services of the project can run, and how much of it is used."""

import typer

from modelyard.cli import pool_views
from modelyard.cli.context import AsJson, DataDir, connect, print_answer


def register(app: typer.Typer) -> None:
    app.command()(pools)


def pools(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show the dedicated pools of the project: how they stand, what they run on, what is used of them."""
    with connect(data_dir) as yard:
        found = yard.pools()
    print_answer(found, pool_views.pools(found), as_json=as_json)
