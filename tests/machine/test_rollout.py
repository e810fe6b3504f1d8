"""The rollout decisions against a world that misbehaves: edits, crashes, slow starts and drains in any order.

`rollout_oracle.Oracle` holds every decision against floor, ceiling, traffic, drain and switch; here are the rules
of what may happen, and what must come of it once the world is fair: the goal is reached, then it is quiet.
"""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.worlds.rollout import BAD, GOOD, NODES, RolloutWorld, variant

from modelyard.core.rollout.decide import decide
from modelyard.core.rollout.routes import route
from modelyard.domain.instance import HOLDING, Phase
from modelyard.domain.process import ProcessState
from modelyard.domain.revision import Variant
from modelyard.domain.routing import RouteState
from modelyard.domain.service import Desired, RolloutState, ServiceStatus

budgets = st.tuples(st.sampled_from([1, 2, 0.25, 0.5]), st.sampled_from([0, 0, 1, 3, 0.25, 0.5]))


@st.composite
def weights(draw: st.DrawFn, n: int) -> list[int]:
    """n weights that sum to 100."""
    cuts = sorted(draw(st.lists(st.sampled_from([0, 10, 30, 50, 99, 100]), min_size=n - 1, max_size=n - 1)))
    return [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]


@st.composite
def configs(draw: st.DrawFn, models: tuple[str, ...] = (*GOOD, *BAD)) -> tuple[Variant, ...]:
    chosen = draw(st.lists(st.sampled_from(models), min_size=1, max_size=3, unique=True))
    shares = draw(weights(len(chosen)))
    sizes = [(draw(st.integers(1, 4)), *draw(budgets)) for _ in chosen]
    return tuple(
        variant(model, count=count, weight=share, surge=surge, unavailable=unavailable)
        for model, share, (count, surge, unavailable) in zip(chosen, shares, sizes, strict=True)
    )


