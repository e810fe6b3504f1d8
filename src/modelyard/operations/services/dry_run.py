"""Dry runs: a change is made by its own use case in a transaction that is rolled back; then its rollout is
tried in a dry run (`core.rollout.dry_run`, of a batch service `core.batch.dry_run`)."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace

from modelyard.core import differences
from modelyard.core.batch.dry_run import TaskPlan
from modelyard.core.batch.dry_run import dry_run as batch_dry_run
from modelyard.core.differences import Field, VariantDifference
from modelyard.core.rollout.dry_run import DryRun, dry_run
from modelyard.core.size import shortage
from modelyard.domain.batch import Task
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import InferType, Service
from modelyard.operations.context import Context
from modelyard.operations.services.preconditions import Tried


@dataclass(frozen=True, slots=True)
class Planned:
    """What a change would do. `before` is None of a service that would be created; `task` of one that is no batch
    service."""

    before: Service | None
    after: Service
    fields: Mapping[str, Field]
    config: tuple[VariantDifference, ...]
    dry_run: DryRun
    task: TaskPlan | None
    names: Mapping[str, tuple[str, str]]
    """Template hash → name and version of its model."""
    lacks: str = ""
    """Accelerators that instances of before and after take side by side, and this machine has not: while nobody
    makes room, the change waits."""

    @property
    def changes(self) -> bool:
        return bool(self.fields) or any(one.change != "same" for one in self.config)


async def planned(ctx: Context, attempt: Awaitable[object]) -> Planned:
    """The plan of a use case that was called with `Preconditions(dry_run=True)`; raises whatever it raises."""
    try:
        await attempt
    except Tried as tried:
        before, after, task = tried.before, tried.after, tried.task
    else:
        raise AssertionError("a dry run must not be made")
    known = None
    if task is not None:
        async with ctx.store.read() as r:
            known = await r.task(task.id)
    made = await asyncio.to_thread(_plan, (before, known), (after, task), ctx.clock())
    return replace(made, lacks=shortage(made.dry_run.room.cards, ctx.there))


Stored = tuple[ServiceRecord, Task | None]
"""A service, and the newest task of a batch service."""


def _plan(was: tuple[ServiceRecord | None, Task | None], then: Stored, now_ms: int) -> Planned:
    (before, known), (after, _) = was, then
    batch = after.service.infer_type is InferType.BATCH
    steps, of_task = (
        batch_dry_run(before, then, known, now_ms) if batch else (dry_run(before, after, now_ms), None)
    )
    revisions = (*after.revisions.values(), *(before.revisions.values() if before else ()))
    variants = [v for revision in revisions for v in revision.variants]
    return Planned(
        before=before.service if before else None,
        after=after.service,
        fields=differences.service(before.service, after.service) if before else {},
        config=differences.config(before.variants if before else (), after.variants),
        dry_run=steps,
        task=of_task,
        names={v.template.hash: (v.model_name, v.model_version) for v in variants},
    )
