"""The plan of a dry run, and revisions: as callers read them. Extensions of the contract."""

from collections.abc import Mapping, Sequence

from modelyard.api.schemas import plans as answers
from modelyard.core.admission.secret_envs import masked
from modelyard.core.batch.dry_run import TaskPlan
from modelyard.core.differences import Field, VariantDifference
from modelyard.core.rollout.dry_run import TrackPlan
from modelyard.core.rollout.simulation import Room, Share, Traffic
from modelyard.operations.revisions import RevisionEntry
from modelyard.operations.services.dry_run import Planned
from modelyard.operations.services.preconditions import tag

Names = Mapping[str, tuple[str, str]]


def plan(value: Planned) -> answers.Plan:
    dry_run, before = value.dry_run, value.before
    return answers.Plan(
        dry_run=True,
        service_id=before.id if before else None,
        service_name=value.after.name,
        etag=f'"{tag(before)}"' if before else None,
        creates=before is None,
        changes=before is None or value.changes,
        service=_fields(value.fields),
        config=[_entry(one) for one in value.config],
        instances=[_track(one) for one in dry_run.tracks],
        room=_room(dry_run.room, value.lacks),
        traffic=[_traffic(one, value.names) for one in dry_run.traffic],
        complete=dry_run.finished,
        task=_task(value.task) if value.task else None,
    )


def _task(task: TaskPlan) -> answers.PlannedTask:
    return answers.PlannedTask(
        does=task.does,
        task_id=task.id or None,
        supersedes=task.supersedes or None,
        workers=task.workers,
        src_path=task.job.source if task.job else None,
        dest_path=task.job.destination if task.job else None,
    )


def _fields(fields: Mapping[str, Field]) -> dict[str, answers.Difference]:
    return {name: answers.Difference(before=old, after=new) for name, (old, new) in fields.items()}


def _entry(one: VariantDifference) -> answers.PlannedEntry:
    variant = one.after or one.before
    assert variant is not None
    return answers.PlannedEntry(
        track=one.track,
        change=one.change,
        model_id=variant.model_id,
        model_name=variant.model_name,
        model_version=variant.model_version,
        fields=_fields(one.fields),
    )


def _track(one: TrackPlan) -> answers.PlannedTrack:
    variant = one.after or one.before
    return answers.PlannedTrack(
        track=one.track,
        model_id=variant.model_id if variant else None,
        model_name=variant.model_name if variant else None,
        model_version=variant.model_version if variant else None,
        starts=one.starts,
        stops=one.stops,
        stays=one.stays,
    )


def _room(room: Room, lacks: str) -> answers.PlannedRoom:
    return answers.PlannedRoom(
        instances_now=room.now,
        instances_at_most=room.peak,
        instances_after=room.after,
        surge=room.peak - room.now,
        surge_resources=answers.SurgeResources(
            cpu=room.more.cpu,
            memory_mb=room.more.memory_mib,
            gpus=room.more.gpus or None,
            npus=room.more.npus or None,
        ),
        waits_for=lacks or None,
    )


def _traffic(one: Traffic, names: Names) -> answers.PlannedTraffic:
    shares = [
        answers.PlannedShare(track=share.track, weight=share.weight, models=_answering(share, names))
        for share in one.shares
    ]
    return answers.PlannedTraffic(switched=one.switched, tracks=shares)


def _answering(share: Share, names: Names) -> list[answers.Answering]:
    return [
        answers.Answering(model_name=names[template][0], model_version=names[template][1], instances=count)
        for template, count in share.instances
        if template in names
    ]


def revisions(total: int, page: Sequence[RevisionEntry]) -> answers.RevisionPage:
    return answers.RevisionPage(total_count=total, count=len(page), revisions=[revision(one) for one in page])


def revision(entry: RevisionEntry) -> answers.RevisionShown:
    """With its config as it was sent."""
    return answers.RevisionShown(
        number=entry.revision.number,
        created_at=entry.revision.created_ms,
        state=entry.state,
        stable=entry.stable,
        error_msg=entry.cause or None,
        config=[masked(variant.raw) for variant in entry.revision.variants],
    )
