"""`modelyard models …`"""

from typing import Annotated

import typer

from modelyard.cli import views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import AsJson, DataDir, ModelKey, NoWait, Timeout, Yes, connect, errors, print_answer
from modelyard.client.waiting import Patience
from modelyard_runtime.loading.kinds import TYPES

app = typer.Typer(no_args_is_help=True, help="Publish models, look at them, delete them.")


@app.command("list")
def list_models(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every model of the project."""
    with connect(data_dir) as yard:
        listed = yard.models.list()
    print_answer([m.raw for m in listed], views.models(listed), as_json=as_json)


@app.command()
def show(model: ModelKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show one model."""
    with connect(data_dir) as yard:
        shown = yard.models.get(yard.models.find(model).model_id)
    print_answer(shown.raw, views.model(shown), as_json=as_json)


@app.command()
def publish(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    version: Annotated[str, typer.Argument(help="Version, n.n.n.")],
    source: Annotated[str, typer.Argument(help="Directory in the object store that holds model/ (/BUCKET/KEY).")],
    *,
    model_type: Annotated[
        str,
        typer.Option("--type", help=f"{', '.join(TYPES)}. Left out: what config.json says.", show_default=False),
    ] = "auto",
    description: Annotated[str, typer.Option(help="A sentence about it.")] = "",
    no_wait: NoWait = False,
    timeout: Timeout = 1800,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish a version of a model: a snapshot of the package as it is now."""
    optional = {"description": description} if description else {}
    with connect(data_dir) as yard:
        model_id = yard.models.publish(name, version, source, model_type, **optional)
        with errors.status(f"publishing {name}/{version}"):
            published = yard.models.get(model_id) if no_wait else yard.models.wait(model_id, Patience(timeout))
    print_answer(published.raw, views.model(published), as_json=as_json)


@app.command()
def wait(model: ModelKey, *, timeout: Timeout = 1800, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Wait until a model is published; fails when it could not be."""
    with connect(data_dir) as yard:
        key = yard.models.find(model)
        with errors.status(f"publishing {key.model_name}/{key.model_version}"):
            published = yard.models.wait(key.model_id, Patience(timeout))
    print_answer(published.raw, views.model(published), as_json=as_json)


@app.command()
def delete(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="NAME/VERSION or id of a model; NAME if it has one version.")
    ],
    *,
    yes: Yes = False,
    data_dir: DataDir = None,
) -> None:
    """Delete one version of a model; refused while a service uses it."""
    with connect(data_dir) as yard:
        doomed = yard.models.only(model)
        name = f"{doomed.model_name}/{doomed.model_version}"
        if not yes:
            users = ", ".join(one.service_name for one in yard.services.list(model_id=doomed.model_id))
            used = f"services use it: {users}" if users else "no service uses it"
            confirm_deletion(f"model {name} ({doomed.model_status}, {views.size(doomed.model_size)}; {used})", yes)
        yard.models.delete(doomed.model_id)
    errors.print(f"deleted {name}")
