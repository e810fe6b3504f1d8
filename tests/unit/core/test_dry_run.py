"""Dry runs: what a change would start, stop and keep, how much room it needs, and who answers meanwhile."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.unit.core.situations import NOW, a_service
from tests.worlds.services import template, variant

from modelyard.core.differences import config, service
from modelyard.core.revisions import RevisionState, state
from modelyard.core.rollout.dry_run import DryRun, dry_run
from modelyard.core.rollout.pairing import pair
from modelyard.core.rollout.simulation import MOST_WORK, Room
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import Desired, Rollout, RolloutKind, RolloutState, ServiceStatus

V = variant


def serving(variants: Sequence[Variant]) -> tuple[Instance, ...]:
    return tuple(
        Instance(f"{v.model_id}-{i}", "svc", v.track, 1, v.template.hash, Phase.READY, 1, 1, 1)
        for v in variants
        for i in range(v.instance_count)
    )


def before(*variants: Variant) -> ServiceRecord:
    """A service that runs whole."""
    revision = Revision("svc", 1, 0, pair((), variants, 1))
    return ServiceRecord(a_service(status=ServiceStatus.RUNNING), {1: revision}, None, serving(revision.variants))


def updated(record: ServiceRecord, *variants: Variant) -> ServiceRecord:
    """As a PUT leaves it."""
    revision = Revision("svc", 2, NOW, pair(record.variants, variants, 10))
    rollout = Rollout("roll", "svc", RolloutKind.UPDATE, target=2, base=1, started_ms=NOW)
    changed = replace(record.service, revision=2, status=ServiceStatus.DEPLOYING)
    return ServiceRecord(changed, {**record.revisions, 2: revision}, rollout, record.instances)


def counts(found: DryRun) -> list[tuple[int, int, int]]:
    return [(t.starts, t.stops, t.stays) for t in found.tracks]


UPDATES = {
    "another-model": ((V("a1"),), (V("a2"),), [(1, 1, 0)], Room(1, 2, 1)),
    "nothing": ((V("a1"),), (V("a1"),), [(0, 0, 1)], Room(1, 1, 1)),
    "weights": (
        (V("a1", weight=90), V("b1", weight=10)),
        (V("a1", weight=10), V("b1", weight=90)),
        [(0, 0, 1), (0, 0, 1)],
        Room(2, 2, 2),
    ),
    "canary": (
        (V("a1"),),
        (V("a1", weight=90), V("a2", weight=10)),
        [(0, 0, 1), (1, 0, 0)],
        Room(1, 2, 2),
    ),
    "canary-ends": (
        (V("a1", weight=90), V("b1", weight=10)),
        (V("b1"),),
        [(0, 1, 0), (0, 0, 1)],
        Room(2, 2, 1),
    ),
    "more": ((V("a1"),), (V("a1", count=3),), [(2, 0, 1)], Room(1, 3, 3)),
    "fewer": ((V("a1", count=3),), (V("a1"),), [(0, 2, 1)], Room(3, 3, 1)),
    "one-by-one": ((V("a1", count=3),), (V("a2", count=3),), [(3, 3, 0)], Room(3, 4, 3)),
    "all-at-once": ((V("a1", count=3),), (V("a2", count=3, surge=3),), [(3, 3, 0)], Room(3, 6, 3)),
    "fewer-while-it-changes": (
        (V("a1", count=4),),
        (V("a2", count=4, unavailable=2),),
        [(4, 4, 0)],
        Room(4, 5, 4),
    ),
}


@pytest.mark.parametrize("case", UPDATES)
def test_an_update(case: str) -> None:
    old, new, expected, room = UPDATES[case]
    record = before(*old)
    found = dry_run(record, updated(record, *new), NOW)
    assert (found.finished, counts(found), found.room) == (True, expected, room)


def test_the_weights_change_at_once_when_the_new_one_is_ready() -> None:
    record = before(V("a1"))
    found = dry_run(record, updated(record, V("a1", weight=90), V("a2", weight=10)), NOW)
    steps = [({s.track: s.weight for s in t.shares}, t.switched) for t in found.traffic]
    assert steps == [({1: 100}, False), ({1: 90, 10: 10}, True)]


def test_there_is_always_somebody_who_answers() -> None:
    record = before(V("a1", count=2, weight=50), V("b1", weight=50))
    found = dry_run(record, updated(record, V("a2", weight=30), V("c1", weight=70)), NOW)
    assert found.finished
    assert all(step.shares for step in found.traffic)


def test_the_first_deployment() -> None:
    service = a_service(stable=None, status=ServiceStatus.DEPLOYING)
    rollout = Rollout("roll", "svc", RolloutKind.DEPLOY, target=1, base=None, started_ms=NOW)
    after = ServiceRecord(service, {1: Revision("svc", 1, NOW, (V("a1", count=2),))}, rollout)
    found = dry_run(None, after, NOW)
    assert (counts(found), found.room, found.finished) == ([(2, 0, 0)], Room(0, 2, 2), True)


def test_a_stop() -> None:
    record = before(V("a1", count=2))
    after = replace(
        record, service=replace(record.service, desired=Desired.STOPPED, status=ServiceStatus.STOPPING)
    )
    found = dry_run(record, after, NOW)
    assert (counts(found), found.room, found.finished) == ([(0, 2, 0)], Room(2, 2, 0), True)
    assert found.traffic[-1].shares == ()


def test_a_schedule_that_is_due_does_not_count() -> None:
    record = before(V("a1"))
    after = updated(record, V("a2"))
    after = replace(after, service=replace(after.service, due_ms=NOW + 1))
    assert counts(dry_run(record, after, NOW)) == [(1, 1, 0)]


def test_room_is_what_the_instances_take_at_most() -> None:
    big, small = template("a1", resources=Resources(2, 8192)), template("a2", resources=Resources(0.5, 512))
    record = before(V("a1", template=big))
    after = updated(record, V("a2", template=small))
    assert dry_run(record, after, NOW).room.more == Resources(0.5, 512)


def test_what_takes_too_long_says_so() -> None:
    count = 2 * int(MOST_WORK**0.5)
    record = before(V("a1", count=count))
    assert not dry_run(record, updated(record, V("a2", count=count)), NOW).finished


def test_differences_are_those_in_force() -> None:
    old = V("a1", weight=100)
    (same,) = config((old,), (replace(old, raw={"weight": "100"}),))
    assert (same.change, same.fields) == ("same", {})
    (changed,) = config((old,), (replace(V("a2", grace_s=5), track=1),))
    assert changed.fields == {
        "model_id": ("a1", "a2"),
        "model": ("a/1", "a/2"),
        "additional_properties.termination_grace_period_seconds": (20, 5),
    }
    gone, new = config((old,), (V("b1", track=2),))
    assert (gone.change, new.change) == ("removed", "added")


def test_service_fields_that_move_by_themselves_are_no_difference() -> None:
    old = a_service(due_ms=1, attributes={"priority": 1})
    new = replace(old, due_ms=2, attributes={"priority": 2}, description="x")
    assert service(old, new) == {"priority": (1, 2), "description": ("", "x")}


S, R = RolloutState, RevisionState
STATES = {
    "current": (2, {"revision": 2, "stable": 2}, [(2, S.SUCCESS), (1, S.SUCCESS)], R.CURRENT),
    "earlier": (1, {"revision": 2, "stable": 2}, [(2, S.SUCCESS), (1, S.SUCCESS)], R.EARLIER),
    "on-its-way": (2, {"revision": 2, "stable": 1}, [(2, S.RUNNING), (1, S.SUCCESS)], R.DEPLOYING),
    "it-goes-back-if-that-fails": (1, {"revision": 2, "stable": 1}, [(2, S.RUNNING), (1, S.SUCCESS)], R.STABLE),
    "going-back-from": (2, {"revision": 1, "stable": 1}, [(2, S.ROLLING_BACK), (1, S.SUCCESS)], R.FAILED),
    "going-back-to": (1, {"revision": 1, "stable": 1}, [(2, S.ROLLING_BACK), (1, S.SUCCESS)], R.DEPLOYING),
    "failed": (2, {"revision": 1, "stable": 1}, [(2, S.FAIL), (1, S.SUCCESS)], R.FAILED),
    "failed-with-nothing-before": (1, {"revision": 1, "stable": None, "failed": True}, [(1, S.FAIL)], R.FAILED),
    "cancelled": (2, {"revision": 3, "stable": 1}, [(3, S.RUNNING), (2, S.CANCELLED)], R.CANCELLED),
    "never-used": (2, {"revision": 3, "stable": 3}, [(3, S.SUCCESS), (1, S.SUCCESS)], R.STORED),
    "kept-for-the-start": (2, {"revision": 2, "stable": 1}, [(1, S.SUCCESS)], R.CURRENT),
    "failed-then-worked": (
        2,
        {"revision": 3, "stable": 3},
        [(3, S.SUCCESS), (2, S.SUCCESS), (2, S.FAIL)],
        R.EARLIER,
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_what_became_of_a_revision(case: str) -> None:
    number, fields, ends, expected = STATES[case]
    rollouts = [
        Rollout(f"r{i}", "svc", RolloutKind.UPDATE, target, None, 0, state=end)
        for i, (target, end) in enumerate(ends)
    ]
    assert state(number, a_service(**fields), rollouts) is expected
