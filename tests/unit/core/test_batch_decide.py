"""Decisions about batch services: the task's course, its workers, what is told."""

from dataclasses import replace

import pytest
from tests.worlds.batch import batch_variant
from tests.worlds.services import service

from modelyard.core.batch.course import Fresh
from modelyard.core.batch.decide import END_GRACE_S, KEEP_EXITED, BatchDecision, decide, noted
from modelyard.core.batch.situation import BatchSituation
from modelyard.core.rollout.decide import Stop
from modelyard.core.rollout.situation import InstanceObservation
from modelyard.domain.batch import Counts, Task, TaskState
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.process import ABSENT, Process, ProcessState
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import (
    Desired,
    EventType,
    InferType,
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
    ServiceStatus,
)

NOW, WALL = 10_000_000, 20_000_000
BEGAN = NOW - 60_000
FRESH = Fresh("new", WALL)
LETTERS = {
    "r": (Phase.READY, ProcessState.READY),
    "s": (Phase.STARTING, ProcessState.STARTING),
    "a": (Phase.STARTING, ProcessState.ABSENT),
    "e": (Phase.EXITED, ProcessState.EXITED),
    "E": (Phase.EXITED, ProcessState.EXITED),
    "S": (Phase.STOPPING, ProcessState.STOPPING),
    "u": (Phase.READY, ProcessState.UNKNOWN),
    "o": (Phase.READY, ProcessState.READY),
}
"""r ready, s starting, a recorded and not there, e ended before it was ready, E ended after, S told to end, u out
of reach, o ready, of an older template."""
OLD = batch_variant(envs=(("A", "old"),))


def worker(letter: str, position: int, asked: Variant) -> InstanceObservation:
    phase, state = LETTERS[letter]
    name, started = f"{letter}{position}", BEGAN + position
    template = OLD.template.hash if letter == "o" else asked.template.hash
    instance = Instance(
        id=name,
        service_id="svc",
        track=1,
        revision=1,
        template=template,
        phase=phase,
        started_ms=started,
        phase_ms=started + 100 if letter in "eE" else started,
        ready_ms=started + 50 if letter in "rEuoS" else None,
        exit="killed by signal 9" if letter in "eE" else "",
        address=f"unix:{name}" if letter in "ruo" else "",
    )
    process = ABSENT if letter == "a" else Process(state, f"unix:{name}", started, exit=instance.exit)
    return InstanceObservation(instance, process)


def task(state: TaskState = TaskState.ACTIVE, **fields: object) -> Task:
    made = Task("t1", "svc", 1, 1, "roll", 1, state=state)
    return replace(made, **fields)  # type: ignore[arg-type]


def situation(
    picture: str = "",
    *tasks: Task,
    asked: Variant | None = None,
    rollout: RolloutKind | None = None,
    **fields: object,
) -> BatchSituation:
    """A service of the type batch; without a rollout it has been running, unless `fields` say otherwise."""
    asked = asked or batch_variant()
    status = ServiceStatus.DEPLOYING if rollout else ServiceStatus.RUNNING
    made: Service = service("svc", infer_type=InferType.BATCH, status=status, stable=1)
    return BatchSituation(
        replace(made, **fields),  # type: ignore[arg-type]
        {1: Revision("svc", 1, 0, (asked,))},
        Rollout("roll", "svc", rollout, 1, None, BEGAN) if rollout else None,
        tuple(worker(letter, at, asked) for at, letter in enumerate(picture, start=1)),
        tasks,
    )


def changed(seen: BatchSituation, asked: Variant) -> BatchSituation:
    """As after a PUT of another config."""
    return replace(
        seen,
        service=replace(seen.service, revision=2, status=ServiceStatus.DEPLOYING),
        revisions={**seen.revisions, 2: Revision("svc", 2, 0, (asked,))},
        rollout=Rollout("roll2", "svc", RolloutKind.UPDATE, 2, 1, BEGAN),
    )


def looked(seen: BatchSituation) -> BatchDecision:
    return decide(seen, NOW, FRESH)


def texts(decision: BatchDecision) -> list[str]:
    return [f"{'! ' if e.type is EventType.ABNORMAL else ''}{e.info}" for e in decision.rows.events]


