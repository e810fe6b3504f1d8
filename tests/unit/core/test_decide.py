"""Whole decisions: what is recorded and done after one look."""

from dataclasses import replace

import pytest
from tests.unit.core.situations import BEGAN, NOW, open_route, situation, with_process
from tests.worlds.services import template, variant

from modelyard.core.rollout.decide import KEEP_EXITED, KEEP_EXITED_MS, Decision, Stop, decide
from modelyard.core.rollout.routes import route
from modelyard.core.rollout.situation import Situation
from modelyard.core.rollout.steps import Start
from modelyard.domain.instance import ImpossibleTransitionError, Instance, Phase
from modelyard.domain.process import ProcessState
from modelyard.domain.service import (
    Desired,
    Event,
    EventType,
    Rollout,
    RolloutKind,
    RolloutState,
    ServiceStatus,
)

NOTHING = Decision(None, None, (), (), (), (), (), (), None)


def phases(decision: Decision) -> dict[str, Phase]:
    return {i.id: i.phase for i in decision.instances}


def texts(decision: Decision) -> list[str]:
    assert all(e.service_id == "svc" and e.occur_ms == NOW for e in decision.events)
    return [f"{'! ' if e.type is EventType.ABNORMAL else ''}{e.info}" for e in decision.events]


def seen_as(seen: Situation, **states: ProcessState) -> Situation:
    """The same, with other processes."""
    return replace(
        seen, observations=tuple(with_process(o, state=states.get(o.id, o.state)) for o in seen.observations)
    )


def deployment(picture: str, **rollout: object) -> Situation:
    """A first deployment."""
    first = Rollout("roll", "svc", RolloutKind.DEPLOY, target=2, base=None, started_ms=BEGAN)
    return situation(picture, rollout=replace(first, **rollout), stable=None)  # type: ignore[arg-type]


def test_a_converged_service_is_quiet() -> None:
    seen = situation("oo", old=(variant("a1", count=2),), new=None)
    assert decide(seen, NOW) == replace(NOTHING, route=seen.acked)


def test_a_new_version_starts_beside_the_old() -> None:
    assert decide(situation("o", switched=False), NOW) == replace(
        NOTHING,
        starts=(Start(1, template("a2").hash),),
        route=open_route((1, 100, ("o1",))),
        events=(
            Event("svc", EventType.NORMAL, "[a 2] schedule resource success", NOW),
            Event("svc", EventType.NORMAL, "[a 2] starting model", NOW),
        ),
    )


def test_readiness_is_recorded_and_routed() -> None:
    decision = decide(seen_as(situation("os", switched=False), s2=ProcessState.READY), NOW)
    assert phases(decision) == {"s2": Phase.READY}
    assert decision.route == open_route((1, 100, ("o1", "s2")))
    assert texts(decision) == ["[a 2] instance s2 is ready"]


def test_the_old_one_leaves_the_routing_when_the_new_one_is_in_it() -> None:
    decision = decide(situation("on", switched=False), NOW)
    assert phases(decision) == {"o1": Phase.DRAINING}
    assert decision.rollout is not None
    assert decision.rollout.switched
    assert decision.route == open_route((1, 100, ("n2",)))
    assert decision.stops == ()


