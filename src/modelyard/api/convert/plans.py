"""The plan of a dry run, and revisions: as callers read them. Extensions of the contract."""

from collections.abc import Mapping, Sequence

from modelyard.api.convert.echo import Json, set_only
from modelyard.core.differences import Field, VariantDifference
from modelyard.core.rollout.dry_run import DryRun, TrackPlan
from modelyard.core.rollout.simulation import Traffic
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Revision, Variant
from modelyard.operations.revisions import RevisionEntry
from modelyard.operations.services.dry_run import Planned
from modelyard.operations.services.preconditions import tag

Names = Mapping[str, tuple[str, str]]


def plan(value: Planned) -> Json:
    dry_run = value.dry_run
    return set_only(
        dry_run=True,
        service_id=value.before.id if value.before else None,
        service_name=value.after.name,
        etag=f'"{tag(value.before)}"' if value.before else None,
        creates=value.before is None,
        changes=value.before is None or value.changes,
        service=_fields(value.fields),
        config=[_difference(one) for one in value.config],
        instances=[_track(one) for one in dry_run.tracks],
        room=_room(dry_run),
        traffic=[_traffic(one, value.names) for one in dry_run.traffic],
        complete=dry_run.finished,
    )


def _fields(fields: Mapping[str, Field]) -> Json:
    """A side on which the field is not there is left out."""
    return {name: set_only(before=old, after=new) for name, (old, new) in fields.items()}


def _difference(one: VariantDifference) -> Json:
    shown = one.after or one.before
    return {"track": one.track, "change": one.change, **_model(shown), "fields": _fields(one.fields)}


def _model(variant: Variant | None) -> Json:
    if variant is None:
        return {}
    return {
        "model_id": variant.model_id,
        "model_name": variant.model_name,
        "model_version": variant.model_version,
    }


def _track(one: TrackPlan) -> Json:
    return {
        "track": one.track,
        **_model(one.after or one.before),
        "starts": one.starts,
        "stops": one.stops,
        "stays": one.stays,
    }


def _room(value: DryRun) -> Json:
    """`surge`: instances that must fit beside those that are there, and what they take."""
    room = value.room
    return {
        "instances_now": room.now,
        "instances_at_most": room.peak,
        "instances_after": room.after,
        "surge": room.peak - room.now,
        "surge_resources": _size(room.more),
    }


def _size(size: Resources) -> Json:
    return {"cpu": size.cpu, "memory_mb": size.memory_mib}


def _traffic(one: Traffic, names: Names) -> Json:
    return {
        "switched": one.switched,
        "tracks": [
            {
                "track": share.track,
                "weight": share.weight,
                "models": [
                    {"model_name": names[t][0], "model_version": names[t][1], "instances": count}
                    for t, count in share.instances
                    if t in names
                ],
            }
            for share in one.shares
        ],
    }


def revisions(total: int, found: Sequence[RevisionEntry]) -> Json:
    return {"total_count": total, "count": len(found), "revisions": [revision(entry) for entry in found]}


def revision(entry: RevisionEntry) -> Json:
    return set_only(
        number=entry.revision.number,
        created_at=entry.revision.created_ms,
        state=entry.state.value,
        stable=entry.stable,
        error_msg=entry.cause or None,
        config=sent(entry.revision),
    )


def sent(revision: Revision) -> list[Json]:
    """The config as it was sent."""
    return [dict(variant.raw) for variant in revision.variants]
