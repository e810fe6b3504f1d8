"""`modelyard services …`: look at services."""

import typer

from modelyard.cli import views
from modelyard.cli.changes import Ending
from modelyard.cli.context import AsJson, DataDir, ServiceKey, Timeout, connect, print_answer

app = typer.Typer(no_args_is_help=True, help="Create services, change them live, look at them.")


@app.command("list")
def list_services(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every service of the project."""
    with connect(data_dir) as yard:
        listed = yard.services.list()
    print_answer([s.raw for s in listed], views.services(listed), as_json=as_json)


@app.command()
def show(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show one service: status, address, what it runs."""
    with connect(data_dir) as yard:
        shown = yard.services.find(service)
    print_answer(shown.raw, views.service(shown), as_json=as_json)


@app.command()
def logs(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the updates of a service and how each ended."""
    with connect(data_dir) as yard:
        history = yard.services.updates(yard.services.find(service).service_id)
    print_answer([u.raw for u in history], views.updates(history), as_json=as_json)


@app.command()
def events(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what happened to a service."""
    with connect(data_dir) as yard:
        history = yard.services.events(yard.services.find(service).service_id)
    print_answer(history, views.events(history), as_json=as_json)


@app.command()
def wait(service: ServiceKey, timeout: Timeout = 1800, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Wait until a service no longer changes; fails when it failed."""
    with connect(data_dir) as yard:
        key = yard.services.find(service)
        Ending(False, timeout, as_json).show(yard, key.service_id, key.service_name)
