"""The plan, drawn: see `situations` for the letters."""

from dataclasses import replace

import pytest
from tests.unit.core.situations import BEGAN, NOW, situation, with_process
from tests.worlds.services import template, variant

from modelyard.core.rollout.situation import Situation
from modelyard.core.rollout.steps import HUNG, Drain, Plan, Start, plan
from modelyard.domain.process import UNHEALTHY_MS
from modelyard.domain.revision import Variant
from modelyard.domain.service import Desired, RolloutState

REPLACED, REMOVED, FEWER = (
    "another version replaces it",
    "its variant was removed",
    "fewer instances are asked for",
)
TOO_LATE, STOPS = "it was not able to serve in time", "the service stops"
NEW, OLD = Start(1, template("a2").hash), Start(1, template("a1").hash)


def told(decided: Plan) -> Plan:
    """Without the timer, which has tests of its own."""
    return replace(decided, again_ms=None)


def drains(ids: str, why: str = REPLACED) -> tuple[Drain, ...]:
    return tuple(Drain(i, why) for i in ids.split())


def one_track(picture: str, count: int, surge: float = 1, unavailable: float = 0, *, old: int = 1) -> Situation:
    new = variant("a2", count=count, surge=surge, unavailable=unavailable)
    return situation(picture, old=(variant("a1", count=old),), new=(new,))


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ("o", Plan((NEW,))),
        ("os", Plan()),
        ("or", Plan()),
        ("on", Plan(drains=drains("o1"))),
        ("dn", Plan()),
        ("Sn", Plan()),
        ("n", Plan()),
    ],
)
def test_one_instance(picture: str, expected: Plan) -> None:
    assert told(plan(one_track(picture, 1), NOW)) == expected


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ("oo", Plan((NEW,))),
        ("oos", Plan()),
        ("oon", Plan(drains=drains("o1"))),
        ("odn", Plan()),
        ("on", Plan((NEW,))),
        ("ons", Plan()),
        ("onn", Plan(drains=drains("o1"))),
        ("dnn", Plan()),
        ("nn", Plan()),
    ],
)
def test_two_instances(picture: str, expected: Plan) -> None:
    assert told(plan(one_track(picture, 2, old=2), NOW)) == expected


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        pytest.param("oooo", Plan((NEW, NEW), drains("o1")), id="one may go at once, six may hold"),
        pytest.param("dooo ss", Plan(), id="all budget is used"),
        pytest.param("ooo ss", Plan((NEW,)), id="one is gone, one may come"),
        pytest.param("ooo nn", Plan((NEW,), drains("o1 o2")), id="five serve, three must"),
        pytest.param("oo ns s", Plan((NEW,)), id="no budget: three serve, three must"),
        pytest.param("nnnn o", Plan(drains=drains("o5")), id="the last old one"),
    ],
)
def test_four_with_surge_two_and_one_unavailable(picture: str, expected: Plan) -> None:
    assert told(plan(one_track(picture, 4, 2, 1, old=4), NOW)) == expected


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        pytest.param("ooo", Plan(drains=drains("o1 o2")), id="no room before two are gone"),
        pytest.param("ddo", Plan(), id="the drained still hold"),
        pytest.param("do", Plan(), id="one still does"),
        pytest.param("o", Plan((NEW,)), id="room"),
        pytest.param("on", Plan(drains=drains("o1")), id="as ever"),
    ],
)
def test_one_from_three_of_another_template(picture: str, expected: Plan) -> None:
    assert told(plan(one_track(picture, 1, old=3), NOW)) == expected


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        pytest.param("n", Plan((NEW, NEW)), id="more: all at once"),
        pytest.param("nnn", Plan(), id="enough"),
        pytest.param("nnnn", Plan(drains=drains("n4", FEWER)), id="fewer: the youngest goes"),
        pytest.param("nnnns", Plan(drains=drains("s5 n4", FEWER)), id="those that do not serve first"),
        pytest.param("nnnur", Plan(drains=drains("u4 r5", FEWER)), id="then those that are not acknowledged"),
        pytest.param("nnru", Plan(drains=drains("u4", FEWER)), id="an unhealthy one before one about to serve"),
        pytest.param("nns", Plan(), id="within the count nothing goes"),
    ],
)
def test_same_template_another_count(picture: str, expected: Plan) -> None:
    kept = variant("a2", count=3)
    assert told(plan(situation(picture, old=(replace(kept, instance_count=1),), new=(kept,)), NOW)) == expected


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        pytest.param("op", Plan(drains=drains("p2")), id="an old one that never was ready goes at once"),
        pytest.param("ow", Plan(drains=drains("w2")), id="a sick one too, while another answers"),
        pytest.param("ws", Plan(), id="a sick one stays while nothing answers"),
        pytest.param("wws", Plan(drains=drains("w1")), id="the youngest of them"),
        pytest.param("wr", Plan(drains=drains("w1")), id="not once a new one is about to serve"),
        pytest.param("wD", Plan(drains=drains("w1")), id="nor while a drained one answers"),
        pytest.param("", Plan((NEW,)), id="nothing left"),
    ],
)
def test_old_ones_that_do_not_serve(picture: str, expected: Plan) -> None:
    assert told(plan(one_track(picture, 1), NOW)) == expected


