"""`modelyard admin monitoring-files`: what Prometheus and Grafana need, written where somebody wants it."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli.exits import BadFileError

HERE = "modelyard.cli"
FOLDER = "monitoring"
SCRIPTS = frozenset({"modelyard-token.sh"})
TARGET = "127.0.0.1:8470"
HOST_PORT = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
"""A name, an address or one in brackets: it goes into a script of the shell as it is."""

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Where to; it is made.")]
Target = Annotated[str, typer.Option(help="Where Prometheus reaches the API, HOST:PORT.")]
Force = Annotated[bool, typer.Option("--force", help="Also over files that are there and differ.")]


def monitoring_files(directory: Directory, target: Target = TARGET, force: Force = False) -> None:
    """Write a configuration of Prometheus, alert rules, a dashboard for Grafana and a script that gets a token."""
    port = HOST_PORT.fullmatch(target)
    if port is None or not 0 < int(port[1]) < 65536:
        raise typer.BadParameter(f"{target!r} is not HOST:PORT, without http://", param_hint="--target")
    wanted = {name: text.replace(TARGET, target) for name, text in shipped().items()}
    changed = [name for name, text in wanted.items() if _there(directory / name) not in {None, text}]
    if changed and not force:
        raise BadFileError(f"{', '.join(changed)} in {directory} differ from what would be written: use --force")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in wanted.items():
            (directory / name).write_text(text, encoding="utf-8")
            (directory / name).chmod(0o755 if name in SCRIPTS else 0o644)
            typer.echo(directory / name)
    except OSError as error:
        raise BadFileError(f"{directory}: {error.strerror}") from error


def shipped() -> dict[str, str]:
    """Name → text."""
    folder = files(HERE) / FOLDER
    return {
        one.name: one.read_text(encoding="utf-8") for one in sorted(folder.iterdir(), key=lambda one: one.name)
    }


def _there(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadFileError(f"{path}: {error.strerror}") from error


def register(admin: typer.Typer) -> None:
    admin.command("monitoring-files")(monitoring_files)
