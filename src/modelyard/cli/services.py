"""`modelyard services …`: look at services."""

import typer

from modelyard.cli import views
from modelyard.cli.context import AsJson, DataDir, ServiceKey, Timeout, connect, console, print_json
from modelyard.cli.progress import follow
from modelyard.client.waiting import Patience

app = typer.Typer(no_args_is_help=True, help="Create services, change them live, look at them.")


@app.command("list")
def list_services(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every service of the project."""
    with connect(data_dir) as yard:
        found = yard.services.list()
    if as_json:
        print_json([s.raw for s in found])
    else:
        console.print(views.services(found))


@app.command()
def show(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show one service: status, address, what it runs."""
    with connect(data_dir) as yard:
        found = yard.services.find(service)
    if as_json:
        print_json(found.raw)
    else:
        console.print(views.service(found))


@app.command()
def logs(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the updates of a service and how each ended."""
    with connect(data_dir) as yard:
        found = yard.services.updates(yard.services.find(service).service_id)
    if as_json:
        print_json([u.raw for u in found])
    else:
        console.print(views.updates(found))


@app.command()
def events(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List what happened to a service."""
    with connect(data_dir) as yard:
        found = yard.services.events(yard.services.find(service).service_id)
    if as_json:
        print_json(found)
    else:
        console.print(views.events(found))


@app.command()
def wait(service: ServiceKey, timeout: Timeout = 1800, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Wait until a service no longer changes; fails when it failed."""
    with connect(data_dir) as yard:
        key = yard.services.find(service)
        patience = Patience(timeout)
        found = follow(key.service_name, lambda report: yard.services.wait(key.service_id, report, patience))
    if as_json:
        print_json(found.raw)
    else:
        console.print(views.service(found))