class TestStop:
    """A drained instance is told to end, not before it may."""

    def test_when_it_is_out_and_quiet(self) -> None:
        decision = decide(situation("dn"), NOW)
        assert (phases(decision), decision.stops) == ({"d1": Phase.STOPPING}, (Stop("d1", 20),))

    def test_not_while_the_gateway_has_it(self) -> None:
        decision = decide(situation("Dn"), NOW)
        assert (decision.instances, decision.stops) == ((), ())

    def test_not_while_a_route_may_be_on_its_way(self) -> None:
        seen = situation("dn", acked=open_route((1, 100, ("n2", "gone"))))
        assert decide(seen, NOW).stops == ()
        assert decide(seen, NOW, rejected="no such cluster").stops == (Stop("d1", 20),)

    def test_not_while_it_is_the_last_resort(self) -> None:
        seen = situation("d", new=None, acked=open_route())
        assert decide(seen, NOW).stops == ()
        assert decide(seen, NOW, rejected="no such cluster").stops == ()
        assert decide(seen, NOW).route == open_route((1, 100, ("d1",)))

    @pytest.mark.parametrize("grace_s", [0, 20, 900])
    def test_at_an_update_after_the_time_that_a_request_may_take_whatever_the_grace(self, grace_s: int) -> None:
        seen = situation("dn", old=(variant("a1", grace_s=grace_s),))
        seen = replace(seen, observations=tuple(with_process(o, quiet_since_ms=None) for o in seen.observations))
        assert decide(seen, NOW).again_ms == NOW - 5_000 + 30_000
        assert decide(seen, NOW + 25_000).stops == (Stop("d1", grace_s),)

    @pytest.mark.parametrize("grace_s", [0, 2, 900])
    @pytest.mark.parametrize("desired", [Desired.STOPPED, Desired.DELETED])
    def test_at_once_when_the_service_is_to_end_and_the_grace_bounds_it(
        self, desired: Desired, grace_s: int
    ) -> None:
        seen = situation("d", old=(variant("a1", grace_s=grace_s),), new=None, desired=desired, acked=None)
        route = decide(seen, NOW).route
        busy = tuple(with_process(o, quiet_since_ms=None) for o in seen.observations)
        assert decide(replace(seen, acked=route, observations=busy), NOW).stops == (Stop("d1", grace_s),)

    def test_again_until_the_engine_heard_it(self) -> None:
        seen = situation("Sn")
        assert decide(seen, NOW).stops == ()
        assert decide(seen_as(seen, S1=ProcessState.READY), NOW).stops == (Stop("S1", 20),)

    def test_then_nothing_is_left_of_it(self) -> None:
        for state in (ProcessState.EXITED, ProcessState.ABSENT):
            assert decide(seen_as(situation("Sn"), S1=state), NOW).forget == ("S1",)

    def test_with_the_grace_asked_for_last(self) -> None:
        later = (variant("a1", grace_s=5),)
        seen = situation("S", old=(variant("a1", grace_s=90),), new=later, desired=Desired.STOPPED)
        assert decide(seen_as(seen, S1=ProcessState.READY), NOW).stops == (Stop("S1", 5),)


def test_a_lost_start_is_asked_for_again() -> None:
    decision = decide(situation("oa", switched=False), NOW)
    assert (decision.resume, decision.starts) == (("a2",), ())


def test_a_crash_is_replaced_at_once() -> None:
    seen = situation("oo", old=(variant("a1", count=2),), new=None)
    crashed = tuple(with_process(o, exit="killed by signal 9") if o.id == "o1" else o for o in seen.observations)
    decision = decide(seen_as(replace(seen, observations=crashed), o1=ProcessState.EXITED), NOW)
    assert decision.starts == (Start(1, template("a1").hash),)
    assert phases(decision) == {"o1": Phase.EXITED}
    assert decision.route == open_route((1, 100, ("o2",)))
    assert decision.service == replace(seen.service, status=ServiceStatus.CONCERNING, transition_ms=NOW)
    assert decision.again_ms == NOW + KEEP_EXITED_MS
    assert texts(decision) == [
        "! [a 1] instance o1 ended: killed by signal 9",
        "[a 1] schedule resource success",
        "[a 1] starting model",
        "! service is concerning: fewer instances are ready than asked for",
    ]


def test_success() -> None:
    seen = situation("n", error="an older failure")
    decision = decide(seen, NOW)
    assert seen.rollout is not None
    assert decision.rollout == replace(seen.rollout, state=RolloutState.SUCCESS, ended_ms=NOW)
    assert decision.service == replace(
        seen.service, stable=2, error="", status=ServiceStatus.RUNNING, transition_ms=NOW
    )
    assert texts(decision) == ["service updated"]


def test_weights_alone_are_one_change_of_the_routing() -> None:
    old = (variant("a1", weight=100), variant("b1", track=2, weight=0))
    new = (variant("a1", weight=70), variant("b1", track=2, weight=30))
    seen = situation("n", "r", old=old, new=new, switched=False)
    decision = decide(seen, NOW)
    wanted = open_route((1, 70, ("n1",)), (2, 30, ("r1.2",)))
    assert seen.rollout is not None
    switched = replace(seen.rollout, switched=True)
    assert decision == replace(NOTHING, rollout=switched, route=wanted)
    then = decide(replace(seen, rollout=switched, acked=wanted), NOW)
    assert then.rollout == replace(switched, state=RolloutState.SUCCESS, ended_ms=NOW)
    assert (then.route, then.instances, then.starts) == (wanted, (), ())


