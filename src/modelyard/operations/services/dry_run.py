"""Dry runs: a change is made by its own use case in a transaction that is rolled back; then its rollout is
tried in a dry run (`core.rollout.dry_run`)."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass

from modelyard.core import differences
from modelyard.core.batch import dry_run as batch
from modelyard.core.differences import Field, VariantDifference
from modelyard.core.rollout.dry_run import DryRun, dry_run
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import InferType, Service
from modelyard.operations.context import Context
from modelyard.operations.services.preconditions import Tried


@dataclass(frozen=True, slots=True)
class Planned:
    """What a change would do. `before` is None of a service that would be created."""

    before: Service | None
    after: Service
    fields: Mapping[str, Field]
    config: tuple[VariantDifference, ...]
    dry_run: DryRun
    names: Mapping[str, tuple[str, str]]
    """Template hash → name and version of its model."""

    @property
    def changes(self) -> bool:
        return bool(self.fields) or any(one.change != "same" for one in self.config)


async def planned(ctx: Context, attempt: Awaitable[object]) -> Planned:
    """The plan of a use case that was called with `Preconditions(dry_run=True)`; raises whatever it raises."""
    try:
        await attempt
    except Tried as tried:
        before, after = tried.before, tried.after
    else:
        raise AssertionError("a dry run must not be made")
    return await asyncio.to_thread(_plan, before, after, ctx.clock())


def _plan(before: ServiceRecord | None, after: ServiceRecord, now_ms: int) -> Planned:
    revisions = (*after.revisions.values(), *(before.revisions.values() if before else ()))
    variants = [v for revision in revisions for v in revision.variants]
    return Planned(
        before=before.service if before else None,
        after=after.service,
        fields=differences.service(before.service, after.service) if before else {},
        config=differences.config(before.variants if before else (), after.variants),
        dry_run=_tried(before, after, now_ms),
        names={v.template.hash: (v.model_name, v.model_version) for v in variants},
    )


def _tried(before: ServiceRecord | None, after: ServiceRecord, now_ms: int) -> DryRun:
    if after.service.infer_type is InferType.BATCH:
        return batch.dry_run(before, after)
    return dry_run(before, after, now_ms)