class TestBeforeTheSwitch:
    """Weights of the base are in force: 100 on track 1."""

    BASE = (variant("a1", count=2),)

    def at(self, *pictures: str, new: tuple[Variant, ...]) -> Plan:
        return told(plan(situation(*pictures, old=self.BASE, new=new, switched=False), NOW))

    def test_the_base_keeps_its_floor(self) -> None:
        shrinks = (variant("a1", count=1, weight=50), variant("b1", track=2, weight=50))
        assert self.at("oo", "s", new=shrinks) == Plan()

    def test_a_removed_track_is_left_alone(self) -> None:
        assert self.at("oow", "s", new=(variant("b1", track=2),)) == Plan()

    def test_old_ones_above_the_floor_of_the_base_may_go(self) -> None:
        assert self.at("oon", new=(variant("a2", count=1, surge=2),)) == Plan(drains=drains("o1"))

    def test_the_base_is_started_again_while_nothing_answers(self) -> None:
        assert self.at("s", new=(variant("a2"),)) == Plan((OLD,))

    def test_new_ones_come_first(self) -> None:
        assert self.at("", new=(variant("a2"),)) == Plan((NEW, OLD))

    def test_one_of_the_base_is_enough(self) -> None:
        assert self.at("sp", new=(variant("a2"),)) == Plan()

    def test_it_is_dropped_when_a_new_one_can_answer(self) -> None:
        assert self.at("rp", new=(variant("a2"),)) == Plan(drains=drains("p2"))

    def test_it_never_passes_the_ceiling(self) -> None:
        assert self.at("sS", new=(variant("a2"),)) == Plan()


@pytest.mark.parametrize(
    ("pictures", "expected"),
    [
        pytest.param(("oo", "n"), Plan(drains=drains("o1 o2", REMOVED)), id="another track serves"),
        pytest.param(("oo", "r"), Plan(drains=drains("o1", REMOVED)), id="nothing else serves: one stays"),
        pytest.param(("ow", "s"), Plan(drains=drains("w2", REMOVED)), id="a sick one does not help"),
        pytest.param(("w", "s"), Plan(), id="the last resort stays"),
        pytest.param(("w", "n"), Plan(drains=drains("w1", REMOVED)), id="no last resort is needed"),
    ],
)
def test_a_removed_track_after_the_switch(pictures: tuple[str, str], expected: Plan) -> None:
    removed, stays = variant("a1", count=2, weight=50), variant("b1", track=2, weight=50)
    seen = situation(*pictures, old=(removed, stays), new=(replace(stays, weight=100),))
    assert told(plan(seen, NOW)) == expected


@pytest.mark.parametrize("desired", [Desired.STOPPED, Desired.DELETED])
def test_a_service_that_should_not_run(desired: Desired) -> None:
    assert plan(situation("nsudSe", desired=desired), NOW) == Plan(drains=drains("n1 s2 u3", STOPS))


def test_a_failed_deployment_is_taken_away() -> None:
    assert plan(situation("os", new=None, failed=True), NOW) == Plan(
        drains=drains("o1", STOPS) + drains("s2", STOPS)
    )