class RolloutMachine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.world = RolloutWorld()

    @initialize(good=configs(GOOD), any_=configs(), first=st.sampled_from(["good", "good", "settled", "any"]))
    def create(self, good: tuple[Variant, ...], any_: tuple[Variant, ...], first: str) -> None:
        self.world.create(any_ if first == "any" else good)
        if first == "settled":
            self.become_fair()

    def teardown(self) -> None:
        if self.world.service is not None:
            self.become_fair()

    # The user.

    @rule(config=configs())
    def edit(self, config: tuple[Variant, ...]) -> None:
        self.world.put(config=config)

    @precondition(lambda self: self.world.service is not None)
    @rule(data=st.data())
    def edit_counts(self, data: st.DataObject) -> None:
        self.world.put(
            config=tuple(self._same(v, count=data.draw(st.sampled_from([1, 1, 2, 4]))) for v in self._present())
        )

    @precondition(lambda self: self.world.service is not None)
    @rule(data=st.data())
    def edit_weights(self, data: st.DataObject) -> None:
        shares = data.draw(weights(len(self._present())))
        self.world.put(config=tuple(self._same(v, weight=w) for v, w in zip(self._present(), shares, strict=True)))

    @rule(desired=st.sampled_from([Desired.RUNNING, Desired.RUNNING, Desired.STOPPED]))
    def turn(self, desired: Desired) -> None:
        self.world.put(status=desired)

    @rule(really=st.integers(0, 9))
    def delete(self, really: int) -> None:
        if really == 9:
            self.world.delete()

    # The control plane.

    @rule(times=st.integers(1, 4))
    def look(self, times: int) -> None:
        for _ in range(times):
            self.world.look()

    @rule(acts=st.integers(0, 4))
    def look_and_be_killed(self, acts: int) -> None:
        self.world.look(acts=acts)

    @rule()
    def restart(self) -> None:
        self.world.restart()

    # The world.

    @rule(ms=st.sampled_from([10, 200, 1_000, 3_000, 10_000, 61_000]))
    def advance(self, ms: int) -> None:
        self.world.advance(ms)

    @rule(ms=st.sampled_from([-3_600_000, -61_000, -700, 700, 61_000, 3_600_000]))
    def set_the_clock(self, ms: int) -> None:
        """Whatever the wall clock says, nothing but time ends a start, a drain or a pause."""
        self.world.jump(ms)

    @rule(start_ms=st.sampled_from([0, 500, 5_000]), stop_ms=st.sampled_from([0, 500, 5_000]))
    def pace(self, start_ms: int, stop_ms: int) -> None:
        self.world.start_ms, self.world.stop_ms = start_ms, stop_ms

    @precondition(lambda self: self._alive())
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        proc = self.world.procs[data.draw(st.sampled_from(self._alive()))]
        proc.exited, proc.exit = True, "killed by signal 9"
        self.world.unfair = True

    @rule(looks=st.integers(0, 2))
    def crash_what_is_ready(self, looks: int) -> None:
        """All at once, just when others are on their way out or in."""
        for _ in range(looks):
            self.world.look()
        for instance in self.world.rows.values():
            if instance.phase is Phase.READY and instance.id in self.world.procs:
                proc = self.world.procs[instance.id]
                proc.exited, proc.exit = True, "killed by signal 9"
        self.world.unfair = True

    @precondition(lambda self: self._alive())
    @rule(data=st.data())
    def sicken_or_heal(self, data: st.DataObject) -> None:
        proc = self.world.procs[data.draw(st.sampled_from(self._alive()))]
        proc.sick = not proc.sick
        self.world.unfair = True

    @precondition(lambda self: self._alive())
    @rule(data=st.data())
    def busy_or_idle(self, data: st.DataObject) -> None:
        proc = self.world.procs[data.draw(st.sampled_from(self._alive()))]
        proc.busy, proc.quiet_ms = not proc.busy, self.world.now_ms

    @precondition(lambda self: self.world.rows)
    @rule(data=st.data())
    def lose_a_row(self, data: st.DataObject) -> None:
        del self.world.rows[data.draw(st.sampled_from(sorted(self.world.rows)))]
        self.world.unfair = True

    @rule(node=st.sampled_from(NODES), how=st.sampled_from(["cut", "cut", "mend", "lose"]))
    def node_moves(self, node: str, how: str) -> None:
        """Out of reach, back as it was, or broken: which of them nobody can tell until it is back."""
        match how:
            case "cut":
                self.world.cut.add(node)
                self.world.unfair = True
            case "mend":
                self.world.cut.discard(node)
            case "lose":
                self.world.lose(node)

    @rule(room=st.sampled_from([2, 4, 1_000, 1_000]))
    def room(self, room: int) -> None:
        self.world.room = room

    @rule()
    def gateway_answers(self) -> None:
        self.world.gateway_does(self.world.gateway.answer)

    @rule(how=st.sampled_from(["disconnect", "die", "reconnect", "reconnect"]))
    def gateway_moves(self, how: str) -> None:
        self.world.gateway_does(getattr(self.world.gateway, how))

    @rule(really=st.integers(0, 4))
    def gateway_rejects(self, really: int) -> None:
        self.world.gateway.rejecting = really == 4
        self.world.unfair |= self.world.gateway.rejecting

    # What must come of it.

    @rule(heal=st.booleans())
    def become_fair(self, heal: bool = False) -> None:
        """The goal is reached, the verdict is the right one, and then it is quiet."""
        world, asked = self.world, self.world.rollout
        unfair = world.unfair
        world.run_fairly(heal=heal)
        service = world.service
        if service is None:
            assert not [p for p in world.procs.values() if not p.exited]
            assert world.gateway.truth is None
            return
        assert world.rollout is None, f"never ends: {world.rollout}"
        self._quiet()
        if service.desired is Desired.STOPPED or service.status is ServiceStatus.FAILED:
            assert service.status is (
                ServiceStatus.STOPPED if service.desired is Desired.STOPPED else service.status
            )
            assert not any(i.phase in HOLDING for i in world.rows.values())
            assert world.gateway.truth is not None
            assert world.gateway.truth.tracks == ()
            assert (world.gateway.truth.state is RouteState.STOPPED) == (service.desired is Desired.STOPPED)
        else:
            assert service.status is ServiceStatus.RUNNING
            self._whole()
        if asked is not None and not unfair and asked.state is RolloutState.RUNNING:
            self._judged(asked.id)

    def _judged(self, rollout_id: str) -> None:
        world = self.world
        ended = next(r for r in world.rollouts if r.id == rollout_id)
        assert world.service is not None
        bad = any(v.model_id in BAD for v in world.revisions[ended.target].variants)
        assert ended.state is (RolloutState.FAIL if bad else RolloutState.SUCCESS), ended
        if bad:
            assert ended.cause
            assert world.service.error == ended.cause
            assert world.service.revision == (ended.base or ended.target)
            assert world.service.failed == (ended.base is None)
        else:
            assert world.service.stable == world.service.revision == ended.target

    def _whole(self) -> None:
        world = self.world
        assert world.service is not None
        variants = world.revisions[world.service.revision].variants
        wanted = sorted((v.track, v.template.hash) for v in variants for _ in range(v.instance_count))
        live = [i for i in world.rows.values() if i.phase in HOLDING]
        assert all(i.phase is Phase.READY for i in live)
        assert sorted((i.track, i.template) for i in live) == wanted
        running = sorted(p.instance.id for p in world.procs.values() if not p.exited)
        assert running == sorted(i.id for i in live)
        truth = world.gateway.truth
        assert truth is not None
        assert {t.track: t.weight for t in truth.tracks} == {v.track: v.weight for v in variants if v.weight}

    def _quiet(self) -> None:
        world = self.world
        seen = world.situation()
        decision = decide(seen, world.now_ms, wall_ms=world.wall_ms)
        assert decision.route == route(seen) == world.gateway.truth
        assert (decision.service, decision.rollout, decision.explain) == (None, None, None)
        for empty in (decision.instances, decision.starts, decision.resume, decision.stops, decision.forget):
            assert empty == ()
        assert decision.events == ()

    @precondition(lambda self: self._at_rest())
    @rule(data=st.data())
    def change_weights_only(self, data: st.DataObject) -> None:
        """Starts and stops nothing, and is one change of the routing (none if the weights are the same)."""
        world = self.world
        assert world.service is not None
        before = [v.weight for v in self._present()]
        after = data.draw(weights(len(before)))
        counts, pushes, rows = dict(world.counts), world.gateway.pushes, dict(world.rows)
        assert world.put(
            config=tuple(self._same(v, weight=w) for v, w in zip(self._present(), after, strict=True))
        )
        world.run_fairly()
        assert world.rollouts[-1].state is RolloutState.SUCCESS
        assert dict(world.counts) == counts
        assert world.rows == rows
        assert world.gateway.pushes == pushes + (before != after)

    def _at_rest(self) -> bool:
        world = self.world
        service = world.service
        return (
            service is not None
            and service.status is ServiceStatus.RUNNING
            and service.desired is Desired.RUNNING
            and all(
                world.state(i.id) is ProcessState.READY and i.phase is Phase.READY for i in world.rows.values()
            )
            and world.gateway.connected
            and not world.gateway.rejecting
            and world.gateway.desired == world.gateway.truth == world.gateway.view == route(world.situation())
            and all(p.instance.id in world.rows for p in world.procs.values())
            and not world.look()
        )

    def _present(self) -> tuple[Variant, ...]:
        assert self.world.service is not None
        return self.world.revisions[self.world.service.revision].variants

    def _same(self, v: Variant, *, count: int | None = None, weight: int | None = None) -> Variant:
        return variant(
            v.model_id,
            count=v.instance_count if count is None else count,
            weight=v.weight if weight is None else weight,
            surge=v.budget.max_surge,
            unavailable=v.budget.max_unavailable,
        )

    def _alive(self) -> list[str]:
        return sorted(i for i, p in self.world.procs.items() if not p.exited)


TestRollout = RolloutMachine.TestCase
