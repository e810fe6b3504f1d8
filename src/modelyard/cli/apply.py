"""`modelyard apply`, `services diff | revisions | rollback`: changes that are shown before they are made."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from modelyard.cli import plan_view
from modelyard.cli.asking import confirm_change
from modelyard.cli.changes import Ending
from modelyard.cli.context import (
    AsJson,
    DataDir,
    NoWait,
    ServiceKey,
    Timeout,
    connect,
    console,
    errors,
    print_answer,
    print_json,
    show,
)
from modelyard.client import ApiError, Client
from modelyard.client.plans import Plan
from modelyard.client.records import Json

if TYPE_CHECKING:
    from modelyard.cli.service_file import ServiceFile

Source = Annotated[
    Path, typer.Option("--file", "-f", metavar="FILE", help="A service file; examples/services has some.")
]
Sure = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask. Nobody is asked without a terminal either.")]
STALE = 412


def apply(
    file: Source,
    *,
    yes: Sure = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")] = False,
    no_wait: NoWait = False,
    timeout: Timeout = 1800,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create or change a service so that it is as a file says: modelyard apply -f service.yaml"""
    source = _read(file)
    with connect(data_dir) as yard:
        body, plan = _planned(yard, source, _existing(yard, source.body.service_name))
        if dry_run and as_json:
            print_json(plan.raw)
            return
        show(plan_view.plan(plan), on=errors if as_json else console)
        if dry_run or not plan.does_something:
            if as_json:
                print_json(yard.services.get(plan.service_id).raw)
            return
        confirm_change(yes)
        try:
            answer = yard.changes.make(plan, body)
        except ApiError as e:
            _explain(e, source)
        _follow(yard, plan, answer, Ending(no_wait, timeout, as_json))


def diff(service: ServiceKey, file: Source, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show what a service file would change; change nothing."""
    source = _read(file)
    with connect(data_dir) as yard:
        _, plan = _planned(yard, source, yard.services.find(service).service_id)
    print_answer(plan.raw, plan_view.plan(plan), as_json=as_json)


def revisions(service: ServiceKey, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the configurations a service had, newest first."""
    with connect(data_dir) as yard:
        numbered = yard.changes.revisions(yard.services.find(service).service_id)
        names = {m.model_id: f"{m.model_name}/{m.model_version}" for m in yard.models.list()}
    print_answer([one.raw for one in numbered], plan_view.revisions(numbered, names), as_json=as_json)


def rollback(
    service: ServiceKey,
    revision: Annotated[int, typer.Argument(help="Number of a revision; `services revisions` lists them.")],
    *,
    yes: Sure = False,
    no_wait: NoWait = False,
    timeout: Timeout = 1800,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Go back to an earlier configuration, as one more live change."""
    with connect(data_dir) as yard:
        known = yard.services.find(service)
        plan = yard.changes.plan_rollback(known.service_id, revision)
        show(plan_view.plan(plan), on=errors if as_json else console)
        if not plan.does_something:
            if as_json:
                print_json(known.raw)
            return
        confirm_change(yes)
        answer = yard.changes.rollback(known.service_id, revision, plan.etag)
        _follow(yard, plan, answer, Ending(no_wait, timeout, as_json))


def _read(file: Path) -> "ServiceFile":
    """Imported here: YAML and Pydantic would slow down every other command."""
    from modelyard.cli.service_file import ServiceFile

    return ServiceFile.read(file)


def _existing(yard: Client, name: str) -> str:
    """The id of the service with this name, "" if there is none."""
    named = [s for s in yard.services.list(service_name=name) if s.service_name == name]
    return named[0].service_id if named else ""


def _planned(yard: Client, source: "ServiceFile", service_id: str) -> tuple[Json, Plan]:
    """(the body to send, what it does)."""
    body = source.wanted(lambda key: yard.models.find(key).model_id)
    body = source.change(body) if service_id else body
    try:
        return body, yard.changes.plan(service_id, body)
    except ApiError as e:
        _explain(e, source)


def _explain(error: ApiError, source: "ServiceFile") -> NoReturn:
    if error.status == STALE:
        text = "somebody changed the service since the plan was made: look at the new plan, then apply again"
        raise ApiError(error.status, error.code, text, error.request_id) from error
    raise source.located(error) from error


def _follow(yard: Client, plan: Plan, answer: Json, ending: Ending) -> None:
    began = answer.get("update_time")
    update_time = began if isinstance(began, int) else None
    ending.show(yard, str(plan.service_id or answer["service_id"]), plan.service_name, update_time)


def register(app: typer.Typer, services: typer.Typer) -> None:
    """Add `apply` to `modelyard`, the others to `modelyard services`."""
    app.command()(apply)
    for command in (diff, revisions, rollback):
        services.command()(command)
