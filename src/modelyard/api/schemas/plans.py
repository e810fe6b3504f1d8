"""What callers read about plans and revisions (docs/reference/extensions.md)."""

from typing import Any, Literal

from modelyard.api.schemas.answer import Answer, Json, Maybe, Number, Word, answer
from modelyard.core.batch.dry_run import Does
from modelyard.core.differences import Change
from modelyard.core.revisions import RevisionState


@answer
class Difference(Answer):
    """Before and after; a side on which the field is not there is left out."""

    before: Maybe[Any] = None
    after: Maybe[Any] = None


@answer
class PlannedEntry(Answer):
    """An entry of the config, beside the one that it takes the place of."""

    track: int
    change: Change
    model_id: str
    model_name: str
    model_version: str
    fields: dict[str, Difference]


@answer
class PlannedTrack(Answer):
    """Instances that start, stop, and stay as they are."""

    track: int
    model_id: Maybe[str] = None
    model_name: Maybe[str] = None
    model_version: Maybe[str] = None
    starts: int
    stops: int
    stays: int


@answer
class SurgeResources(Answer):
    """Accelerators are there where some are taken."""

    cpu: Number
    memory_mb: int
    gpus: Maybe[Number] = None
    npus: Maybe[Number] = None


@answer
class PlannedRoom(Answer):
    """`surge`: instances that must fit beside those of now, and what they take at most. `waits_for`: accelerators
    that the change takes beside those that run, and the machine has not."""

    instances_now: int
    instances_at_most: int
    instances_after: int
    surge: int
    surge_resources: SurgeResources
    waits_for: Maybe[str] = None


@answer
class Answering(Answer):
    model_name: str
    model_version: str
    instances: int


@answer
class PlannedShare(Answer):
    track: int
    weight: int
    models: list[Answering]


@answer
class PlannedTraffic(Answer):
    """Who answers from then on. `switched`: by the new weights."""

    switched: bool
    tracks: list[PlannedShare]


@answer
class PlannedTask(Answer):
    """What becomes of the task of a batch service. `task_id`: of one that is there; `supersedes`: of one whose
    place a new one takes."""

    does: Word[Does]
    task_id: Maybe[str] = None
    supersedes: Maybe[str] = None
    workers: int
    src_path: Maybe[str] = None
    dest_path: Maybe[str] = None


@answer
class Plan(Answer):
    """What the request would do, with `dry_run=true`. `complete` false: it takes so many steps that only the first
    of them were worked out."""

    dry_run: Literal[True]
    service_id: Maybe[str] = None
    service_name: str
    etag: Maybe[str] = None
    creates: bool
    changes: bool
    service: dict[str, Difference]
    config: list[PlannedEntry]
    instances: list[PlannedTrack]
    room: PlannedRoom
    traffic: list[PlannedTraffic]
    complete: bool
    task: Maybe[PlannedTask] = None


@answer
class RevisionShown(Answer):
    number: int
    created_at: int
    state: Word[RevisionState]
    stable: bool
    error_msg: Maybe[str] = None
    config: list[Json]


@answer
class RevisionPage(Answer):
    total_count: int
    count: int
    revisions: list[RevisionShown]


_ID = "0e07b41b-173e-42db-8c16-8e1b44cc0d44"
_OLD = {"model_name": "digits", "model_version": "1.0.0"}
_NEW = {"model_name": "digits", "model_version": "2.0.0"}
REVISION: dict[str, Any] = {
    "number": 2,
    "created_at": 1700000000000,
    "state": "current",
    "stable": True,
    "config": [
        {"model_id": _ID, "weight": 100, "specification": "modelarts.vm.cpu.2u", "instance_count": 1},
    ],
}
REVISIONS: dict[str, Any] = {"total_count": 1, "count": 1, "revisions": [REVISION]}
PLAN: dict[str, Any] = {
    "dry_run": True,
    "service_id": "f76f20ba-78f5-44e8-893a-37c8c600c02f",
    "service_name": "digits",
    "etag": '"3.2"',
    "creates": False,
    "changes": True,
    "service": {"description": {"before": "", "after": "the new one"}},
    "config": [
        {
            "track": 1,
            "change": "changed",
            "model_id": _ID,
            **_NEW,
            "fields": {"model": {"before": "digits/1.0.0", "after": "digits/2.0.0"}},
        }
    ],
    "instances": [{"track": 1, "model_id": _ID, **_NEW, "starts": 1, "stops": 1, "stays": 0}],
    "room": {
        "instances_now": 1,
        "instances_at_most": 2,
        "instances_after": 1,
        "surge": 1,
        "surge_resources": {"cpu": 2.0, "memory_mb": 8192},
    },
    "traffic": [
        {"switched": False, "tracks": [{"track": 1, "weight": 100, "models": [{**_OLD, "instances": 1}]}]},
        {"switched": True, "tracks": [{"track": 1, "weight": 100, "models": [{**_NEW, "instances": 1}]}]},
    ],
    "complete": True,
}
