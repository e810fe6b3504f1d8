"""`modelyard models …`"""

from pathlib import Path
from typing import Annotated

import typer

from modelyard.cli import publishing, views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import AsJson, DataDir, ModelKey, NoWait, Timeout, Yes, connect, errors, print_answer
from modelyard.client.waiting import Patience
from modelyard_runtime.loading.kinds import TYPES

IMAGE = "Image"
"""The type of a model that is an image, whose source may be the image's name."""
KNOWN = ", ".join((*TYPES, IMAGE))

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
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME VERSION] SOURCE",
            help="SOURCE is a directory of this machine that is a package, or holds model/ with it, or a place in "
            "the object store that holds model/ (obs://BUCKET/KEY, /BUCKET/KEY), or with --type Image the name of "
            "an image. NAME and VERSION (n.n.n) left out: the directory's name, and one more than the last.",
        ),
    ],
    *,
    model_type: Annotated[
        str,
        typer.Option("--type", help=f"{KNOWN}. Left out: what config.json says.", show_default=False),
    ] = "auto",
    description: Annotated[str, typer.Option(help="A sentence about it.")] = "",
    bucket: Annotated[
        str | None,
        typer.Option(help="Where a directory is uploaded to.", show_default="the project's, made on first use"),
    ] = None,
    no_wait: NoWait = False,
    timeout: Timeout = 1800,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish a version of a model: a snapshot of the package as it is now. A directory of this machine is judged
    as `modelyard check` does, and uploaded; what an upload that broke off brought there is not sent again."""
    if len(words) not in {1, 3}:
        raise typer.BadParameter("it takes SOURCE, or NAME VERSION SOURCE")
    source = words[-1]
    optional = {"description": description} if description else {}
    with connect(data_dir) as yard:
        names_image = model_type == IMAGE and not Path(source).expanduser().is_dir()
        directory = None if names_image else publishing.on_this_machine(yard, source)
        if directory is None:
            if len(words) == 1:
                raise typer.BadParameter(f"say NAME VERSION {source}")
            if bucket:
                raise typer.BadParameter("--bucket is for a directory of this machine")
            name, version = words[:2]
        else:
            publishing.judged(directory)
            name = words[0] if len(words) > 1 else publishing.named(directory)
            version = words[1] if len(words) > 1 else publishing.next_version(yard.models.list(), name)
            source = publishing.uploaded(yard, directory, name, version, bucket)
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