class TestFailure:
    """Back to the base; without one the service is failed."""

    CAUSE = "instances of a 2 ended 3 times before they were ready: exited with status 1"

    def test_the_base_becomes_the_target(self) -> None:
        seen = situation("oeees", switched=False)
        decision = decide(seen, NOW)
        assert seen.rollout is not None
        back = replace(seen.rollout, state=RolloutState.ROLLING_BACK, cause=self.CAUSE)
        assert decision.rollout == back
        assert decision.service == replace(seen.service, revision=1, error=self.CAUSE)
        assert phases(decision) == {"s5": Phase.STOPPING}
        assert decision.explain == "e4"
        assert decision.route == seen.acked
        assert texts(decision) == [f"! Failed to update the service. Perform a rollback. Cause: {self.CAUSE}"]

    def test_the_record_is_fail_when_the_base_is_whole(self) -> None:
        seen = situation("oeee")
        assert seen.rollout is not None
        back = replace(seen.rollout, state=RolloutState.ROLLING_BACK, cause=self.CAUSE)
        seen = replace(seen, rollout=back, service=replace(seen.service, revision=1, error=self.CAUSE))
        decision = decide(seen, NOW)
        assert decision.rollout == replace(back, state=RolloutState.FAIL, ended_ms=NOW)
        assert decision.service == replace(seen.service, stable=1, status=ServiceStatus.RUNNING, transition_ms=NOW)
        assert texts(decision) == ["service has been rolled back"]

    def test_a_rollback_that_fails_ends_too(self) -> None:
        seen = situation("peee", new=(variant("a2"),))
        assert seen.rollout is not None
        back = replace(seen.rollout, state=RolloutState.ROLLING_BACK, cause=self.CAUSE)
        seen = replace(seen, rollout=back, service=replace(seen.service, revision=1))
        decision = decide(seen, BEGAN + 101_001)
        cause = (
            f"{self.CAUSE}\nThe rollback failed too: "
            "deployment timed out: an instance of a 1 was not ready within 100 s (deploy_timeout_in_seconds)"
        )
        assert decision.rollout == replace(back, state=RolloutState.FAIL, cause=cause, ended_ms=BEGAN + 101_001)
        assert decision.service is not None
        assert (decision.service.failed, decision.service.status) == (False, ServiceStatus.CONCERNING)
        assert decision.starts == (Start(1, template("a1").hash),)

    def test_a_first_deployment_is_failed(self) -> None:
        seen = deployment("eee")
        decision = decide(seen, NOW)
        assert seen.rollout is not None
        assert decision.rollout == replace(seen.rollout, state=RolloutState.FAIL, cause=self.CAUSE, ended_ms=NOW)
        assert decision.service == replace(
            seen.service, failed=True, error=self.CAUSE, status=ServiceStatus.FAILED, transition_ms=NOW
        )
        assert decision.starts == ()
        assert texts(decision) == [f"! service failed to start. Cause: {self.CAUSE}"]

    def test_what_was_ready_of_it_goes_too(self) -> None:
        assert phases(decide(deployment("eeen"), NOW)) == {"n4": Phase.DRAINING}
        made = decide(deployment("eeen"), NOW).route
        assert made is not None
        assert made.absence.startswith("it failed: instances of a 2 ended 3 times")
        assert replace(made, absence="") == open_route()

    def test_a_gateway_that_refuses(self) -> None:
        decision = decide(situation("or", switched=False), NOW, rejected="no such cluster")
        assert decision.rollout is not None
        assert decision.rollout.state is RolloutState.ROLLING_BACK
        assert decision.rollout.cause == "the gateway refused the configuration: no such cluster"


