"""Batch services in a control plane with virtual time: fake workers, and a fake runner of their tasks.

They are written to the store as the use cases write them, so that their configs may be of the plainest.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.worlds.plane import PROJECT, PlaneWorld
from tests.worlds.services import template, variant

from modelyard.batch.fake import Running
from modelyard.core.rollout import stopping
from modelyard.domain.batch import Format, Job, Task
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import (
    Desired,
    InferType,
    Rollout,
    RolloutKind,
    Service,
    ServiceStatus,
)
from modelyard.store.base import Store

JOB = Job("obs://b/in/", "obs://b/out/", "/", Format.CSV)


def batch_variant(
    count: int = 1,
    *,
    destination: str = "obs://b/out/",
    envs: tuple[tuple[str, str], ...] = (),
    **fields: object,
) -> Variant:
    runs = template("a1", resources=Resources(2, 8192), envs=envs)
    job = replace(JOB, destination=destination)
    return variant("a1", count=count, job=job, template=runs, **fields)  # type: ignore[arg-type]


async def create_batch(world: PlaneWorld, asked: Variant, name: str = "jobs") -> str:
    """The id of a new service, which begins to deploy."""
    service_id = await stored_batch(world.store, asked, world.clock.wall_ms(), name)
    world.plane.nudge("service", service_id)
    return service_id


async def stored_batch(store: Store, asked: Variant, now: int, name: str = "jobs", owner: str = "u1") -> str:
    service_id = f"svc-{name}"
    service = Service(
        id=service_id,
        project_id=PROJECT,
        name=name,
        infer_type=InferType.BATCH,
        owner=owner,
        created_ms=now,
        desired=Desired.RUNNING,
        revision=1,
        status=ServiceStatus.DEPLOYING,
    )
    async with store.write() as w:
        await w.add_service(service)
        await w.add_revision(Revision(service_id, 1, now, (asked,)))
        await w.save_rollout(Rollout(f"roll-{name}-1", service_id, RolloutKind.DEPLOY, 1, None, now))
    return service_id


async def reconfigure(world: PlaneWorld, service_id: str, asked: Variant) -> None:
    """As a PUT of another config does while the service runs."""
    now = world.clock.wall_ms()
    async with world.store.write() as w:
        record = await w.record(service_id)
        assert record is not None
        service, number = record.service, record.last_revision + 1
        if record.rollout is not None:
            await w.save_rollout(stopping.cancelled(record.rollout, "another update took its place", now))
        await w.add_revision(Revision(service_id, number, now, (asked,)))
        service = replace(service, revision=number, version=service.version + 1)
        rollout = Rollout(f"{service_id}-{number}", service_id, RolloutKind.UPDATE, number, service.stable, now)
        await w.save_rollout(rollout)
        await w.save_service(stopping.turned(service, Desired.RUNNING, ServiceStatus.DEPLOYING, now))
    world.plane.nudge("service", service_id)


async def tasks(world: PlaneWorld, service_id: str) -> list[Task]:
    """Newest first."""
    async with world.store.read() as r:
        return list(await r.tasks(service_id))


async def task(world: PlaneWorld, service_id: str) -> Task:
    return (await tasks(world, service_id))[0]


async def at_work(world: PlaneWorld, service_id: str) -> Running | None:
    """What the runner was told of the newest task; None while it is not at work."""
    return world.runner.running.get((await task(world, service_id)).id)


async def workers(world: PlaneWorld, service_id: str) -> list[str]:
    """Ids of those that the runner may hand splits."""
    running = await at_work(world, service_id)
    return [worker.instance_id for worker in running.workers] if running else []


def has_status(status: ServiceStatus) -> Callable[[ServiceRecord], bool]:
    return lambda record: record.service.status is status