def phases(decision: BatchDecision) -> dict[str, Phase]:
    return {i.id: i.phase for i in decision.rows.instances}


def test_a_first_look_begins_a_task_and_starts_its_workers() -> None:
    decision = looked(situation(rollout=RolloutKind.DEPLOY, asked=batch_variant(2), stable=None))
    assert decision.begun == Task("new", "svc", 1, 1, "roll", WALL)
    assert len(decision.rows.starts) == 2
    assert decision.work is not None
    assert (decision.work.task.id, decision.work.workers) == ("new", ())
    assert texts(decision)[0] == "task 1 began"
    assert decision.rows.route is None


def test_the_first_ready_worker_ends_the_rollout() -> None:
    seen = situation("rs", task(), asked=batch_variant(2), rollout=RolloutKind.DEPLOY, stable=None)
    decision = looked(seen)
    assert decision.rows.rollout is not None
    assert decision.rows.rollout.state is RolloutState.SUCCESS
    assert decision.rows.service is not None
    assert (decision.rows.service.status, decision.rows.service.stable) == (ServiceStatus.RUNNING, 1)
    assert decision.work is not None
    assert decision.work.workers == (("r1", "unix:r1"),)


def test_what_runs_is_left_alone() -> None:
    decision = looked(situation("rr", task(), asked=batch_variant(2)))
    rows = decision.rows
    assert not decision
    assert (rows.service, rows.rollout, rows.instances, rows.starts, rows.stops, rows.events) == (
        None, None, (), (), (), (),
    )  # fmt: skip
    assert decision.halts == ()


@pytest.mark.parametrize(
    ("kind", "state", "asked", "goes_on", "begins"),
    [
        (RolloutKind.UPDATE, TaskState.ACTIVE, batch_variant(3), True, False),
        (RolloutKind.UPDATE, TaskState.ASSEMBLING, batch_variant(3), True, False),
        (RolloutKind.START, TaskState.STOPPED, batch_variant(), True, False),
        (RolloutKind.START, TaskState.FAILED, batch_variant(), True, False),
        (RolloutKind.START, TaskState.FINISHED, batch_variant(), False, True),
        (RolloutKind.UPDATE, TaskState.FINISHED, batch_variant(3), False, False),
        (RolloutKind.UPDATE, TaskState.ACTIVE, batch_variant(destination="obs://b/else/"), False, True),
        (RolloutKind.UPDATE, TaskState.ACTIVE, batch_variant(envs=(("A", "b"),)), False, True),
        (RolloutKind.START, TaskState.STOPPED, batch_variant(destination="obs://b/else/"), False, True),
        (RolloutKind.UPDATE, TaskState.FAILED, batch_variant(destination="obs://b/else/"), False, True),
        (RolloutKind.START, TaskState.FINISHED, batch_variant(destination="obs://b/else/"), False, True),
    ],
)
def test_what_becomes_of_the_task_when_somebody_speaks(
    kind: RolloutKind, state: TaskState, asked: Variant, goes_on: bool, begins: bool
) -> None:
    seen = changed(situation("", task(state, finished_ms=5, error="x")), asked)
    seen = replace(seen, rollout=replace(seen.rollout or pytest.fail(), kind=kind))
    decision = looked(seen)
    assert (decision.begun is not None) is begins
    old = next((t for t in decision.tasks if t.id == "t1"), task(state, finished_ms=5, error="x"))
    if goes_on:
        expected = state if state in {TaskState.ACTIVE, TaskState.ASSEMBLING} else TaskState.ACTIVE
        assert (old.state, old.revision, old.rollout) == (expected, 2, "roll2")
    elif state is TaskState.FINISHED:
        assert old.state is TaskState.FINISHED
        assert decision.discards == ()
    else:
        assert (old.state, old.finished_ms) == (TaskState.SUPERSEDED, None)
        assert decision.discards == (old,)
    at_work = [t for t in (decision.begun, *decision.tasks) if t is not None and t.at_work]
    assert len(at_work) <= 1
    if begins:
        assert decision.halts == ("t1",)
        assert decision.begun is not None
        assert decision.begun.number == 2