def test_tracks_move_on_their_own() -> None:
    old = (variant("a1", weight=30), variant("b1", track=2, weight=70))
    new = (variant("a2", weight=30), variant("b2", track=2, weight=70))
    seen = situation("on", "o", old=old, new=new)
    assert told(plan(seen, NOW)) == Plan((Start(2, template("b2").hash),), drains("o1"))


def test_weight_zero_needs_no_acknowledgement() -> None:
    old = (variant("a1", weight=0), variant("b1", track=2))
    new = (variant("a2", weight=0), variant("b1", track=2))
    assert told(plan(situation("or", "o", old=old, new=new), NOW)) == Plan(drains=drains("o1"))


class TestTime:
    """Back-off and time limits, and when to look again."""

    def test_the_first_replacement_comes_at_once(self) -> None:
        assert plan(one_track("oe", 1), NOW).starts == (NEW,)

    def test_the_next_waits(self) -> None:
        seen = one_track("oee", 1)
        ended_ms = seen.observations[-1].instance.phase_ms
        assert plan(seen, ended_ms + 999) == Plan(again_ms=ended_ms + 1_000)
        assert plan(seen, ended_ms + 1_000).starts == (NEW,)

    def test_a_deploy_timeout_is_waited_for(self) -> None:
        seen = one_track("os", 1)
        assert plan(seen, NOW) == Plan(again_ms=BEGAN + 1_002 + 100_000)

    def test_one_that_is_never_ready_is_replaced(self) -> None:
        seen = _all_of(situation("s", new=None), "a1")
        late = BEGAN + 1_001 + 100_000
        assert plan(seen, late) == Plan((OLD,), drains("s1", TOO_LATE))

    def test_a_sick_one_is_replaced_before_it_goes(self) -> None:
        seen = _all_of(situation("u", new=None), "a1")
        since = seen.observations[0].instance.phase_ms
        assert plan(seen, NOW) == Plan(again_ms=since + UNHEALTHY_MS)
        assert plan(seen, since + UNHEALTHY_MS) == Plan((OLD,))

    def test_and_goes_when_another_answers(self) -> None:
        seen = _all_of(situation("ou", new=None), "a1")
        since = seen.observations[1].instance.phase_ms
        assert plan(seen, since + UNHEALTHY_MS) == Plan(drains=drains("u2", TOO_LATE))

    def test_its_model_may_ask_for_more_patience(self) -> None:
        seen = _all_of(situation("u", new=None), "a1")
        patient = with_process(seen.observations[0], patience_ms=500_000)
        since = patient.instance.phase_ms
        assert plan(replace(seen, observations=(patient,)), since + UNHEALTHY_MS) == Plan(again_ms=since + 500_000)

    @pytest.mark.parametrize(
        ("picture", "hung", "expected"),
        [
            pytest.param("o", 0, Plan((OLD,)), id="ready: it serves until another does"),
            pytest.param("oo", 0, Plan(drains=drains("o1", HUNG)), id="and goes then"),
            pytest.param("u", 0, Plan((OLD,)), id="not ready: it may still answer before another does"),
            pytest.param("uo", 0, Plan(drains=drains("u1", HUNG)), id="and is free then"),
        ],
    )
    def test_one_that_hangs_is_replaced_before_it_goes(self, picture: str, hung: int, expected: Plan) -> None:
        seen = _all_of(situation(picture, new=None), "a1")
        observations = tuple(with_process(s, hung=n == hung) for n, s in enumerate(seen.observations))
        assert told(plan(replace(seen, observations=observations), NOW)) == expected


def test_a_rollback_is_a_rollout_to_the_base() -> None:
    seen = situation("os")
    assert seen.rollout is not None
    back = replace(seen.rollout, state=RolloutState.ROLLING_BACK)
    seen = replace(seen, rollout=back, service=replace(seen.service, revision=1))
    assert told(plan(seen, NOW)) == Plan(drains=drains("s2"))


def _all_of(seen: Situation, model: str) -> Situation:
    """The same with every instance of that model."""
    observations = (
        replace(s, instance=replace(s.instance, template=template(model).hash)) for s in seen.observations
    )
    return replace(seen, observations=tuple(observations))
