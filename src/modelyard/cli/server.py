"""`up`, `down`, `env`, `status`: the server itself."""

import shlex
from typing import Annotated

import typer
from rich.text import Text

from modelyard.cli import views
from modelyard.cli.context import AsJson, DataDir, credentials, data_directory, make_client, print_json, show
from modelyard.cli.exits import Exit
from modelyard.client import Unreachable


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


def env(data_dir: DataDir = None) -> None:
    """Print the variables that OpenStack clients read, password or token included: eval "$(modelyard env)"."""
    for name, value in credentials(data_dir).environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Tell what answers: control plane, gateway, instances, whether their limits are enforced, services."""
    given = credentials(data_dir)
    with make_client(given) as yard:
        try:
            health = {**yard.health(), **yard.status()}
        except Unreachable as e:
            if as_json:
                print_json({"status": "down", "auth_url": given.auth_url, "reason": str(e)})
            else:
                show(views.facts((("control plane", Text("down", style="red")), ("reason", str(e)))))
            raise typer.Exit(Exit.UNREACHABLE) from None
        found = yard.services.list()
    if as_json:
        print_json({**health, "services": [s.raw for s in found]})
        return
    show(views.health(given.auth_url, health), "", views.services(found))


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""
    for command in (up, down, env, status):
        app.command()(command)