def test_a_stop_stops_the_task_and_its_workers_with_their_grace() -> None:
    decision = looked(situation("rs", task(), asked=batch_variant(2), desired=Desired.STOPPED))
    assert decision.tasks == (task(TaskState.STOPPED),)
    assert (decision.halts, decision.work) == (("t1",), None)
    assert phases(decision) == {"r1": Phase.STOPPING, "s2": Phase.STOPPING}
    assert decision.rows.stops == (Stop("r1", 20), Stop("s2", 20))


@pytest.mark.parametrize("state", [TaskState.FINISHED, TaskState.FAILED])
def test_workers_of_an_ended_task_go_at_once(state: TaskState) -> None:
    decision = looked(situation("rr", task(state, error="no rights"), asked=batch_variant(2)))
    assert decision.rows.stops == (Stop("r1", END_GRACE_S), Stop("r2", END_GRACE_S))
    assert decision.rows.service is not None
    failed = state is TaskState.FAILED
    assert decision.rows.service.status is (ServiceStatus.FAILED if failed else ServiceStatus.FINISHED)
    assert (decision.rows.service.failed, decision.rows.service.error) == (failed, "no rights" if failed else "")


def test_results_are_assembled_without_workers() -> None:
    done = task(planned=True, counts=Counts(splits=2, splits_done=2))
    for one in (done, replace(done, state=TaskState.ASSEMBLING)):
        decision = looked(situation("r", one))
        assert [stop.instance_id for stop in decision.rows.stops] == ["r1"]
        assert decision.work is not None
        assert decision.work.workers == ()


def test_the_end_is_told_with_its_counts() -> None:
    counts = Counts(sources_failed=1, rows_done=90, rows_failed=10)
    decision = looked(situation("", task(TaskState.FINISHED, counts=counts)))
    assert texts(decision) == ["task 1 finished: 90 rows SUCCESSFUL, 10 FAILED, 1 file could not be read"]


@pytest.mark.parametrize(
    ("picture", "starts", "stops"),
    [
        ("", 3, []),
        ("r", 2, []),
        ("rrr", 0, []),
        ("rrrr", 0, ["r4"]),
        ("srrr", 0, ["s1"]),
        ("oo", 3, ["o1", "o2"]),
        ("orrr", 0, ["o1"]),
        ("Srr", 1, []),
        ("urr", 0, []),
        ("rrE", 1, []),
        ("rre", 1, []),
        ("rree", 0, []),
        ("rreE", 1, []),
    ],
)
def test_as_many_workers_as_asked_for(picture: str, starts: int, stops: list[str]) -> None:
    """The second failure to load in a row waits a second, here for one that ended just now."""
    seen = situation(picture, task(), asked=batch_variant(3))
    late = [
        replace(o, instance=replace(o.instance, phase_ms=NOW - 100 + o.instance.started_ms - BEGAN))
        if o.phase is Phase.EXITED
        else o
        for o in seen.observations
    ]
    late = [
        replace(o, instance=replace(o.instance, ready_ms=NOW - 50)) if o.id.startswith("E") else o for o in late
    ]
    decision = looked(replace(seen, observations=tuple(late)))
    assert len(decision.rows.starts) == starts
    assert [i for i, phase in phases(decision).items() if phase is Phase.STOPPING] == stops
    if picture == "rree":
        assert decision.rows.again_ms is not None
        assert NOW < decision.rows.again_ms <= NOW + 1_000


def test_three_failures_to_load_in_a_row_are_the_end() -> None:
    decision = looked(situation("eee", task(), rollout=RolloutKind.DEPLOY, stable=None))
    (failed,) = decision.tasks
    assert failed.state is TaskState.FAILED
    assert failed.error == "workers with a 1 ended 3 times before they were ready: killed by signal 9"
    assert decision.rows.explain == "e3"
    assert decision.rows.rollout is not None
    assert (decision.rows.rollout.state, decision.rows.rollout.cause) == (RolloutState.FAIL, failed.error)
    assert decision.rows.service is not None
    assert (decision.rows.service.status, decision.rows.service.failed) == (ServiceStatus.FAILED, True)
    assert (decision.rows.starts, decision.work) == ((), None)
    assert sorted(decision.rows.forget) == ["e1", "e2", "e3"]


