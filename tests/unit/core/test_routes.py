from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.core.situations import open_route, situation, stopped_route
from tests.worlds.services import variant

from modelyard.core.rollout.routes import route, scaled
from modelyard.core.rollout.situation import Situation
from modelyard.domain.routing import Attempts, LoadBalancer, ServiceRoute, TrafficLimit
from modelyard.domain.service import Desired, Rollout, RolloutKind
from modelyard.domain.settings import RequestLimits, ServiceSettings

Shares = tuple[tuple[int, int, tuple[str, ...]], ...]
THREE = (
    variant("a1", weight=50),
    variant("b1", track=2, weight=30),
    variant("c1", track=3, weight=20),
)
TWO = (variant("a1", weight=70), variant("b1", track=2, weight=30))
ONE_OF_TWO = (variant("a1", weight=100), variant("b1", track=2, weight=0))


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        pytest.param({1: 70, 2: 30}, {1: 70, 2: 30}, id="as they are"),
        pytest.param({1: 50, 2: 30}, {1: 63, 2: 37}, id="scaled, largest remainder"),
        pytest.param({1: 1, 2: 1, 3: 1}, {1: 34, 2: 33, 3: 33}, id="a tie goes to the first"),
        pytest.param({1: 100, 2: 0}, {1: 100}, id="without those of 0"),
        pytest.param({1: 0, 2: 0}, {1: 50, 2: 50}, id="all 0: alike"),
        pytest.param({1: 0, 2: 0, 3: 0}, {1: 34, 2: 33, 3: 33}, id="three of 0"),
        pytest.param({1: 1}, {1: 100}, id="one"),
        pytest.param({}, {}, id="none"),
    ],
)
def test_scaled(weights: Mapping[int, int], shares: Mapping[int, int]) -> None:
    assert scaled(weights) == shares


def test_every_split_sums_to_100() -> None:
    for first in range(101):
        for second in range(101 - first):
            parts = {1: first, 2: second, 3: 100 - first - second}
            for left_out in (None, 1, 2, 3):
                some = {k: w for k, w in parts.items() if k != left_out}
                assert sum(scaled(some).values()) == 100
                assert all(scaled(some).values())


@pytest.mark.parametrize(
    ("pictures", "old", "shares"),
    [
        pytest.param(("o", "o"), TWO, ((1, 70, ("o1",)), (2, 30, ("o1.2",))), id="both ready"),
        pytest.param(
            ("ooo", "o"), TWO, ((1, 70, ("o1", "o2", "o3")), (2, 30, ("o1.2",))), id="whatever the counts"
        ),
        pytest.param(("o", "o", "p"), THREE, ((1, 63, ("o1",)), (2, 37, ("o1.2",))), id="one has none"),
        pytest.param(("o", "o"), ONE_OF_TWO, ((1, 100, ("o1",)),), id="weight 0 gets nothing"),
        pytest.param(("p", "o"), ONE_OF_TWO, ((2, 100, ("o1.2",)),), id="but everything before there is nothing"),
        pytest.param(("dpw", "o"), ONE_OF_TWO, ((2, 100, ("o1.2",)),), id="ready goes before draining"),
        pytest.param(("ddw", "p"), TWO, ((1, 100, ("d2",)),), id="a draining one goes before a sick one"),
        pytest.param(("d", "dp"), TWO, ((1, 70, ("d1",)), (2, 30, ("d1.2",))), id="one of each track"),
        pytest.param(("ww", "p"), TWO, ((1, 100, ("w1", "w2")),), id="the sick are the last resort"),
        pytest.param(("pS", "p"), TWO, (), id="nothing"),
        pytest.param(("oSd", "o"), TWO, ((1, 70, ("o1",)), (2, 30, ("o1.2",))), id="what leaves is not in it"),
    ],
)
def test_shares(pictures: tuple[str, ...], old: tuple, shares: Shares) -> None:  # type: ignore[type-arg]
    made = route(situation(*pictures, old=old, new=None))
    assert made is not None
    assert replace(made, absence="") == open_route(*shares)
    assert bool(made.absence) is not bool(shares)


