from dataclasses import replace

import pytest
from tests.unit.core.situations import BEGAN, NOW, situation
from tests.worlds.services import template, variant

from modelyard.core.rollout.routes import route
from modelyard.core.rollout.situation import Situation
from modelyard.core.rollout.verdict import Done, Failed, Verdict, ready_for_switch, verdict
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Variant
from modelyard.domain.service import Desired, RolloutState

CRASHED_EARLY = "instances of a 2 ended 3 times before they were ready: exited with status 1"


def acknowledged(seen: Situation) -> Situation:
    return replace(seen, acked=route(seen))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(situation("n"), Done(), id="whole"),
        pytest.param(situation("r"), None, id="the gateway has it not"),
        pytest.param(situation("nd"), None, id="something is left"),
        pytest.param(situation("nS"), None, id="even if it is on its way out"),
        pytest.param(situation("ne"), Done(), id="what ended does not count"),
        pytest.param(situation("n", new=(variant("a2", count=2),)), None, id="one is missing"),
        pytest.param(situation("n", switched=False), None, id="before the switch"),
        pytest.param(situation("n", new=None), None, id="no rollout"),
        pytest.param(situation("n", desired=Desired.STOPPED), None, id="not to run"),
        pytest.param(situation("o", "r", new=(variant("b1", track=2),)), None, id="a removed track is left"),
        pytest.param(situation("oee"), None, id="two crashes"),
        pytest.param(
            situation("oeee"), Failed(CRASHED_EARLY, "e4"), id="three crashes before ready, the last tells"
        ),
    ],
)
def test_verdict(seen: Situation, expected: Verdict) -> None:
    assert verdict(seen, NOW) == expected


def test_done_needs_the_final_weights() -> None:
    seen = situation("n")
    assert seen.acked is not None
    assert verdict(replace(seen, acked=replace(seen.acked, max_body_bytes=1)), NOW) is None


def test_a_refused_route_fails_the_rollout() -> None:
    expected = Failed("the gateway refused the configuration: no such cluster")
    assert verdict(situation("or"), NOW, rejected="no such cluster") == expected


class TestDeployTimeout:
    LIMIT = BEGAN + 1_002 + 100_000
    FAILED = Failed(
        "deployment timed out: an instance of a 2 was not ready within 100 s (deploy_timeout_in_seconds)", "s2"
    )

    def test_runs_from_the_start_of_the_process(self) -> None:
        assert verdict(situation("os"), self.LIMIT - 1) is None
        assert verdict(situation("os"), self.LIMIT) == self.FAILED

    def test_not_before_the_engine_was_asked(self) -> None:
        assert verdict(situation("oa"), self.LIMIT) is None

    def test_runs_from_the_wish_while_there_is_no_room(self) -> None:
        seen = situation("oa", new=(variant("a2", template=template("a2", resources=Resources(2, 8192))),))
        waits = replace(
            seen,
            observations=(seen.observations[0], replace(seen.observations[1], obstacle="memory: 1 of 4 GiB free")),
        )
        assert verdict(waits, self.LIMIT - 1) is None
        failed = verdict(waits, self.LIMIT)
        assert isinstance(failed, Failed)
        assert failed.instance_id is None
        assert failed.cause == (
            "deployment timed out: an instance of a 2 could not be started within 100 s "
            "(deploy_timeout_in_seconds), for want of room: memory: 1 of 4 GiB free. Each takes 2 cores and 8192 "
            "MiB (modelarts.vm.cpu.2u), and a change needs room for one more than run at a time. Stop or shrink "
            "other services, or ask for fewer instances or a smaller specification."
        )

    def test_who_waits_for_something_else_than_room_is_not_told_of_room(self) -> None:
        seen = situation("oa")
        away = "the container engine is away"
        waits = replace(
            seen,
            observations=(seen.observations[0], replace(seen.observations[1], obstacle=away, waits=True)),
        )
        failed = verdict(waits, self.LIMIT)
        assert isinstance(failed, Failed)
        assert failed.cause.endswith(f"could not be started within 100 s (deploy_timeout_in_seconds): {away}")

    def test_not_while_the_gateway_is_away(self) -> None:
        assert verdict(situation("or"), self.LIMIT) is None

    def test_not_for_one_that_was_ready(self) -> None:
        assert verdict(situation("ou"), self.LIMIT) is None

    def test_not_for_the_old(self) -> None:
        assert verdict(situation("op"), self.LIMIT) is None