class TestEnd:
    """Stopped and deleted services."""

    def test_stop(self) -> None:
        seen = situation("oo", new=None, desired=Desired.STOPPED, status=ServiceStatus.STOPPING)
        decision = decide(seen, NOW)
        assert phases(decision) == {"o1": Phase.DRAINING, "o2": Phase.DRAINING}
        assert decision.route == route(seen)
        assert decision.service is None

    def test_stopped(self) -> None:
        seen = situation("", new=None, desired=Desired.STOPPED, status=ServiceStatus.STOPPING)
        assert texts(decide(seen, NOW)) == ["service stopped"]

    def test_ended_ones_are_not_kept(self) -> None:
        assert decide(situation("ee", desired=Desired.STOPPED), NOW).forget == ("e1", "e2")

    @pytest.mark.parametrize(
        ("picture", "routed", "gone"),
        [("", False, True), ("e", False, True), ("S", False, False), ("", True, False)],
    )
    def test_deleted_when_nothing_is_left(self, picture: str, routed: bool, gone: bool) -> None:
        seen = situation(picture, new=None, desired=Desired.DELETED)
        decision = decide(replace(seen, acked=open_route() if routed else None), NOW)
        assert (decision.delete_service, decision.route) == (gone, None)


class TestEndedOnes:
    def test_are_kept_for_a_while(self) -> None:
        seen = situation("ne", new=None)
        ended_ms = seen.observations[1].instance.phase_ms
        assert decide(seen, ended_ms + KEEP_EXITED_MS - 1).forget == ()
        assert decide(seen, ended_ms + KEEP_EXITED_MS).forget == ("e2",)

    def test_those_that_the_verdict_counts_stay(self) -> None:
        seen = situation("ne")
        ended_ms = seen.observations[1].instance.phase_ms
        late = decide(replace(seen, acked=None), ended_ms + 10 * KEEP_EXITED_MS)
        assert late.rollout is None
        assert late.forget == ()

    def test_the_last_ones(self) -> None:
        seen = situation("n" + "e" * (KEEP_EXITED + 2), new=None)
        assert len(decide(seen, NOW).forget) == 2


def test_while_the_gateway_is_dead_nothing_that_serves_goes() -> None:
    decision = decide(replace(situation("on"), acked=None), NOW)
    assert (decision.instances, decision.stops, decision.starts) == ((), (), ())
    assert decision.route == open_route((1, 100, ("n2", "o1")))


def test_a_phase_that_cannot_be_is_told_with_the_story() -> None:
    instance = Instance("i", "svc", 1, 1, "t", Phase.EXITED, started_ms=1, phase_ms=2)
    with pytest.raises(ImpossibleTransitionError, match=r"id='i'.*cannot become ready"):
        instance.become(Phase.READY, NOW)


def test_a_clock_of_before_that_was_ahead_prolongs_nothing() -> None:
    """What lies in the future is recorded as having begun now: a drain, a back-off. A rollout's record stays."""
    seen = situation("nd", new=(variant("a2"),))
    hour_ms = 3_600_000
    assert seen.rollout is not None
    ahead = replace(
        seen,
        rollout=replace(seen.rollout, started_ms=NOW + hour_ms),
        observations=tuple(
            replace(o, instance=replace(o.instance, phase_ms=NOW + hour_ms), unrouted_ms=o.unrouted_ms and NOW)
            for o in seen.observations
        ),
    )
    decision = decide(ahead, NOW)
    assert decision.rollout is None
    assert {i.id: i.phase_ms for i in decision.instances} == {"n1": NOW, "d2": NOW}
    assert decision.again_ms is not None
    assert decision.again_ms <= NOW + 20_000


def test_people_are_shown_the_wall_clock_and_instances_have_the_steady_one() -> None:
    wall_ms = NOW + 3_600_000
    decision = decide(seen_as(deployment("ees"), s3=ProcessState.EXITED), NOW, wall_ms=wall_ms)
    assert {e.occur_ms for e in decision.events} == {wall_ms}
    assert decision.rollout is not None
    assert decision.service is not None
    assert (decision.service.transition_ms, decision.rollout.ended_ms) == (wall_ms, wall_ms)
    assert {i.id: i.phase_ms for i in decision.instances} == {"s3": NOW}


def test_a_rollout_that_the_wall_clock_calls_old_counts_the_crashes_since_it_began() -> None:
    seen = replace(situation("oeee"), began_ms=NOW - 5_000)
    assert decide(seen, NOW).rollout is None
    assert phases(decide(replace(seen, began_ms=BEGAN), NOW)) == {}
    assert decide(replace(seen, began_ms=BEGAN), NOW).explain == "e4"
