"""What the commands share: options, the console, and finding the server."""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console, RenderableType

from modelyard.cli import profiles
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
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", metavar="NAME", help="Speak for the login of this name (modelyard login --profile NAME)."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking; needed where nobody can be asked.")]
Timeout = Annotated[float, typer.Option("--timeout", help="Seconds to wait.")]


@dataclass(frozen=True, slots=True)
class Source:
    """Who the commands speak for, and where that was found."""

    credentials: Credentials
    told: str
    data_dir: Path | None = None


chosen_profile: ContextVar[str | None] = ContextVar("chosen_profile", default=None)
"""What --profile of the running command says."""

spoken_for: ContextVar[Source | None] = ContextVar("spoken_for", default=None)
"""Who the running command spoke for, once it looked."""

asked_of: ContextVar[str] = ContextVar("asked_of", default="")
"""How the command line names the service that the running command called, with what finds its server."""

console = Console(highlight=False, markup=False)
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
PIPE_COLUMNS = 1_000_000
"""Of a pipe: nothing is cut or wrapped there."""


def data_directory(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The data directory: the one given, ./modelyard-data if it is there, or the user's own."""
    if given is not None:
        return given.expanduser().absolute()
    here = Path("modelyard-data").absolute()
    if here.is_dir():
        return here
    share = environ.get("XDG_DATA_HOME") or Path("~/.local/share").expanduser()
    return Path(share) / "modelyard"


def source(given: Path | None, environ: Mapping[str, str] = os.environ) -> Source:
    """Who to speak for: --profile, --data-dir, MODELYARD_PROFILE, OS_* variables, the login that `modelyard login`
    keeps, the data directory of this place or user. Raises NotConfigured when none of them has credentials.
    """
    credentials = _source(given, environ)
    spoken_for.set(credentials)
    return credentials


def _source(given: Path | None, environ: Mapping[str, str]) -> Source:
    name = chosen_profile.get() or ("" if given else environ.get(profiles.VARIABLE, ""))
    if name:
        return _profile(name, environ)
    if given is None:
        if environ.get("OS_AUTH_URL"):
            return Source(Credentials.from_environment(environ), "the variables OS_…")
        if profiles.path(profiles.DEFAULT, environ).exists():
            return _profile(profiles.DEFAULT, environ)
    place = data_directory(given, environ)
    return Source(Credentials.from_data_dir(place), f"the data directory {place}", place)


def _profile(name: str, environ: Mapping[str, str]) -> Source:
    return Source(profiles.load(name, environ).credentials(), f"profile {name} ({profiles.path(name, environ)})")


def credentials(given: Path | None, environ: Mapping[str, str] = os.environ) -> Credentials:
    return source(given, environ).credentials


def connect(given: Path | None) -> Client:
    """A client of the server that the options or the environment name."""
    return make_client(credentials(given))


def make_client(given: Credentials) -> Client:
    return Client(given)


def print_json(value: object) -> None:
    """Indented JSON on standard output, the same on a terminal and in a pipe."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_answer(raw: object, shown: RenderableType, *, as_json: bool) -> None:
    """What a command found: the server's answer as it is, or made for people."""
    if as_json:
        print_json(raw)
    else:
        show(shown)


def show(*shown: RenderableType, on: Console | None = None) -> None:
    """Print for people. A terminal wraps at its width; in a pipe nothing is wrapped, cut or padded."""
    where = on or console
    if where.is_terminal:
        where.print(*shown, sep="\n")
        return
    plain = Console(width=PIPE_COLUMNS, highlight=False, markup=False, color_system=None)
    with plain.capture() as taken:
        plain.print(*shown, sep="\n")
    for line in taken.get().splitlines():
        where.file.write(line.rstrip() + "\n")
    where.file.flush()
