"""A batch service under any order of events: what users, workers, the runner and the engine may do.

Held after every look: one task at work at most, and it is the newest; never more workers than asked for, but for
those that were told to end; the runner has the task that is at work and no other, with workers that are ready. In
a fair world everything comes to rest, and then a look changes nothing.
"""

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from tests.worlds.batch import batch_variant
from tests.worlds.services import service

from modelyard.core.batch.course import Fresh, resumed
from modelyard.core.batch.decide import BatchDecision, decide, left
from modelyard.core.batch.situation import BatchSituation
from modelyard.core.rollout import stopping
from modelyard.core.rollout.recording import recorded
from modelyard.core.rollout.situation import InstanceObservation
from modelyard.domain.batch import AT_WORK, Counts, Task, TaskState
from modelyard.domain.instance import LIVE, Phase
from modelyard.domain.process import ABSENT, Process, ProcessState
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import Desired, InferType, Rollout, RolloutKind, ServiceStatus

AT_REST = {ServiceStatus.STOPPED, ServiceStatus.FINISHED, ServiceStatus.FAILED}
OVER = {TaskState.FINISHED, TaskState.SUPERSEDED}
FAIR_LOOKS = 60


class BatchServiceMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000
        self.numbers = 0
        made = service("svc", infer_type=InferType.BATCH, status=ServiceStatus.DEPLOYING)
        first = Revision("svc", 1, 0, (batch_variant(2, deploy_timeout_s=60),))
        rollout = Rollout("roll1", "svc", RolloutKind.DEPLOY, 1, None, self.now)
        self.record: ServiceRecord | None = ServiceRecord(made, {1: first}, rollout, (), 1)
        self.tasks: list[Task] = []
        self.processes: dict[str, Process] = {}
        self.hidden: set[str] = set()
        self.obstacles: dict[str, str] = {}
        self.room = 4
        self.running: tuple[str, tuple[str, ...]] | None = None
        self.again_ms: int | None = None
        self.look()

    # ── what the control plane does ───────────────────────────────────────────────────────────────────────────

    def situation(self, record: ServiceRecord) -> BatchSituation:
        rollout = record.rollout if record.rollout is not None and record.rollout.active else None
        observations = tuple(
            InstanceObservation(
                i,
                Process(ProcessState.UNKNOWN) if i.id in self.hidden else self.processes.get(i.id, ABSENT),
                obstacle=self.obstacles.get(i.id, ""),
            )
            for i in record.instances
        )
        tasks = (*self.tasks[:1], *left(self.tasks[1:]))
        return BatchSituation(record.service, record.revisions, rollout, observations, tasks, self.now)

    def look(self) -> BatchDecision | None:
        """One pass, carried out as `control.reconcile` does."""
        if self.record is None:
            return None
        record, self.numbers = self.record, self.numbers + 1
        decision = decide(self.situation(record), self.now, Fresh(f"task{self.numbers}", self.now))
        ids = [f"i{self.numbers}.{n}" for n in range(len(decision.rows.starts))]
        rows = recorded(record, decision.rows, ids, self.now)
        for task in decision.tasks:
            self.tasks[[t.id for t in self.tasks].index(task.id)] = task
        if decision.begun is not None:
            self.tasks.insert(0, decision.begun)
        self.record = rows.after
        if rows.after is not None and decision.rows.rollout is not None:
            self.record = replace(rows.after, rollout=decision.rows.rollout)
        self.carry_out(decision, [i.id for i in rows.started])
        self.again_ms = decision.rows.again_ms
        self.hold()
        return decision

    def carry_out(self, decision: BatchDecision, started: list[str]) -> None:
        if self.running is not None and self.running[0] in decision.halts:
            self.running = None
        for stop in decision.rows.stops:
            if stop.instance_id in self.processes and stop.instance_id not in self.hidden:
                self.processes[stop.instance_id] = replace(
                    self.processes[stop.instance_id], state=ProcessState.STOPPING
                )
        for key in decision.rows.forget:
            self.processes.pop(key, None)
            self.obstacles.pop(key, None)
        for key in (*decision.rows.resume, *started):
            if key in self.processes:
                continue
            held = sum(p.state is not ProcessState.EXITED for p in self.processes.values())
            if held >= self.room:
                self.obstacles[key] = "no room"
            else:
                self.obstacles.pop(key, None)
                self.processes[key] = Process(ProcessState.STARTING, f"unix:{key}", self.now)
        if decision.work is not None:
            self.running = (decision.work.task.id, tuple(key for key, _ in decision.work.workers))
        for task in decision.discards:
            self.tasks = [replace(t, finished_ms=self.now) if t.id == task.id else t for t in self.tasks]

    def changed(self, **fields: object) -> None:
        assert self.record is not None
        made = replace(self.record.service, version=self.record.service.version + 1, **fields)  # type: ignore[arg-type]
        self.record = replace(self.record, service=made)

    # ── what may happen ───────────────────────────────────────────────────────────────────────────────────────

    @rule()
    def somebody_looks(self) -> None:
        self.look()

    @rule(ms=st.integers(1, 90_000))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    def those(self, *states: ProcessState) -> list[str]:
        return sorted(key for key, process in self.processes.items() if process.state in states)

    @precondition(lambda self: self.those(ProcessState.STARTING))
    @rule(data=st.data())
    def a_worker_gets_ready(self, data: st.DataObject) -> None:
        self.becomes(data.draw(st.sampled_from(self.those(ProcessState.STARTING))), ProcessState.READY)

    @precondition(lambda self: self.those(ProcessState.STARTING, ProcessState.READY, ProcessState.STOPPING))
    @rule(data=st.data())
    def a_worker_ends(self, data: st.DataObject) -> None:
        states = (ProcessState.STARTING, ProcessState.READY, ProcessState.STOPPING)
        self.becomes(data.draw(st.sampled_from(self.those(*states))), ProcessState.EXITED)

    @precondition(lambda self: self.those(ProcessState.READY))
    @rule(data=st.data())
    def a_worker_fails_its_health_check(self, data: st.DataObject) -> None:
        self.becomes(data.draw(st.sampled_from(self.those(ProcessState.READY))), ProcessState.STARTING)

    def becomes(self, key: str, state: ProcessState) -> None:
        exit_text = "killed by signal 9" if state is ProcessState.EXITED else ""
        self.processes[key] = replace(self.processes[key], state=state, exit=exit_text)

    @precondition(lambda self: self.processes)
    @rule(data=st.data())
    def somebody_is_out_of_reach(self, data: st.DataObject) -> None:
        self.hidden ^= {data.draw(st.sampled_from(sorted(self.processes)))}

    @rule(room=st.integers(0, 6))
    def there_is_room(self, room: int) -> None:
        self.room = room

    @precondition(lambda self: self.running is not None)
    @rule(how=st.sampled_from([TaskState.FINISHED, TaskState.FAILED, TaskState.ASSEMBLING]))
    def the_runner_says(self, how: TaskState) -> None:
        """As it does: only of a task that is at work."""
        assert self.running is not None
        task = self.tasks[0]
        if task.id != self.running[0] or not task.at_work:
            return
        done = Counts(splits=1, splits_done=1, rows=3, rows_done=3)
        ended_ms = None if how is TaskState.ASSEMBLING else self.now
        error = "no rights" if how is TaskState.FAILED else ""
        self.tasks[0] = replace(task, state=how, planned=True, counts=done, finished_ms=ended_ms, error=error)

    @precondition(lambda self: self.record is not None and self.record.service.desired is Desired.RUNNING)
    @rule()
    def the_user_stops_it(self) -> None:
        assert self.record is not None
        stopped, ended = stopping.stopped(self.record.service, self.record.rollout, "stopped", self.now)
        self.record = replace(self.record, service=stopped, rollout=ended)
        self.changed()

    @precondition(lambda self: self.record is not None and self.record.service.status in AT_REST)
    @rule()
    def the_user_starts_it(self) -> None:
        self.speak(RolloutKind.START, None)

    @precondition(
        lambda self: (
            self.record is not None
            and self.record.service.desired is Desired.RUNNING
            and self.record.service.status is not ServiceStatus.FINISHED
        )
    )
    @rule(
        count=st.integers(1, 3),
        place=st.sampled_from(["obs://b/out/", "obs://b/else/"]),
        envs=st.sampled_from([(), (("A", "b"),)]),
    )
    def the_user_changes_it(self, count: int, place: str, envs: tuple[tuple[str, str], ...]) -> None:
        asked = batch_variant(count, destination=place, envs=envs, deploy_timeout_s=60)
        self.speak(RolloutKind.UPDATE, asked)

    def speak(self, kind: RolloutKind, asked: Variant | None) -> None:
        assert self.record is not None
        record, self.numbers = self.record, self.numbers + 1
        if asked is not None:
            number = record.last_revision + 1
            revisions = {**record.revisions, number: Revision("svc", number, self.now, (asked,))}
            made = replace(record.service, revision=number)
            record = replace(record, service=made, revisions=revisions, last_revision=number)
        turned = stopping.turned(record.service, Desired.RUNNING, ServiceStatus.DEPLOYING, self.now)
        rollout = Rollout(f"roll{self.numbers}", "svc", kind, turned.revision, turned.stable, self.now)
        self.record = replace(record, service=turned, rollout=rollout)
        self.changed()

    @precondition(
        lambda self: (
            self.record is not None
            and self.record.service.status is ServiceStatus.FINISHED
            and self.tasks[0].state is TaskState.FINISHED
        )
    )
    @rule()
    def the_user_tries_failed_rows_again(self) -> None:
        self.speak(RolloutKind.START, None)
        assert self.record is not None
        assert self.record.rollout is not None
        again = resumed(replace(self.tasks[0], retries=self.tasks[0].retries + 1))
        self.tasks[0] = replace(again, rollout=self.record.rollout.id, counts=Counts(splits=1))

    @precondition(lambda self: self.record is not None and self.numbers > 20)
    @rule()
    def the_user_deletes_it(self) -> None:
        assert self.record is not None
        gone = stopping.turned(self.record.service, Desired.DELETED, ServiceStatus.DELETING, self.now)
        self.record = replace(self.record, service=gone, rollout=None)
        self.changed()

    @rule()
    def the_control_plane_is_killed(self) -> None:
        self.running = None
        self.obstacles.clear()

    # ── what holds ────────────────────────────────────────────────────────────────────────────────────────────

    def hold(self) -> None:
        """After each look."""
        assert all(task.state in OVER for task in self.tasks[1:])
        assert [task.number for task in self.tasks] == list(range(len(self.tasks), 0, -1))
        if self.record is None:
            return
        service, instances = self.record.service, self.record.instances
        live = [i for i in instances if i.phase in LIVE]
        wanted = service.desired is Desired.RUNNING
        assert len(live) <= (self.record.variants[0].instance_count if wanted else 0)
        if self.running is not None:
            task_id, workers = self.running
            assert (task_id, self.tasks[0].at_work, wanted) == (self.tasks[0].id, True, True)
            assert set(workers) <= {i.id for i in instances if i.phase is Phase.READY}

    def teardown(self) -> None:
        """In a fair world it comes to rest."""
        self.hidden.clear()
        self.room = 10
        for _ in range(FAIR_LOOKS):
            if self.record is None:
                break
            self.now = max(self.now + 1_000, self.again_ms or 0)
            for key in self.those(ProcessState.STARTING):
                self.becomes(key, ProcessState.READY)
            for key in self.those(ProcessState.STOPPING):
                self.becomes(key, ProcessState.EXITED)
            self.look()
            if self.record is None or self.record.rollout is None or not self.record.rollout.active:
                self.finish_if_at_work()
        if self.record is None:
            assert not self.those(*(state for state in ProcessState if state is not ProcessState.EXITED))
            return
        assert self.record.service.status in AT_REST, self.record
        assert [p for p in self.processes.values() if p.state is not ProcessState.EXITED] == []
        again = self.look()
        assert again is not None
        assert not again
        rows = again.rows
        assert (rows.service, rows.rollout, rows.instances, rows.starts, rows.events) == (None, None, (), (), ())
        assert (again.work, again.discards) == (None, ())

    def finish_if_at_work(self) -> None:
        if self.record is None or self.running is None or self.tasks[0].state not in AT_WORK:
            return
        done = Counts(splits=1, splits_done=1, rows=3, rows_done=3)
        self.tasks[0] = replace(
            self.tasks[0], state=TaskState.FINISHED, planned=True, counts=done, finished_ms=self.now
        )


TestBatchService = BatchServiceMachine.TestCase
