"""Decisions as rows."""

from dataclasses import replace

import pytest
from tests.unit.core.situations import NOW, a_service
from tests.worlds.services import variant

from modelyard.core.rollout.decide import Decision
from modelyard.core.rollout.recording import recorded
from modelyard.core.rollout.steps import Start
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.record import Changes, ServiceRecord
from modelyard.domain.revision import Revision
from modelyard.domain.service import Event, EventType, Rollout, RolloutKind, RolloutState

NOTHING = Decision(None, None, (), (), (), (), (), (), None)
ROLLOUT = Rollout("roll", "svc", RolloutKind.UPDATE, target=2, base=1, started_ms=0)


def instance(name: str, phase: Phase = Phase.READY) -> Instance:
    return Instance(name, "svc", 1, 1, "t", phase, 1, 1)


RECORD = ServiceRecord(
    a_service(version=5), {1: Revision("svc", 1, 0, (variant(),))}, ROLLOUT, (instance("a"), instance("b"))
)


def test_nothing_is_nothing_to_write() -> None:
    rows = recorded(RECORD, NOTHING, (), NOW)
    assert not rows.changes
    assert (rows.after, rows.started) == (RECORD, ())


def test_starts_are_rows_of_the_revision_that_the_service_then_has() -> None:
    decision = replace(NOTHING, service=a_service(revision=2), starts=(Start(1, "t1"), Start(3, "t3")))
    rows = recorded(RECORD, decision, ("x", "y"), NOW)
    assert rows.started == (
        Instance("x", "svc", 1, 2, "t1", Phase.STARTING, NOW, NOW),
        Instance("y", "svc", 3, 2, "t3", Phase.STARTING, NOW, NOW),
    )
    assert rows.changes == Changes(5, service=a_service(revision=2), instances=rows.started)
    assert rows.after == replace(
        RECORD, service=a_service(revision=2), instances=(*RECORD.instances, *rows.started)
    )


def test_each_start_has_an_id() -> None:
    with pytest.raises(ValueError, match="shorter"):
        recorded(RECORD, replace(NOTHING, starts=(Start(1, "t"),)), (), NOW)


def test_rows_are_replaced_whole_and_those_that_were_never_there_are_not_removed() -> None:
    drained = instance("a", Phase.DRAINING)
    event = Event("svc", EventType.NORMAL, "x", NOW)
    decision = replace(NOTHING, instances=(drained,), forget=("b", "a stranger"), events=(event,))
    rows = recorded(RECORD, decision, (), NOW)
    assert rows.changes == Changes(5, instances=(drained,), forget_instances=("b",), events=(event,))
    assert rows.after == replace(RECORD, instances=(drained,))


def test_strangers_are_adopted_as_the_decision_wants_them() -> None:
    drained = instance("y", Phase.DRAINING)
    decision = replace(NOTHING, instances=(drained,), forget=("z",))
    strangers = (instance("x"), instance("y"), instance("z"))
    rows = recorded(RECORD, decision, (), NOW, strangers)
    assert rows.changes == Changes(5, instances=(instance("x"), drained))
    assert rows.after == replace(RECORD, instances=(*RECORD.instances, instance("x"), drained))


@pytest.mark.parametrize("state", RolloutState)
def test_only_an_active_rollout_belongs_to_the_record(state: RolloutState) -> None:
    now = replace(ROLLOUT, state=state)
    rows = recorded(RECORD, replace(NOTHING, rollout=now), (), NOW)
    assert rows.changes == Changes(5, rollouts=(now,))
    assert rows.after == replace(RECORD, rollout=now if now.active else None)


def test_a_deleted_service_leaves_nothing() -> None:
    rows = recorded(RECORD, replace(NOTHING, delete_service=True), (), NOW)
    assert (rows.changes, rows.after) == (Changes(5, delete_service=True), None)
