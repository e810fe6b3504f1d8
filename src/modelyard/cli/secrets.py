"""`modelyard secrets …`: values that services of the project find as files."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli import views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import AsJson, DataDir, Yes, connect, print_answer

app = typer.Typer(no_args_is_help=True, help="Secrets that services find as files.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Its name, which service_secrets calls secretId.")]


@app.command("set")
def save(
    name: Name,
    file: Annotated[
        Path | None,
        typer.Option("--from-file", help="Take the content of this file."),
    ] = None,
    *,
    stdin: Annotated[bool, typer.Option("--from-stdin", help="Take all of standard input.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Save a secret: asked for, or read whole, line ends too. Services have it from their next change on."""
    if file is not None and stdin:
        raise typer.BadParameter("give --from-file or --from-stdin, not both")
    value = _read(file) if file is not None else sys.stdin.read() if stdin else _asked()
    with connect(data_dir) as yard:
        saved = yard.secrets.save(name, value)
    print_answer(saved, views.plain([saved], "secret_id", "version", "changed_at"), as_json=as_json)


@app.command("ls")
def list_secrets(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the secrets without their values, and the services that have them."""
    with connect(data_dir) as yard:
        found = yard.secrets.list()
    print_answer(found, views.plain(found, "secret_id", "version", "changed_at", "services"), as_json=as_json)


@app.command("rm")
def remove(name: Name, *, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Delete a secret; refused while a service has it."""
    confirm_deletion(f"the secret {name}", yes)
    with connect(data_dir) as yard:
        yard.secrets.delete(name)


def _asked() -> str:
    answer: str = typer.prompt("Value", hide_input=True, err=True)
    return answer


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file} is no text in UTF-8; encode it first, in base64 for example") from error