@pytest.mark.parametrize(
    ("switched", "shares"),
    [
        pytest.param(False, ((1, 70, ("o1", "r2")), (2, 30, ("o1.2",))), id="the weights of the base"),
        pytest.param(
            True, ((1, 10, ("o1", "r2")), (2, 20, ("o1.2",)), (3, 70, ("r1.3",))), id="all change at once"
        ),
    ],
)
def test_the_switch(switched: bool, shares: Shares) -> None:
    new = (variant("a2", weight=10), variant("b1", track=2, weight=20), variant("c1", track=3, weight=70))
    assert route(situation("or", "o", "r", old=TWO, new=new, switched=switched)) == open_route(*shares)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"desired": Desired.STOPPED}, stopped_route(), id="stopped"),
        pytest.param({"desired": Desired.DELETED}, None, id="deleted"),
        pytest.param({"failed": True}, open_route(), id="failed: nothing answers, also nothing that is left"),
        pytest.param(
            {
                "settings": ServiceSettings(
                    LoadBalancer.SOURCE_IP, RequestLimits(2.5, 5, Attempts(twice=False)), TrafficLimit(7, 3600)
                )
            },
            replace(
                open_route((1, 100, ("o1",))),
                request_timeout_s=2.5,
                max_body_bytes=5,
                load_balancer=LoadBalancer.SOURCE_IP,
                attempts=Attempts(twice=False),
                traffic_limit=TrafficLimit(7, 3600),
            ),
            id="its settings",
        ),
        pytest.param(
            {"settings": ServiceSettings(websocket=True)},
            replace(open_route((1, 100, ("o1",))), request_timeout_s=60, websocket=True),
            id="websocket",
        ),
    ],
)
def test_the_service_decides(fields: Mapping[str, Any], expected: ServiceRoute | None) -> None:
    made = route(situation("od", new=None, **fields))
    assert (made and replace(made, absence="")) == expected


DEPLOYING = Rollout("roll", "svc", RolloutKind.DEPLOY, target=1, base=None, started_ms=0)


@pytest.mark.parametrize(
    ("seen", "absence"),
    [
        pytest.param(situation("o", new=None), "", id="something answers"),
        pytest.param(situation("", new=None, desired=Desired.STOPPED), "", id="stopped: said by its state"),
        pytest.param(
            situation("", new=None, failed=True, error="no such file"), "it failed: no such file", id="failed"
        ),
        pytest.param(
            situation(
                "", new=None, failed=True, error="ended 3 times: status 1\nThe last lines of its log:\nkey=1"
            ),
            "it failed: ended 3 times: status 1",
            id="failed: without its log",
        ),
        pytest.param(
            situation(
                "", new=None, failed=True, error="cannot run /data/modelyard/instances/i-1/work: http://a/b"
            ),
            "it failed: cannot run …: http://a/b",
            id="failed: without places of this machine",
        ),
        pytest.param(
            situation("", new=None, failed=True, error="x" * 1000),
            "it failed: " + "x" * 388 + "…",
            id="failed: bounded",
        ),
        pytest.param(
            replace(situation("", new=None), rollout=DEPLOYING),
            "it is being deployed, and no instance is ready yet",
            id="deploying",
        ),
        pytest.param(
            situation("", new=None), "its instances are being started, and none is ready yet", id="after up"
        ),
    ],
)
def test_why_nothing_answers(seen: Situation, absence: str) -> None:
    made = route(seen)
    assert made is not None
    assert made.absence == absence


def test_the_last_end_is_why_nothing_answers() -> None:
    made = route(situation("ee", new=None))
    assert made is not None
    assert made.absence.startswith("none of its instances is ready; the last one ended: ")
