"""`modelyard registries …`: what the project is known by to registries of images."""

import sys
from typing import Annotated

import typer

from modelyard.cli import views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import AsJson, DataDir, Yes, connect, print_answer

app = typer.Typer(no_args_is_help=True, help="Logins at registries of images.")

Registry = Annotated[str, typer.Argument(metavar="REGISTRY", help="Its host, with its port if it has one.")]


@app.command()
def login(
    registry: Registry,
    user: Annotated[str, typer.Option("--user", help="Who the project is there.")],
    *,
    stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Save what the project is known by there, for the images that its models name."""
    password = sys.stdin.readline().rstrip("\n") if stdin else typer.prompt("Password", hide_input=True, err=True)
    with connect(data_dir) as yard:
        yard.registries.save(registry, user, password)


@app.command("ls")
def list_registries(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the logins, without their passwords."""
    with connect(data_dir) as yard:
        found = yard.registries.list()
    print_answer(found, views.plain(found, "registry", "user", "changed_at"), as_json=as_json)


@app.command()
def logout(registry: Registry, *, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Forget a login: images that only it may have are pulled no more."""
    confirm_deletion(f"the login at {registry}", yes)
    with connect(data_dir) as yard:
        yard.registries.delete(registry)
