"""The rules of a rollout, said a second time and in other words, to hold every decision against.

Each decision is judged from its own situation: the world may break any bound by itself.
"""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction

from modelyard.core.rollout.decide import Decision
from modelyard.core.rollout.situation import InstanceObservation, Situation
from modelyard.domain.instance import HOLDING, LIVE, Instance, Phase
from modelyard.domain.process import ProcessState
from modelyard.domain.revision import Variant
from modelyard.domain.routing import RouteState
from modelyard.domain.service import Desired, Rollout, RolloutKind, RolloutState, Service

ENDED = {ProcessState.ABSENT, ProcessState.EXITED}
UNHEALTHY_MS = 60_000
QUIET_MS = 500
UNKNOWN_GRACE_S = 30


@dataclass(frozen=True)
class Oracle:
    """Judges one decision: `judge` raises when it breaks a rule."""

    before: Situation
    decision: Decision
    now_ms: int

    def judge(self) -> None:
        self._phases()
        self._rollout()
        self._starts()
        self._stops()
        if self._goal:
            self._drains()
            self._kept()
            self._switch()
        self._route()

    @property
    def _service(self) -> Service:
        return self.decision.service or self.before.service

    @property
    def _rolling(self) -> Rollout | None:
        return self.decision.rollout or self.before.rollout

    @property
    def _goal(self) -> dict[int, Variant]:
        service, rollout = self._service, self._rolling
        if service.desired is not Desired.RUNNING:
            return {}
        if service.failed and not (rollout and rollout.active):
            return {}
        return {v.track: v for v in self.before.revisions[service.revision].variants}

    def _base(self, rollout: Rollout | None) -> dict[int, Variant]:
        if rollout is None or rollout.state is not RolloutState.RUNNING or rollout.kind is not RolloutKind.UPDATE:
            return {}
        return {v.track: v for v in self.before.revisions[rollout.base].variants} if rollout.base else {}

    def _weights(self, rollout: Rollout | None) -> dict[int, int]:
        base = self._base(rollout)
        force = base if base and rollout and not rollout.switched else self._goal
        return {track: v.weight for track, v in force.items()}

    def _now(self) -> dict[str, tuple[Phase, InstanceObservation]]:
        """Each instance's phase as the world made it, before anything was decided."""
        return {o.id: (_now(o), o) for o in self.before.observations}

    def _after(self) -> dict[str, tuple[Instance, InstanceObservation]]:
        moved = {i.id: i for i in self.decision.instances}
        return {
            o.id: (moved.get(o.id, o.instance), o)
            for o in self.before.observations
            if o.id not in self.decision.forget
        }

    def _serving(self, weights: dict[int, int]) -> dict[str, InstanceObservation]:
        """Ready and acknowledged; where no weight is in force, ready is enough."""
        acked = self.before.acked.instance_ids() if self.before.acked else frozenset()
        return {
            i: o
            for i, (phase, o) in self._now().items()
            if phase is Phase.READY
            and o.state is not ProcessState.UNKNOWN
            and (i in acked or not weights.get(o.instance.track))
        }

    def _newly(self, phase: Phase) -> dict[str, InstanceObservation]:
        return {i: o for i, (row, o) in self._after().items() if row.phase is phase and o.phase is not phase}

    def _phases(self) -> None:
        order = [Phase.STARTING, Phase.DRAINING, Phase.STOPPING, Phase.EXITED]
        for row, observation in self._after().values():
            old, new = (Phase.STARTING if p is Phase.READY else p for p in (observation.phase, row.phase))
            assert order.index(new) >= order.index(old), f"{observation.phase} → {row.phase}"
            assert row.id == observation.id and row.template == observation.instance.template

    def _rollout(self) -> None:
        old, new = self.before.rollout, self.decision.rollout
        if old and new:
            assert new.switched or not old.switched, "the switch was taken back"
            assert new.active or new.ended_ms is not None
            if new.state is RolloutState.SUCCESS or (new.state is RolloutState.FAIL and new.cause == old.cause):
                self._whole()

    def _whole(self) -> None:
        """What may be called done: nothing missing, nothing left, and the gateway has the final weights."""
        assert self.before.acked == self.decision.route, "done before the gateway has it"
        held = Counter(
            (row.track, row.template) for row, o in self._after().values() if row.phase in HOLDING and not o.lost
        )
        wanted = {(t, v.template.hash): v.instance_count for t, v in self._goal.items()}
        assert held == wanted, "done with something missing or left"

    def _starts(self) -> None:
        held = Counter(o.instance.track for p, o in self._now().values() if p in HOLDING and not o.lost)
        for start in self.decision.starts:
            v = self._goal.get(start.track)
            limit = _ceiling(v) if v else 1
            assert held[start.track] < limit, f"started at {held[start.track]} holding of {limit}"
            held[start.track] += 1

    def _stops(self) -> None:
        acked = self.before.acked.instance_ids() if self.before.acked else frozenset()
        wanted = self.decision.route.instance_ids() if self.decision.route else frozenset()
        for instance_id, observation in self._newly(Phase.STOPPING).items():
            assert instance_id not in acked, f"{instance_id} stopped while the gateway has it"
            assert instance_id not in wanted
            running = self._service.desired is Desired.RUNNING
            if running and observation.state is ProcessState.READY and observation.instance.ready_ms is not None:
                assert self._emptied(observation), "stopped with requests inside"
        if self._service.desired is not Desired.RUNNING:
            self._nobody_waited_for(acked)
        unknown = {o.id for o in self.before.observations if o.state is ProcessState.UNKNOWN}
        assert not unknown & {s.instance_id for s in self.decision.stops}, "told to stop where nobody hears it"
        assert not unknown & set(self.decision.resume), "taken for absent where nobody can look"
        for stop in self.decision.stops:
            assert stop.grace_s == self._grace_s(stop.instance_id), "another grace than was asked for"

    def _nobody_waited_for(self, acked: frozenset[str]) -> None:
        """A user who stops or deletes waits for no request: who is out of the routing is told to end."""
        for instance_id, (row, observation) in self._after().items():
            waits = (
                row.phase is Phase.DRAINING and instance_id not in acked and observation.unrouted_ms is not None
            )
            assert not (waits and self.before.acked == self.decision.route), f"{instance_id} is waited for"

    def _grace_s(self, instance_id: str) -> int:
        (observation,) = (o for o in self.before.observations if o.id == instance_id)
        numbers = [self._service.revision, observation.instance.revision]
        variants = [v for n in numbers if n in self.before.revisions for v in self.before.revisions[n].variants]
        asked = [v.termination_grace_s for v in variants if v.template.hash == observation.instance.template]
        return asked[0] if asked else UNKNOWN_GRACE_S

    def _emptied(self, observation: InstanceObservation) -> bool:
        out = observation.unrouted_ms
        assert out is not None
        if self.now_ms >= out + self.before.service.settings.requests.timeout_s * 1000:
            return True
        return (
            observation.process.quiet_since_ms is not None
            and self.now_ms >= max(observation.process.quiet_since_ms, out) + QUIET_MS
        )

    def _left(self) -> dict[str, InstanceObservation]:
        """Instances that went from live to draining or stopping by this decision."""
        gone = {**self._newly(Phase.DRAINING), **self._newly(Phase.STOPPING)}
        return {i: o for i, o in gone.items() if o.phase in LIVE}

    def _drains(self) -> None:
        rollout = self._rolling
        weights = self._weights(rollout)
        serving, left = self._serving(weights), self._left()
        drained = {o.instance.track for i, o in serving.items() if i in left}
        remain = Counter(o.instance.track for i, o in serving.items() if i not in left)
        base = self._base(rollout)
        for track in drained:
            v = self._goal.get(track)
            if v:
                floor = _floor(v, v.instance_count)
                assert remain[track] >= floor, f"track {track}: {remain[track]} serve, floor {floor}"
            old = base.get(track)
            if old and old.weight and rollout and not rollout.switched:
                floor = _floor(v or old, old.instance_count)
                assert remain[track] >= floor, f"track {track}: {remain[track]} serve, floor of the base {floor}"
        for instance_id, o in left.items():
            v = self._goal.get(o.instance.track)
            if v and o.lost and o.phase is Phase.READY:
                floor = _floor(v, v.instance_count)
                assert remain[v.track] >= floor, f"{instance_id} may still answer, and only {remain[v.track]} do"
        ready = {
            i for i, (phase, o) in self._now().items() if phase is Phase.READY and o.state is ProcessState.READY
        }
        assert not ready or ready - left.keys(), "everything that is ready was drained"
        if drained:
            assert sum(remain.values()) >= 1, "the last serving instance was drained"

    def _kept(self) -> None:
        """Nothing restarts that need not."""
        left = self._left()
        for track, v in self._goal.items():
            fresh = [
                (i, o)
                for i, (phase, o) in self._now().items()
                if phase in LIVE
                and o.instance.track == track
                and o.instance.template == v.template.hash
                and not o.lost
            ]
            late = [i for i, o in fresh if o.state is not ProcessState.READY and self._late(o, v)]
            staying = [i for i, _ in fresh if i not in left]
            assert len(staying) >= min(v.instance_count, len(fresh) - len(late)), (
                f"track {track} restarts for nothing"
            )

    def _late(self, observation: InstanceObservation, v: Variant) -> bool:
        if observation.instance.ready_ms is not None:
            return (
                observation.phase is Phase.STARTING and self.now_ms >= observation.instance.phase_ms + UNHEALTHY_MS
            )
        began = observation.process.started_ms
        return began is not None and self.now_ms >= began + v.deploy_timeout_s * 1000

    def _switch(self) -> None:
        """All weights at once, and only when every track with a weight can take its share."""
        old, new = self.before.rollout, self.decision.rollout
        if not (old and new and new.switched and not old.switched):
            return
        base = self._base(old)
        target = {v.track: v for v in self.before.revisions[old.target].variants}
        weights = {track: v.weight for track, v in base.items()}
        serving = self._serving(weights).values()
        for track, v in target.items():
            if not v.weight:
                continue
            floor = _floor(v, v.instance_count)
            of = base.get(track)
            must = _floor(v, of.instance_count) if of and of.weight else 0
            blocked = must >= _ceiling(v)
            able = [
                o
                for o in serving
                if o.instance.track == track and (blocked or o.instance.template == v.template.hash)
            ]
            assert len(able) >= floor, f"switched with {len(able)} of {floor} able to serve on track {track}"

    def _route(self) -> None:
        route, service = self.decision.route, self._service
        if service.desired is Desired.DELETED:
            assert route is None
            return
        assert route is not None
        assert (route.state is RouteState.OPEN) == (service.desired is Desired.RUNNING)
        after = self._after()
        for instance_id in route.instance_ids():
            assert instance_id in after, "routed to what is gone"
            row, observation = after[instance_id]
            assert row.phase in {Phase.READY, Phase.DRAINING, Phase.STARTING}
            assert row.ready_ms is not None or observation.state is ProcessState.READY
            assert observation.process.address
        if not self._goal:
            assert not route.tracks
            return
        ready = {i: row for i, (row, _) in after.items() if row.phase is Phase.READY}
        routable = [
            row
            for row, observation in after.values()
            if row.phase is Phase.READY
            or (row.phase is Phase.DRAINING and observation.state is ProcessState.READY)
            or (row.phase in LIVE and row.ready_ms is not None)
        ]
        if routable:
            assert sum(t.weight for t in route.tracks) == 100, "callers would be told: no backend"
            assert all(t.endpoints and t.weight > 0 for t in route.tracks)
        weights = self._weights(self._rolling)
        weighted = {
            track: w for track, w in weights.items() if w and any(r.track == track for r in ready.values())
        }
        if weighted:
            shares = {t.track: t.weight for t in route.tracks}
            assert shares.keys() == weighted.keys()
            total = sum(weighted.values())
            assert all(abs(shares[t] - w * 100 / total) < 1 for t, w in weighted.items())
            for t in route.tracks:
                assert {e.instance_id for e in t.endpoints} == {i for i, r in ready.items() if r.track == t.track}


def _ceiling(v: Variant) -> int:
    surge = Fraction(str(v.budget.max_surge))
    return v.instance_count + int(-(-(surge * v.instance_count if surge < 1 else surge) // 1))


def _floor(v: Variant, count: int) -> int:
    part = Fraction(str(v.budget.max_unavailable))
    return max(count - int(part * count if part < 1 else part), 1)


def _now(observation: InstanceObservation) -> Phase:
    """The phase that the world put it in."""
    ended = observation.state is ProcessState.EXITED
    match observation.phase:
        case Phase.STARTING if ended or (
            observation.state is ProcessState.ABSENT and observation.instance.ready_ms is not None
        ):
            return Phase.EXITED
        case Phase.STARTING if observation.state is ProcessState.READY:
            return Phase.READY
        case Phase.READY | Phase.DRAINING | Phase.STOPPING if observation.state in ENDED:
            return Phase.EXITED
        case Phase.READY if observation.state not in {ProcessState.READY, ProcessState.UNKNOWN}:
            return Phase.STARTING
        case phase:
            return phase
