"""`up`, `down`, `env`, `status`: the server itself."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from modelyard.cli import views
from modelyard.cli.context import (
    AsJson,
    DataDir,
    connect,
    credentials,
    data_directory,
    make_client,
    print_json,
    show,
)
from modelyard.cli.exits import Exit
from modelyard.client import Credentials, NotConfigured, Unreachable
from modelyard.client.records import Json


def up(
    data_dir: DataDir = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on; 0.0.0.0 for every interface.", show_default="127.0.0.1"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port of the API; 0 takes a free one.", min=0, max=65535, show_default="8470"),
    ] = None,
    gateway_port: Annotated[
        int | None,
        typer.Option(
            help="Port that callers of models use; 0 takes a free one.", min=0, max=65535, show_default="8471"
        ),
    ] = None,
) -> None:
    """Start the server here and stay until Ctrl-C, which ends everything, gateway and instances too.

    SIGTERM and a crash end the control plane alone: gateway and instances go on serving, the next `modelyard up`
    takes them over, and `modelyard down` ends them.
    """
    from modelyard.main import up as run
    from modelyard.settings import SettingsError, settings

    given = {"data_dir": data_directory(data_dir), "host": host, "port": port, "gateway_port": gateway_port}
    try:
        chosen = settings(given)
    except SettingsError as e:
        raise typer.BadParameter(str(e)) from e
    raise typer.Exit(run(chosen))


def down(data_dir: DataDir = None) -> None:
    """Stop the server of a data directory, its gateway and every instance. Nothing stored is lost."""
    from modelyard.main import down as run

    raise typer.Exit(run(data_directory(data_dir)))


def env(
    *,
    curl: Annotated[
        bool,
        typer.Option("--curl", help="Print for curl as well: TOKEN, good for a day, and API, up to the project."),
    ] = False,
    service: Annotated[
        str | None,
        typer.Option(
            "--service",
            metavar="SERVICE",
            help="As --curl, and SERVICE, where the API has this service, and ADDRESS, where it is called.",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print the variables that OpenStack clients read, password or token included: eval "$(modelyard env)"."""
    for name, value in credentials(data_dir).environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    if curl or service is not None:
        for name, value in _for_curl(data_dir, service).items():
            typer.echo(f"{name}={shlex.quote(value)}")  # of the shell alone: programs need no token to inherit


def _for_curl(data_dir: Path | None, service: str | None) -> dict[str, str]:
    root = credentials(data_dir).auth_url.rstrip("/").removesuffix("/v3")
    with connect(data_dir) as yard:
        held = yard.session.login()
        api = f"{root}/v1/{held.project_id}"
        variables = {"TOKEN": held.token, "API": api}
        if service is not None:
            one = yard.services.find(service)
            variables |= {"SERVICE": f"{api}/services/{one.service_id}", "ADDRESS": one.access_address}
    return variables


def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Tell what answers: control plane, gateway, instances, whether their limits are enforced, services."""
    given = credentials(data_dir)
    with make_client(given) as yard:
        try:
            health = {**yard.health(), **yard.status()}
        except Unreachable as e:
            left = _left(data_directory(data_dir), given)
            if as_json:
                print_json({"status": "down", "auth_url": given.auth_url, "reason": str(e), **left})
            else:
                rows = [(name.replace("_", " "), str(value)) for name, value in left.items()]
                show(views.facts([("control plane", Text("down", style="red")), ("reason", str(e)), *rows]))
            raise typer.Exit(Exit.UNREACHABLE) from None
        services = yard.services.list()
    if as_json:
        print_json({**health, "services": [s.raw for s in services]})
        return
    show(views.health(given.auth_url, health), "", views.services(services))


def _left(place: Path, given: Credentials) -> Json:
    """What runs without its control plane, where the data directory of the server lies here."""
    try:
        if Credentials.from_data_dir(place).auth_url != given.auth_url:
            return {}
    except NotConfigured:
        return {}
    from modelyard.remains import remains

    left = remains(place)
    ports = ", ".join(map(str, left.gateway_ports))
    return {
        "data_dir": str(place),
        "gateway": f"serves on port {ports}" if ports else "down",
        "instances_running": left.instances,
    }


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (up, down, env, status):
        app.command()(command)
