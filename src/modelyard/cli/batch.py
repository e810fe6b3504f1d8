"""`modelyard batch …`: have a model answer everything that lies in objects, and follow that."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from modelyard.cli import batch_view, mapping
from modelyard.cli.context import AsJson, DataDir, NoWait, ServiceKey, connect, errors, print_answer
from modelyard.cli.exits import BadFileError
from modelyard.cli.variants import assignment
from modelyard.client import Client, OperationFailed, Service, UnknownName
from modelyard.client.errors import Subject
from modelyard.client.records import Json
from modelyard.client.status import ENDED

app = typer.Typer(no_args_is_help=True, help="Have a model answer everything that lies in objects.")
AUTO = "auto"
BY_NAME = frozenset({"jsonl", "parquet"})
MAP = "`--mapping auto` puts columns where the model's schema has their names, `--mapping FILE` where a rule says"
UNMAPPED = "rows were sent as they are"


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="Name of the new batch service.")],
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="NAME/VERSION, NAME (the newest) or id of a model.")],
    source: Annotated[
        str, typer.Option("--input", "-i", help="Where the input is: obs://bucket/key, or a .manifest.")
    ],
    destination: Annotated[
        str, typer.Option("--output", "-o", help="Where the results go: obs://bucket/folder/.")
    ],
    format: Annotated[str, typer.Option("--format", "-f", help="csv, file, jsonl or parquet.")] = "csv",
    rule: Annotated[
        str | None,
        typer.Option(
            "--mapping",
            help="FILE with the mapping rule (JSON), or `auto`: made from the model's schema.",
            show_default="auto for csv, none for the others",
        ),
    ] = None,
    uri: Annotated[str, typer.Option("--uri", help="The api of the model that is asked.")] = "/",
    header: Annotated[bool, typer.Option("--header", help="The first line of a csv names its columns.")] = False,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="How many work at once.")] = 1,
    specification: Annotated[str, typer.Option(help="Flavor of the workers.")] = "modelarts.vm.cpu.2u",
    env: Annotated[list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=JSON", help='An option of the job: error_threshold={"count":9}'),
    ] = None,
    no_wait: NoWait = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create a batch service and follow it to its end: modelyard batch run scores -m iris -i obs://b/in/ -o
    obs://b/out/"""
    with connect(data_dir) as yard:
        known = yard.models.find(model)
        job: Json = {
            "model_id": known.model_id,
            "specification": specification,
            "instance_count": workers,
            "src_path": source,
            "dest_path": destination,
            "req_uri": uri,
            "mapping_type": format,
        }
        if source.endswith(".manifest"):
            job["src_type"] = "ManifestFile"
        if (rule or (AUTO if format == "csv" else None)) == AUTO:
            by_name = header or format in BY_NAME
            job["mapping_rule"] = mapping.rule_for(known, uri, by_name=by_name)
        elif rule is not None:
            job["mapping_rule"] = _read(Path(rule))
        if env:
            job["envs"] = dict(map(assignment, env))
        options: Json = {"csv_header": True} if header else {}
        options |= {key: _json(key, text) for key, text in map(assignment, option or ())}
        if options:
            job["additional_properties"] = options
        unmapped = format in BY_NAME and rule is None
        if unmapped and format == "parquet" and (deeper := mapping.deeper(known, uri)):
            errors.print(f"Each row is sent as an object of its columns. {deeper}: {MAP}", markup=False)
        service_id = yard.batch.create(name, job)
        _end(yard, service_id, no_wait=no_wait, as_json=as_json, hint=f"; {UNMAPPED}: {MAP}" if unmapped else "")


