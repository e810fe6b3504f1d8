"""`modelyard services create | update | start | stop | delete`: change services, and follow the change."""

from dataclasses import dataclass, replace
from typing import Annotated

import typer

from modelyard.cli import views
from modelyard.cli.asking import confirm_deletion
from modelyard.cli.context import (
    AsJson,
    DataDir,
    NoWait,
    ServiceKey,
    Timeout,
    Yes,
    connect,
    errors,
    print_answer,
)
from modelyard.cli.progress import follow
from modelyard.cli.variants import ForAll, assignment, placed, present, successors, variant
from modelyard.client import Client, Service, Variant
from modelyard.client.records import rows
from modelyard.client.waiting import Patience

MODEL = typer.Option(
    "--model",
    "-m",
    metavar="MODEL[=WEIGHT][xINSTANCES]",
    help="A model to run, its share of the traffic and its instances: iris/1.0.0=70x2. Repeat for several.",
)
Config = Annotated[list[str], MODEL]
NewConfig = Annotated[list[str] | None, MODEL]
Description = Annotated[str | None, typer.Option(help="A sentence about the service.")]
Flavor = Annotated[str, typer.Option("--specification", help="Flavor of the instances.")]
NewFlavor = Annotated[str | None, typer.Option("--specification", help="Another flavor for every model.")]
Environment = Annotated[
    list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE", help="For every model.")
]
NewEnvironment = Annotated[
    list[str] | None,
    typer.Option("--env", "-e", metavar="NAME=VALUE", help="Set for every model; other variables stay."),
]
Unset = Annotated[
    list[str] | None, typer.Option("--unset-env", metavar="NAME", help="Drop this variable from every model.")
]
Pool = Annotated[str | None, typer.Option("--pool", metavar="NAME", help="A dedicated pool for every model.")]
NewPool = Annotated[
    str | None,
    typer.Option(
        "--pool", metavar="NAME", help="Move every model to this pool; '' for the service's own, or none."
    ),
]
DeployTimeout = Annotated[int | None, typer.Option(help="Seconds one instance may take to become ready.")]


def create(
    name: Annotated[str, typer.Argument(help="Name of the new service.")],
    *,
    model: Config,
    description: Description = None,
    specification: Flavor = "modelarts.vm.cpu.2u",
    env: Environment = None,
    pool: Pool = None,
    deploy_timeout: DeployTimeout = None,
    no_wait: NoWait = False,
    timeout: Timeout = 1800,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create a service and deploy it: modelyard services create iris -m iris/1.0.0"""
    with connect(data_dir) as yard:
        config = variants(yard, model, specification, env, deploy_timeout)
        if pool:
            config = [replace(one, more=placed(one.more, pool)) for one in config]
        optional = {} if description is None else {"description": description}
        service_id = yard.services.create(name, config, **optional)
        Ending(no_wait, timeout, as_json).show(yard, service_id, name)


def update(
    service: ServiceKey,
    *,
    model: NewConfig = None,
    description: Description = None,
    specification: NewFlavor = None,
    env: NewEnvironment = None,
    unset_env: Unset = None,
    pool: NewPool = None,
    deploy_timeout: DeployTimeout = None,
    no_wait: NoWait = False,
    timeout: Timeout = 1800,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Change a service while it answers: models, weights, instances, description. What is not said stays: a model
    keeps the instances and settings of the one whose place it takes."""
    for_all = ForAll(specification, dict(map(assignment, env or ())), tuple(unset_env or ()), deploy_timeout, pool)
    if not model and not for_all and description is None:
        raise typer.BadParameter("nothing to change: give --model, --description or what is to be other")
    with connect(data_dir) as yard:
        current = yard.services.find(service)
        optional = {} if description is None else {"description": description}
        if not model and not for_all:
            yard.services.put(current.service_id, **optional)
            Ending(True, timeout, as_json).show(yard, current.service_id, current.service_name)
            return
        before = present(rows(current.raw, "config"))
        config = successors(model, before, yard.models.find, Variant(model_id="")) if model else before
        began = yard.services.configure(current.service_id, [for_all.over(one) for one in config], **optional)
        Ending(no_wait, timeout, as_json).show(yard, current.service_id, current.service_name, began)


def start(
    service: ServiceKey,
    *,
    no_wait: NoWait = False,
    timeout: Timeout = 1800,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Start a stopped service."""
    with connect(data_dir) as yard:
        current = yard.services.find(service)
        yard.services.start(current.service_id)
        Ending(no_wait, timeout, as_json).show(yard, current.service_id, current.service_name)


def stop(
    service: ServiceKey,
    *,
    no_wait: NoWait = False,
    timeout: Timeout = 1800,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Stop a service: its instances end after the requests they hold."""
    with connect(data_dir) as yard:
        current = yard.services.find(service)
        yard.services.stop(current.service_id)
        Ending(no_wait, timeout, as_json).show(yard, current.service_id, current.service_name)


def delete(
    service: ServiceKey,
    *,
    yes: Yes = False,
    no_wait: NoWait = False,
    timeout: Timeout = 600,
    data_dir: DataDir = None,
) -> None:
    """Delete a service, with its instances and its history."""
    with connect(data_dir) as yard:
        current = yard.services.find(service)
        config = f", which runs {views.split(current.config)}" if current.config else ""
        confirm_deletion(f"service {current.service_name} ({current.status}){config}", yes)
        yard.services.delete(current.service_id)
        if no_wait:
            errors.print(f"deleting {current.service_name}")
            return
        with errors.status(f"deleting {current.service_name}"):
            yard.services.wait_gone(current.service_id, Patience(timeout))
    errors.print(f"deleted {current.service_name}")


def variants(
    yard: Client, texts: list[str], specification: str, env: list[str] | None, deploy_timeout: int | None
) -> list[Variant]:
    """The config that the options describe; models by name are looked up."""
    base = Variant(
        model_id="",
        specification=specification,
        envs=dict(map(assignment, env or ())),
        deploy_timeout_in_seconds=deploy_timeout,
    )
    return [variant(text, len(texts), lambda key: yard.models.find(key).model_id, base) for text in texts]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command that changes a service ends: whether, and how long, it follows the change; what it prints."""

    no_wait: bool
    timeout_s: float
    as_json: bool

    def show(self, yard: Client, service_id: str, name: str, update_time: int | None = None) -> None:
        """Follow the change to its end and print the service; OperationFailed when it failed, or the update named
        was rolled back."""
        result = self._found(yard, service_id, name, update_time)
        print_answer(result.raw, views.service(result), as_json=self.as_json)

    def _found(self, yard: Client, service_id: str, name: str, update_time: int | None) -> Service:
        if self.no_wait:
            return yard.services.get(service_id)
        patience = Patience(self.timeout_s)
        if update_time is None:
            return follow(name, lambda report: yard.services.wait(service_id, report, patience))
        return follow(name, lambda report: yard.services.wait_update(service_id, update_time, report, patience))


def register(app: typer.Typer) -> None:
    """Add the commands of this module to `modelyard services`."""
    for command in (create, update, start, stop, delete):
        app.command()(command)
