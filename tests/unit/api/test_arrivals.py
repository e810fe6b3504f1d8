"""Which connections are waited for no longer, in virtual time."""

import pytest

from modelyard.api.arrivals import Arrival, Bounds, Rules, Stage

RULES = Rules(Bounds(arriving_of_address=2, arriving=5), frozenset({"proxy"}))


def at(stage: Stage, since: float, address: str = "a", **more: float) -> Arrival:
    return Arrival(address, since, stage, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "seconds"),
    [
        (at(Stage.NEW, 0), 30),
        (at(Stage.HEAD, 0), 10),
        (at(Stage.BODY, 0), 20),
        (at(Stage.BODY, 0, received=16 * 1024 * 5), 25),
        (at(Stage.LINGER, 0), 10),
        (at(Stage.BUSY, 0, stalled_since=0), 60),
        (at(Stage.IDLE, 0, stalled_since=5), 65),
    ],
)
def test_each_stage_has_its_time(one: Arrival, seconds: float) -> None:
    assert RULES.overdue([one], seconds) == []
    assert RULES.overdue([one], seconds + 0.1) == [one]


@pytest.mark.parametrize("stage", [Stage.BUSY, Stage.IDLE, Stage.UPLOAD])
def test_what_is_at_work_or_kept_alive_has_all_the_time(stage: Stage) -> None:
    assert RULES.overdue([at(stage, 0) for _ in range(10_000)], 10**6) == []


def test_too_many_of_one_address_lose_their_oldest() -> None:
    slow = [at(Stage.HEAD, n / 10) for n in range(4)]
    assert RULES.overdue([*slow, at(Stage.BODY, 0, "b")], 5) == slow[:2]


def test_a_crowd_that_comes_at_once_loses_nobody() -> None:
    assert RULES.overdue([at(Stage.HEAD, 9.5) for _ in range(100)], 10) == []


def test_a_trusted_proxy_counts_among_all_only() -> None:
    slow = [at(Stage.HEAD, n / 10, "proxy") for n in range(5)]
    assert RULES.overdue(slow, 5) == []
    slow.append(at(Stage.HEAD, 1, "proxy"))
    assert RULES.overdue(slow, 5) == slow[:1]


def test_who_makes_room() -> None:
    busy, idle, older = at(Stage.BUSY, 0), at(Stage.IDLE, 5), at(Stage.IDLE, 4)
    assert RULES.displaced([busy, idle, older, at(Stage.HEAD, 0)], 9) is older
    assert RULES.displaced([busy], 9) is None


def test_a_stage_goes_on() -> None:
    one = at(Stage.BODY, 3, received=7)
    one.enter(Stage.BODY, 9)
    assert (one.since, one.received) == (3, 7)
    one.enter(Stage.IDLE, 9)
    assert (one.since, one.received) == (9, 0)


def test_an_upload_displaces_nobody_and_is_not_displaced() -> None:
    arrival = at(Stage.BODY, 0, received=100)
    arrival.upload(5)
    assert (arrival.stage, arrival.since, arrival.received) == (Stage.UPLOAD, 5, 0)
    assert RULES.displaced([arrival], 1000) is None
    many = [at(Stage.UPLOAD, 0) for _ in range(10)]
    assert RULES.overdue([*many, at(Stage.BODY, 1), at(Stage.HEAD, 1)], 5) == []
    busy = at(Stage.BUSY, 0)
    busy.upload(5)  # all of it has come already
    assert busy.stage is Stage.BUSY