@app.command()
def status(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show how far a batch service is."""
    with connect(data_dir) as yard:
        shown = _found(yard, service)
    print_answer(shown.raw, batch_view.task(shown), as_json=as_json)


@app.command()
def watch(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Follow a batch service to its end; fails unless it finishes."""
    with connect(data_dir) as yard:
        _end(yard, _found(yard, service).service_id, no_wait=False, as_json=as_json)


@app.command()
def failed(
    service: ServiceKey,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows to list at most.")] = 100,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the rows that failed, each with its cause."""
    with connect(data_dir) as yard:
        shown = _found(yard, service)
        task_id = _task_id(shown)
        rows = list(islice(yard.batch.failed_rows(shown.service_id, task_id), limit))
    told = [{"source": one.source, "row": one.row, "error": one.error} for one in rows]
    print_answer(told, batch_view.failed(rows), as_json=as_json)


@app.command()
def retry_failed(
    service: ServiceKey, *, no_wait: NoWait = False, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Try the rows that failed again, and no others."""
    with connect(data_dir) as yard:
        shown = _found(yard, service)
        yard.batch.retry_failed(shown.service_id, _task_id(shown))
        _end(yard, shown.service_id, no_wait=no_wait, as_json=as_json)


@app.command()
def stop(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Stop a batch service: what is done stays."""
    with connect(data_dir) as yard:
        shown = _found(yard, service)
        yard.services.stop(shown.service_id)
        shown = yard.services.settled(shown.service_id)
    print_answer(shown.raw, batch_view.task(shown), as_json=as_json)


@app.command()
def resume(
    service: ServiceKey, *, no_wait: NoWait = False, data_dir: DataDir = None, as_json: AsJson = False
) -> None:
    """Go on with a batch service that was stopped or failed; run one that finished anew."""
    with connect(data_dir) as yard:
        shown = _found(yard, service)
        yard.services.start(shown.service_id)
        former = shown.batch.task_id if shown.batch and shown.status == "finished" else ""
        _end(yard, shown.service_id, no_wait=no_wait, as_json=as_json, former=former)


def _found(yard: Client, key: str) -> Service:
    service = yard.services.find(key)
    if service.infer_type != "batch":
        raise UnknownName(f"{service.service_name} is a {service.infer_type} service, not a batch service")
    return service


def _task_id(service: Service) -> str:
    if service.batch is None:
        raise UnknownName(f"{service.service_name} has no task yet")
    return service.batch.task_id


def _end(yard: Client, service_id: str, *, no_wait: bool, as_json: bool, hint: str = "", former: str = "") -> None:
    """Follow it, unless nobody waits, and print it; OperationFailed unless it finished. `hint`: what to try where
    rows failed. `former`: a task that is over, whose place another takes in a moment."""
    if no_wait:
        shown: Service | None = _without(yard.services.get(service_id), former)
    else:
        shown = batch_view.followed(_without(one, former) for one in _seen(yard, service_id))
    if shown is None:
        raise OperationFailed(f"batch service {service_id} was deleted")
    print_answer(shown.raw, batch_view.task(shown), as_json=as_json)
    if no_wait:
        return
    name = shown.service_name
    if shown.status != "finished":
        why = shown.error_msg or f"it was {shown.status}"
        raise OperationFailed(f"batch service {name} did not finish: {why}", Subject("service", name))
    if shown.batch is not None and shown.batch.rows_failed:
        count = shown.batch.rows_failed
        told = f"{count:,} {'row' if count == 1 else 'rows'} FAILED: modelyard batch failed {name}"
        errors.print(f"{told}{hint}", markup=False)


def _without(service: Service, former: str) -> Service:
    """While it works, it says nothing of the former task."""
    over = service.batch is not None and service.batch.task_id == former and service.status not in ENDED
    return replace(service, batch=None) if over else service


def _seen(yard: Client, service_id: str) -> Iterator[Service]:
    return iter(yard.services.watch(service_id, lambda text: errors.print(Text(text, style="dim"))))


def _read(path: Path) -> object:
    """Raises BadFileError."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadFileError(f"{path}: {error}") from error


def _json(name: str, text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value