def test_crashes_before_the_rollout_do_not_count() -> None:
    seen = situation("oeee")
    assert seen.rollout is not None
    assert verdict(replace(seen, rollout=replace(seen.rollout, started_ms=NOW)), NOW) is None


def test_crashes_after_readiness_count_later() -> None:
    def crashed(times: int) -> Verdict:
        seen = situation("o" + "e" * times)
        ended = tuple(replace(s, instance=replace(s.instance, ready_ms=BEGAN)) for s in seen.observations[1:])
        return verdict(replace(seen, observations=(seen.observations[0], *ended)), NOW)

    assert crashed(4) is None
    assert crashed(5) == Failed("instances of a 2 ended 5 times: exited with status 1", "e6")


@pytest.mark.parametrize(
    ("pictures", "count", "lapses", "told"),
    [
        pytest.param("oun", 1, 4, None, id="may be a busy machine"),
        pytest.param("oun", 1, 5, "u2", id="the one that is not well tells"),
        pytest.param("orn", 1, 5, "r2", id="else the last that changed"),
        pytest.param("o", 1, 5, None, id="none is left"),
        pytest.param("oun", 4, 7, None, id="two for each"),
        pytest.param("oun", 4, 8, "u2", id="of many"),
    ],
)
def test_being_ready_and_not_ready_again_and_again_fails(
    pictures: str, count: int, lapses: int, told: str | None
) -> None:
    new = variant("a2", count=count)
    seen = replace(situation(pictures, new=(new,)), lapses={new.template.hash: lapses, "another": 100})
    text = f"instances of a 2 were ready and then not any more, or hung, {lapses} times"
    assert verdict(seen, NOW) == (Failed(text, told) if lapses >= max(5, 2 * count) else None)


def test_a_rollback_is_judged_by_the_base() -> None:
    seen = situation("oeee")
    assert seen.rollout is not None
    back = replace(seen.rollout, state=RolloutState.ROLLING_BACK)
    seen = replace(seen, rollout=back, service=replace(seen.service, revision=1))
    assert verdict(seen, NOW) == Done()


HALF = (variant("a2", count=2, weight=50), variant("b1", track=2, weight=50))


@pytest.mark.parametrize(
    ("pictures", "new", "ready"),
    [
        pytest.param(("oos",), (variant("a2", count=2),), False, id="nothing new is ready"),
        pytest.param(("oor",), (variant("a2", count=2),), False, id="ready is not enough where traffic flows"),
        pytest.param(("on",), (variant("a2", count=2),), False, id="one of two"),
        pytest.param(("on",), (variant("a2", count=2, unavailable=1),), True, id="as many as must serve"),
        pytest.param(("nn",), (variant("a2", count=2),), True, id="all"),
        pytest.param(("oo", "r"), HALF, False, id="one track of two: the old is not fresh"),
        pytest.param(("nn", "r"), HALF, True, id="a track without traffic needs no acknowledgement"),
        pytest.param(("nn", "s"), HALF, False, id="every track with a weight"),
        pytest.param(
            ("nn", "s"),
            (variant("a2", count=2), variant("b1", track=2, weight=0)),
            True,
            id="weight 0 may come later",
        ),
        pytest.param(("ooo",), (variant("a2"),), True, id="no room beside what must go on serving"),
        pytest.param(("w",), (variant("a2"),), False, id="no room, and nothing serves"),
    ],
)
def test_switch(pictures: tuple[str, ...], new: tuple[Variant, ...], ready: bool) -> None:
    base = (variant("a1", count=3 if pictures == ("ooo",) else 2),)
    assert ready_for_switch(situation(*pictures, old=base, new=new, switched=False)) is ready