@pytest.mark.parametrize("picture", ["reee", "EEEEEE", "eeE"])
def test_what_does_not_fail_the_task(picture: str) -> None:
    """One works, or they were ready: they may have died at a row."""
    decision = looked(situation(picture, task()))
    assert decision.tasks == ()
    assert decision.rows.service is None or not decision.rows.service.failed


def test_failures_of_an_earlier_start_do_not_count() -> None:
    seen = replace(situation("eee", task(), rollout=RolloutKind.START), began_ms=NOW - 1)
    assert looked(seen).tasks == ()


def test_one_that_is_late_fails_the_task_unless_another_works() -> None:
    asked = batch_variant(2, deploy_timeout_s=30)
    decision = looked(situation("ss", task(), asked=asked, rollout=RolloutKind.DEPLOY))
    assert [t.state for t in decision.tasks] == [TaskState.FAILED]
    assert "was not ready within 30 s (deploy_timeout_in_seconds)" in decision.tasks[0].error
    decision = looked(situation("rs", task(), asked=asked))
    assert decision.tasks == ()
    assert phases(decision) == {"s2": Phase.STOPPING}
    assert len(decision.rows.starts) == 1
    assert any("was not able to work in time" in text for text in texts(decision))


def test_whoever_waits_for_room_has_no_time_limit() -> None:
    seen = situation("a", task(), asked=batch_variant(deploy_timeout_s=1), rollout=RolloutKind.DEPLOY)
    waiting = tuple(replace(o, obstacle="no room") for o in seen.observations)
    decision = looked(replace(seen, observations=waiting))
    assert decision.tasks == ()
    assert decision.rows.resume == ("a1",)
    assert decision.rows.service is not None
    assert decision.rows.service.status is ServiceStatus.PENDING


@pytest.mark.parametrize(
    ("more", "why"),
    [({"hung": True}, "hangs"), ({"frozen": True}, "hangs")],
    ids=["hung", "frozen"],
)
def test_one_that_hangs_is_replaced(more: dict[str, bool], why: str) -> None:
    seen = situation("r", task())
    hung = tuple(replace(o, process=replace(o.process, **more)) for o in seen.observations)  # type: ignore[arg-type]
    decision = looked(replace(seen, observations=hung))
    assert phases(decision) == {"r1": Phase.STOPPING}
    assert len(decision.rows.starts) == 1
    assert any(why in text for text in texts(decision))


def test_one_that_is_lost_is_replaced_and_one_out_of_reach_is_not() -> None:
    seen = situation("u", task())
    assert looked(seen).rows.starts == ()
    lost = tuple(replace(o, lost=True, lost_ms=NOW) for o in seen.observations)
    assert len(looked(replace(seen, observations=lost)).rows.starts) == 1


def test_few_of_those_that_ended_are_kept() -> None:
    decision = looked(situation("r" + "E" * (KEEP_EXITED + 2), task()))
    assert sorted(decision.rows.forget) == ["E2", "E3"]


def test_a_deletion_discards_what_is_left_and_only_then_deletes() -> None:
    seen = situation("", task(TaskState.STOPPED), desired=Desired.DELETED)
    first = looked(seen)
    assert (first.rows.delete_service, len(first.discards), first.halts) == (False, 1, ("t1",))
    then = replace(seen, tasks=first.tasks)
    assert looked(then).rows.delete_service is False
    removed = replace(seen, tasks=tuple(replace(t, finished_ms=5) for t in first.tasks))
    assert looked(removed).rows.delete_service is True
    assert looked(replace(removed, observations=situation("r").observations)).rows.delete_service is False


def test_a_finished_task_has_nothing_to_discard() -> None:
    decision = looked(situation("", task(TaskState.FINISHED), desired=Desired.DELETED))
    assert (decision.rows.delete_service, decision.discards, decision.tasks) == (True, (), ())


def test_what_happened_is_noted_without_deciding() -> None:
    seen = situation("s", task())
    ready = tuple(replace(o, process=replace(o.process, state=ProcessState.READY)) for o in seen.observations)
    notes = noted(replace(seen, observations=ready), NOW, WALL)
    assert [i.phase for i in notes.instances] == [Phase.READY]
    assert [e.info for e in notes.events] == ["[a 1] worker s1 is ready"]
    assert notes.service is None
