"""A small world around `core.rollout.decide`: processes, a gateway, a user, a control plane that can be killed.

It applies decisions as `control.reconcile` does (rows first, then the acts); each is judged by
`rollout_oracle.Oracle` before.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from tests.machine.rollout_oracle import Oracle
from tests.worlds import services

from modelyard.core.admission.states import Effect, Step, effect
from modelyard.core.rollout.decide import Decision, decide
from modelyard.core.rollout.pairing import pair
from modelyard.core.rollout.recording import Recorded, recorded
from modelyard.core.rollout.situation import InstanceObservation, Situation
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.process import ABSENT, Process, ProcessState
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.routing import ServiceRoute
from modelyard.domain.service import (
    Desired,
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
    ServiceStatus,
)
from modelyard.domain.settings import RequestLimits, ServiceSettings

DEPLOY_TIMEOUT_S = 60
GRACE_S = 5
REQUEST_TIMEOUT_S = 10.0
NEVER_READY, CRASHES = "never-ready", "crashes"
GOOD = ("a1", "a2", "a3", "b1", "b2", "c1")
BAD = (NEVER_READY, CRASHES)


variant = partial(services.variant, track=0, deploy_timeout_s=DEPLOY_TIMEOUT_S, grace_s=GRACE_S)
"""An entry of a config; its track is set by `pair`."""


NODES = ("n1", "n2")
NODE_LOST_MS = 30_000


@dataclass
class Proc:
    """A process; `ready_ms` None: never. `quiet_ms`: since when nothing was inside and nothing came."""

    instance: Instance
    started_ms: int
    ready_ms: int | None
    end_ms: int | None = None
    stopping: bool = False
    exited: bool = False
    exit: str = ""
    sick: bool = False
    busy: bool = False
    quiet_ms: int = 0
    node: str = NODES[0]

    def state(self, now_ms: int) -> ProcessState:
        if self.exited:
            return ProcessState.EXITED
        if self.stopping:
            return ProcessState.STOPPING
        if self.sick or self.ready_ms is None or now_ms < self.ready_ms:
            return ProcessState.STARTING
        return ProcessState.READY


@dataclass
class Gateway:
    """`truth` is what it carries requests by, `view` what the control plane knows of that."""

    desired: ServiceRoute | None = None
    in_flight: tuple[ServiceRoute | None] | None = None
    truth: ServiceRoute | None = None
    view: ServiceRoute | None = None
    alive: bool = True
    connected: bool = True
    rejecting: bool = False
    rejected: str = ""
    pushes: int = 0

    def want(self, route: ServiceRoute | None) -> None:
        """A value that is taken back before it was answered never took effect here (see docs: the view's gap)."""
        if route == self.desired:
            return
        self.desired, self.rejected = route, ""
        if route == self.truth:
            self.in_flight = None
        self.send()

    def send(self) -> None:
        """What it has already (it says so when it connects) is not sent again, only known again."""
        if not self.connected or self.in_flight is not None or self.rejected:
            return
        if self.desired == self.truth:
            self.view = self.truth
        else:
            self.in_flight = (self.desired,)

    def answer(self) -> None:
        """Acknowledge or refuse what is on its way."""
        if self.in_flight is None:
            return
        (value,), self.in_flight = self.in_flight, None
        if not self.rejecting:
            self.pushes += value != self.truth
            self.truth = self.view = value
        elif value == self.desired:
            self.rejected = "no such cluster"
        self.send()

    def disconnect(self) -> None:
        self.connected, self.in_flight = False, None

    def die(self) -> None:
        self.disconnect()
        self.alive, self.truth, self.view, self.rejected = False, None, None, ""

    def reconnect(self) -> None:
        self.alive = self.connected = True
        self.rejected = ""
        self.send()


@dataclass
class RolloutWorld:
    """Everything there is. `unfair`: something happened for which a good rollout may fail.

    `cut`: nodes whose processes nobody can see or tell anything; the gateway reaches them all the same.
    `ahead_ms`: how far the wall clock is ahead of the time that passes; `jumped`: it was set during the rollout.
    """

    now_ms: int = 1_000_000
    ahead_ms: int = 0
    jumped: bool = False
    service: Service | None = None
    revisions: dict[int, Revision] = field(default_factory=dict)
    rollouts: list[Rollout] = field(default_factory=list)
    rows: dict[str, Instance] = field(default_factory=dict)
    procs: dict[str, Proc] = field(default_factory=dict)
    gateway: Gateway = field(default_factory=Gateway)
    unrouted_ms: dict[str, int] = field(default_factory=dict)
    obstacles: dict[str, str] = field(default_factory=dict)
    unseen_ms: dict[str, int] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    began: dict[str, int] = field(default_factory=dict)
    lapses: Counter[str] = field(default_factory=Counter)
    room: int = 1_000
    start_ms: int = 1_000
    stop_ms: int = 100
    unfair: bool = False
    again_ms: int | None = None
    counts: Counter[str] = field(default_factory=Counter)
    ids: int = 0

    # The user.

    def create(self, config: tuple[Variant, ...]) -> None:
        limits = RequestLimits(timeout_s=REQUEST_TIMEOUT_S)
        settings = ServiceSettings(requests=limits)
        self.service = services.service("s", created_ms=self.now_ms, settings=settings)
        self.revisions = {1: Revision("s", 1, self.now_ms, pair((), config, 1))}
        self._roll(RolloutKind.DEPLOY, None)

    def put(self, *, config: tuple[Variant, ...] | None = None, status: Desired | None = None) -> bool:
        """What operations.services.change does; False when the API refuses it."""
        service = self.service
        if service is None:
            return False
        step = effect(service.status, status, config is not None)
        if not isinstance(step, Effect):
            return False
        match step.step:
            case Step.START:
                base = service.stable if service.stable != service.revision else None
                self._turn(Desired.RUNNING, ServiceStatus.DEPLOYING)
                self._roll(RolloutKind.START, base)
            case Step.STOP:
                self._cancel()
                self._turn(Desired.STOPPED, ServiceStatus.STOPPING)
            case Step.KEEP if config:
                self._revise(config)
            case Step.UPDATE if config:
                self._cancel()
                self._revise(config)
                self._turn(Desired.RUNNING, ServiceStatus.DEPLOYING)
                self._roll(RolloutKind.UPDATE, service.stable)
        return True

    def delete(self) -> None:
        if self.service is not None and self.service.desired is not Desired.DELETED:
            self._cancel()
            self._turn(Desired.DELETED, ServiceStatus.DELETING)

    def _turn(self, desired: Desired, status: ServiceStatus) -> None:
        assert self.service is not None
        self.service = replace(self.service, desired=desired, status=status, failed=False, error="")

    def _revise(self, config: tuple[Variant, ...]) -> None:
        assert self.service is not None
        number = max(self.revisions) + 1
        tracks = {v.track for r in self.revisions.values() for v in r.variants}
        variants = pair(self.revisions[self.service.revision].variants, config, max(tracks) + 1)
        self.revisions[number] = Revision("s", number, self.now_ms, variants)
        self.service = replace(self.service, revision=number)

    def _roll(self, kind: RolloutKind, base: int | None) -> None:
        assert self.service is not None
        gateway = self.gateway
        self.unfair = gateway.rejecting or bool(gateway.rejected) or any(p.sick for p in self.procs.values())
        self.unfair |= any(p.exited and not self._known_ended(i) for i, p in self.procs.items())
        self.unfair |= bool(
            self.obstacles
        )  # what waits for room has waited since it was asked for, not from now on
        self.rollouts.append(Rollout(self.new_id("roll"), "s", kind, self.service.revision, base, self.wall_ms))
        self.jumped = False
        self.lapses.clear()

    def _known_ended(self, instance_id: str) -> bool:
        row = self.rows.get(instance_id)
        return row is not None and row.phase is Phase.EXITED and row.phase_ms < self.now_ms

    def _cancel(self) -> None:
        rollout = self.rollout
        if rollout is None:
            return
        state = RolloutState.CANCELLED if rollout.state is RolloutState.RUNNING else RolloutState.FAIL
        self.rollouts[-1] = replace(rollout, state=state, ended_ms=self.now_ms)

    # What is there.

    @property
    def rollout(self) -> Rollout | None:
        """The active one, as the store gives it to a decision."""
        return self.rollouts[-1] if self.rollouts and self.rollouts[-1].active else None

    @property
    def wall_ms(self) -> int:
        return self.now_ms + self.ahead_ms

    def jump(self, ms: int) -> None:
        """Somebody sets the wall clock."""
        self.ahead_ms += ms
        self.jumped = True

    def new_id(self, prefix: str) -> str:
        self.ids += 1
        return f"{prefix}{self.ids:04}"

    def state(self, instance_id: str) -> ProcessState:
        proc = self.procs.get(instance_id)
        return proc.state(self.now_ms) if proc else ProcessState.ABSENT

    def seen(self, instance_id: str) -> Proc | None:
        """The process, where the engine can look."""
        proc = self.procs.get(instance_id)
        return proc if proc is not None and proc.node not in self.cut else None

    def lose(self, node: str) -> None:
        """The node breaks: nothing of what was there is left, and it stays out of reach."""
        self.cut.add(node)
        self.procs = {i: p for i, p in self.procs.items() if p.node != node}
        self.unfair = True

    def situation(self) -> Situation:
        """What `control.observe` makes of it."""
        assert self.service is not None
        routed = self.gateway.view.instance_ids() if self.gateway.view else frozenset()
        observations = []
        for instance in (*self.rows.values(), *self._strangers()):
            if not self.gateway.connected or instance.id in routed:
                self.unrouted_ms.pop(instance.id, None)
            else:
                self.unrouted_ms.setdefault(instance.id, self.now_ms)
            observations.append(self._observation(instance))
        return Situation(
            service=self.service,
            revisions=self.revisions,
            rollout=self.rollout,
            observations=tuple(observations),
            acked=self.gateway.view,
            began_ms=self._began_ms(),
            lapses=dict(self.lapses) if self.rollout else {},
        )

    def _began_ms(self) -> int | None:
        rollout = self.rollout
        if rollout is None:
            return None
        return self.began.setdefault(rollout.id, self.now_ms - max(self.wall_ms - rollout.started_ms, 0))

    def _strangers(self) -> Iterator[Instance]:
        for proc in self.procs.values():
            if proc.instance.id not in self.rows and not proc.exited and proc.node not in self.cut:
                yield replace(
                    proc.instance, phase=Phase.STARTING, phase_ms=proc.started_ms, ready_ms=None, exit=""
                )

    def _observation(self, instance: Instance) -> InstanceObservation:
        proc = self.seen(instance.id)
        unrouted_ms = self.unrouted_ms.get(instance.id)
        obstacle = self.obstacles.get(instance.id, "")
        if proc is None and not obstacle and (instance.node in self.cut or (self.cut and not instance.node)):
            lost_ms = self.unseen_ms.setdefault(instance.id, self.now_ms) + NODE_LOST_MS
            unknown = Process(ProcessState.UNKNOWN, instance.address, node=instance.node)
            return InstanceObservation(
                instance, unknown, unrouted_ms, lost_ms=lost_ms, lost=lost_ms <= self.now_ms
            )
        self.unseen_ms.pop(instance.id, None)
        if proc is None:
            return InstanceObservation(instance, ABSENT, unrouted_ms=unrouted_ms, obstacle=obstacle)
        return InstanceObservation(
            instance,
            Process(
                proc.state(self.now_ms),
                address=f"unix:{instance.id}",
                started_ms=proc.started_ms,
                quiet_since_ms=self._quiet_ms(proc),
                exit=proc.exit,
                node=proc.node,
            ),
            unrouted_ms=unrouted_ms,
        )

    def _quiet_ms(self, proc: Proc) -> int | None:
        truth = self.gateway.truth
        in_use = proc.busy or (truth is not None and proc.instance.id in truth.instance_ids())
        return None if in_use or proc.state(self.now_ms) is not ProcessState.READY else proc.quiet_ms

    def gateway_does(self, act: Callable[[], None]) -> None:
        """The gateway answers, dies …; callers notice."""
        before = self.gateway.truth
        act()
        after = self.gateway.truth.instance_ids() if self.gateway.truth else frozenset()
        for instance_id in (before.instance_ids() if before else frozenset()) - after:
            if instance_id in self.procs:
                self.procs[instance_id].quiet_ms = self.now_ms
        assert (
            self.service is None
            or self.service.desired is Desired.DELETED
            or not [i for i in after if i in self.procs and self.procs[i].stopping]
        ), "routed to what was told to stop"

    # The control plane.

    def look(self, *, acts: int | None = None) -> bool:
        """One pass; `acts`: killed before its n-th act, recording being the first. True when rows changed."""
        if self.service is None:
            for proc in self.procs.values():
                if proc.node not in self.cut and not proc.exited and not proc.stopping:
                    proc.stopping, proc.end_ms = True, self.now_ms + self.stop_ms
            return False
        before = self.situation()
        rejected = self.gateway.rejected
        decision = decide(before, self.now_ms, rejected=rejected, wall_ms=self.wall_ms)
        assert decision == decide(before, self.now_ms, rejected=rejected, wall_ms=self.wall_ms), (
            "not deterministic"
        )
        Oracle(before, decision, self.now_ms).judge()
        plan = list(self._acts(decision))
        for act in plan[:acts]:
            act()
        if acts is not None and acts < len(plan):
            self.restart()
        self.advance(0)
        self.again_ms = decision.again_ms
        changes = (decision.service, decision.rollout, decision.instances, decision.starts, decision.forget)
        return any(changes) or bool(decision.stops)

    def record(self) -> ServiceRecord:
        """What the store has."""
        assert self.service is not None
        return ServiceRecord(self.service, dict(self.revisions), self.rollout, tuple(self.rows.values()))

    def _acts(self, decision: Decision) -> Iterator[Callable[[], None]]:
        ids = [self.new_id("i") for _ in decision.starts]
        rows = recorded(self.record(), decision, ids, self.now_ms, tuple(self._strangers()))
        yield lambda: self._record(rows)
        yield lambda: self.gateway.want(decision.route)
        for stop in decision.stops:
            yield lambda stop=stop: self._stop(stop.instance_id)  # type: ignore[misc]
        for instance_id in decision.forget:
            yield lambda i=instance_id: self._remove(i)  # type: ignore[misc]
        resumed = [self.rows[i] for i in decision.resume if i in self.rows]
        for instance in (*resumed, *rows.started):
            yield lambda i=instance: self._start(i)  # type: ignore[misc]

    def _record(self, rows: Recorded) -> None:
        for rollout in rows.changes.rollouts:
            assert self.rollouts[-1].id == rollout.id
            self.rollouts[-1] = rollout
        for new in rows.changes.instances:
            old = self.rows.get(new.id)
            if old is not None and old.phase is Phase.READY and new.phase is Phase.STARTING:
                self.lapses[old.template] += 1
        self.service = rows.after.service if rows.after else None
        self.rows = {i.id: i for i in rows.after.instances} if rows.after else {}

    def _start(self, instance: Instance) -> None:
        self.counts["start"] += 1
        assert instance.id not in self.procs or self.seen(instance.id), "started again where nobody can look"
        if instance.id in self.procs:
            return
        held = Counter(p.node for p in self.procs.values() if not p.exited)
        nodes = [node for node in NODES if node not in self.cut]
        if not nodes:
            self.obstacles[instance.id] = "no node can be reached"
            return
        if sum(not p.exited for p in self.procs.values()) >= self.room:
            self.obstacles[instance.id] = "no room"
            self.unfair = True
            return
        self.obstacles.pop(instance.id, None)
        model = next(
            v.model_id for r in self.revisions.values() for v in r.variants if v.template.hash == instance.template
        )
        ready_ms = None if model in BAD else self.now_ms + self.start_ms
        end_ms = self.now_ms + self.start_ms if model == CRASHES else None
        self.procs[instance.id] = Proc(instance, self.now_ms, ready_ms, end_ms, quiet_ms=self.now_ms)
        self.procs[instance.id].node = min(nodes, key=lambda node: held[node])

    def _stop(self, instance_id: str) -> None:
        self.counts["stop"] += 1
        assert self.service is not None
        truth = self.gateway.truth if self.service.desired is not Desired.DELETED else None  # nothing is promised
        assert truth is None or instance_id not in truth.instance_ids(), f"{instance_id} stopped while routed to"
        proc = self.seen(instance_id)
        if proc is not None and not proc.exited and not proc.stopping:
            proc.stopping, proc.end_ms, proc.exit = True, self.now_ms + self.stop_ms, "exited with status 0"

    def _remove(self, instance_id: str) -> None:
        self.unrouted_ms.pop(instance_id, None)
        self.obstacles.pop(instance_id, None)
        self.unseen_ms.pop(instance_id, None)
        proc = self.seen(instance_id)
        if proc is not None and proc.exited:
            del self.procs[instance_id]

    def restart(self) -> None:
        """The control plane is killed and comes back: it forgets what only its memory had."""
        self.unrouted_ms.clear()
        self.obstacles.clear()
        self.unseen_ms.clear()
        self.began.clear()
        self.lapses.clear()
        self.unfair |= self.jumped  # it is as old as the wall clock says
        gateway = self.gateway
        gateway.disconnect()
        gateway.view, gateway.rejected = None, ""
        gateway.desired = None  # a control plane that starts loads the routes of the services that there are
        if self.service is not None:
            gateway.desired = decide(self.situation(), self.now_ms, wall_ms=self.wall_ms).route
        self.again_ms = self.now_ms

    # Time.

    def advance(self, ms: int) -> None:
        self.now_ms += ms
        for proc in self.procs.values():
            if not proc.exited and proc.end_ms is not None and proc.end_ms <= self.now_ms:
                proc.exited, proc.exit = True, proc.exit or "exited with status 1"

    def next_change_ms(self) -> int | None:
        edges = [t for p in self.procs.values() if not p.exited for t in (p.ready_ms, p.end_ms)]
        edges.append(self.again_ms)
        if self.obstacles:
            edges.append(self.now_ms + 5_000)
        return min((t for t in edges if t is not None and t > self.now_ms), default=None)

    def run_fairly(self, *, heal: bool = False, rounds: int = 600) -> None:
        """Everything works from now on, and nobody looks without a reason: until nothing happens any more. It is
        one that the gateway is known to have a route, also when it had it all along (`Gateway.send`).

        Processes that are sick stay so, unless healed: they have to be replaced.
        """
        self.gateway.rejecting, self.room = False, 1_000
        self.cut.clear()
        self.start_ms, self.stop_ms = min(self.start_ms, 5_000), min(self.stop_ms, 1_000)
        for proc in self.procs.values():
            proc.sick, proc.busy = proc.sick and not heal, False
        self.gateway_does(self.gateway.reconnect)
        begun_ms = self.now_ms
        for _ in range(rounds):
            known = None
            while self.look() or self.gateway.view != known:
                known = self.gateway.view
            if self.service is None:
                while self.gateway.in_flight is not None:
                    self.gateway_does(self.gateway.answer)
                self.advance(self.stop_ms)
                return
            if self.gateway.in_flight is not None:
                self.gateway_does(self.gateway.answer)
                continue
            at_ms = self.next_change_ms()
            if at_ms is None or at_ms > begun_ms + 590_000:
                return
            self.advance(at_ms - self.now_ms)
        raise AssertionError("a fair world does not come to rest")
