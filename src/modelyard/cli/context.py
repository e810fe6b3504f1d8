"""What the commands share: options, the console, and finding the server."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console, RenderableType

from modelyard.client import Client, Credentials

DATA_DIR_VARIABLE = "MODELYARD_DATA_DIR"

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar=DATA_DIR_VARIABLE,
        help="Where the server keeps everything it owns.",
        show_default="./modelyard-data if it is there, otherwise ~/.local/share/modelyard",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the server's answer as JSON.")]
ServiceKey = Annotated[str, typer.Argument(metavar="SERVICE", help="Name or id of a service.")]
ModelKey = Annotated[
    str, typer.Argument(metavar="MODEL", help="NAME/VERSION, NAME (the newest) or id of a model.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Return at once instead of following the progress.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait.")]

console = Console(highlight=False, markup=False)
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def data_directory(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The data directory: the one given, ./modelyard-data if it is there, or the user's own."""
    if given is not None:
        return given.expanduser().absolute()
    here = Path("modelyard-data").absolute()
    if here.is_dir():
        return here
    share = environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(share) / "modelyard"


def credentials(given: Path | None, environ: Mapping[str, str] = os.environ) -> Credentials:
    """Who to log in as: an explicit --data-dir first, then OS_* variables, then the default data directory.

    Raises NotConfigured when none of them has credentials.
    """
    if given is None and environ.get("OS_AUTH_URL"):
        return Credentials.from_environment(environ)
    return Credentials.from_data_dir(data_directory(given, environ))


def connect(given: Path | None) -> Client:
    """A client of the server that the options or the environment name."""
    return Client(credentials(given))


def print_json(value: object) -> None:
    """Indented JSON on standard output, the same on a terminal and in a pipe."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_answer(raw: object, shown: RenderableType, *, as_json: bool) -> None:
    """What a command found: the server's answer as it is, or made for people."""
    if as_json:
        print_json(raw)
    else:
        console.print(shown)
