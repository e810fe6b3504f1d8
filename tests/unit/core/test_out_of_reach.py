"""Instances that their engine cannot see: they hold their place and are not counted on, until they are lost."""

from dataclasses import replace

from tests.unit.core.situations import NOW, situation, with_process
from tests.worlds.services import template, variant

from modelyard.core.rollout.decide import decide
from modelyard.core.rollout.situation import Situation
from modelyard.core.rollout.steps import LOST, Drain, Plan, Start, plan
from modelyard.core.status import status
from modelyard.domain.instance import Phase
from modelyard.domain.process import ProcessState
from modelyard.domain.service import ServiceStatus

TWO = variant("a1", count=2)


def unseen(seen: Situation, *ids: str, lost: bool = False) -> Situation:
    """The same, with these out of reach."""
    return replace(
        seen,
        observations=tuple(
            replace(
                with_process(o, state=ProcessState.UNKNOWN, quiet_since_ms=None),
                lost_ms=NOW if lost else NOW + 5_000,
                lost=lost,
            )
            if o.id in ids
            else o
            for o in seen.observations
        ),
    )


def test_it_is_neither_replaced_nor_given_up() -> None:
    seen = unseen(situation("oo", old=(TWO,), new=None), "o2")
    assert plan(seen, NOW) == Plan()
    assert decide(seen, NOW).route == seen.acked
    assert decide(seen, NOW).again_ms == NOW + 5_000
    assert status(seen) is ServiceStatus.CONCERNING


def test_nobody_who_serves_is_drained_because_of_it() -> None:
    seen = situation("oon", old=(TWO,), new=(variant("a2", count=2),))
    assert [d.instance_id for d in plan(seen, NOW).drains] == ["o1"]
    assert plan(unseen(seen, "o2"), NOW).drains == ()
    assert plan(unseen(seen, "o1"), NOW).drains == ()


def test_once_lost_it_is_replaced_and_stays_until_others_serve() -> None:
    seen = unseen(situation("oo", old=(TWO,), new=None), "o1", lost=True)
    assert plan(seen, NOW) == Plan((Start(1, template("a1").hash),))
    assert decide(seen, NOW).route == seen.acked
    whole = unseen(situation("ooo", old=(TWO,), new=None), "o1", lost=True)
    assert plan(whole, NOW) == Plan(drains=(Drain("o1", LOST),))


def test_what_was_told_to_stop_is_told_again_when_it_is_back() -> None:
    stopping = with_process(situation("oS", new=None).observations[1], state=ProcessState.READY)
    seen = replace(situation("oS", new=None), observations=(situation("oS", new=None).observations[0], stopping))
    assert [s.instance_id for s in decide(seen, NOW).stops] == ["S2"]
    assert decide(unseen(seen, "S2"), NOW).stops == ()
    assert decide(unseen(seen, "S2"), NOW).forget == ()
    assert decide(unseen(seen, "S2", lost=True), NOW).forget == ("S2",)


def test_where_it_is_seen_is_noted() -> None:
    seen = situation("s", new=(variant("a2"),))
    (young,) = (with_process(o, state=ProcessState.READY, node="n1") for o in seen.observations)
    (noted,) = decide(replace(seen, observations=(young,)), NOW).instances
    assert (noted.phase, noted.node, noted.address) == (Phase.READY, "n1", "unix:s1")
