"""Auto stop: countdowns as values."""

from dataclasses import replace

import pytest

from modelyard.core import schedule
from modelyard.core.rollout import stopping
from modelyard.core.schedule import Entry
from modelyard.domain.service import Desired, InferType, Rollout, RolloutKind, RolloutState, Service, ServiceStatus

TWO_HOURS = (Entry("stop", "HOURS", 2),)
SERVICE = Service("s", "p", "n", InferType.REAL_TIME, "u", 0, Desired.RUNNING, 1, status=ServiceStatus.RUNNING)


def stored(at_ms: int, *, running: bool = True) -> Service:
    attributes = schedule.set_to({"priority": 1}, TWO_HOURS, at_ms, running=running)
    return replace(SERVICE, attributes=attributes, desired=Desired.RUNNING if running else Desired.STOPPED)


@pytest.mark.parametrize(
    ("unit", "duration", "due_ms"),
    [("MINUTES", 1, 61_000), ("HOURS", 2, 7_201_000), ("DAYS", 3, 259_201_000)],
)
def test_the_end_of_the_countdown(unit: str, duration: int, due_ms: int) -> None:
    attributes = schedule.set_to({}, (Entry("stop", unit, duration),), 1000, running=True)
    assert attributes == {
        "schedule": [{"type": "stop", "time_unit": unit, "duration": duration}],
        "due_time": due_ms,
    }


def test_setting_it_again_begins_anew_and_nothing_else_does() -> None:
    first = stored(0).attributes
    assert schedule.set_to(first, TWO_HOURS, 5000, running=True)["due_time"] == 7_205_000
    assert stopping.turned(stored(0), Desired.RUNNING, ServiceStatus.DEPLOYING, 5000).attributes == first


def test_a_stop_ends_the_countdown_and_a_start_begins_it_anew() -> None:
    stopped = stopping.turned(stored(0), Desired.STOPPED, ServiceStatus.STOPPING, 10)
    assert (schedule.due_ms(stopped), stopped.attributes["priority"]) == (None, 1)
    started = stopping.turned(stopped, Desired.RUNNING, ServiceStatus.DEPLOYING, 500)
    assert schedule.due_ms(started) == 7_200_500


def test_a_stopped_service_keeps_it_for_its_start() -> None:
    assert "due_time" not in stored(0, running=False).attributes
    assert schedule.due_ms(replace(stored(0), desired=Desired.STOPPED)) is None


def test_off() -> None:
    assert schedule.set_to(stored(0).attributes, (), 9, running=True) == {"priority": 1}


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(
            {}, stored(0).attributes, ["auto stop enabled. The service will stop after 7200 s."], id="enabled"
        ),
        pytest.param(stored(0).attributes, {}, ["auto stop disabled"], id="disabled"),
        pytest.param(stored(0).attributes, stored(0).attributes, [], id="nothing"),
        pytest.param(stored(0).attributes, stored(0, running=False).attributes, [], id="a stop is no news of it"),
    ],
)
def test_events(before: dict[str, object], after: dict[str, object], told: list[str]) -> None:
    assert list(schedule.told(before, after, 0)) == told


@pytest.mark.parametrize(
    ("entries", "fields"),
    [
        pytest.param(TWO_HOURS, [], id="fine"),
        pytest.param((), [], id="off"),
        pytest.param((Entry("start", "HOURS", 1),), ["schedule[0].type"], id="type"),
        pytest.param((Entry("stop", "WEEKS", 1),), ["schedule[0].time_unit"], id="unit"),
        pytest.param((Entry("stop", "HOURS", 0),), ["schedule[0].duration"], id="zero"),
        pytest.param((Entry("stop", "DAYS", 10**15),), ["schedule[0].duration"], id="beyond every clock"),
        pytest.param((Entry(None, None, None),), [f"schedule[0].{k}" for k in ("type", "time_unit", "duration")]),
        pytest.param(TWO_HOURS * 2, ["schedule"], id="two"),
    ],
)
def test_rules(entries: tuple[Entry, ...], fields: list[str]) -> None:
    assert [v.field for v in schedule.violations(entries)] == fields


def test_only_for_real_time() -> None:
    assert [v.field for v in schedule.violations(TWO_HOURS, real_time=False)] == ["schedule"]


def test_a_stop_ends_the_rollout_as_it_stands() -> None:
    rollout = Rollout("r", "s", RolloutKind.UPDATE, target=2, base=1, started_ms=0)
    service, ended = stopping.stopped(replace(SERVICE, revision=2, error="x"), rollout, "why", 7)
    assert ended == replace(rollout, state=RolloutState.CANCELLED, cause="why", ended_ms=7)
    assert (service.desired, service.status, service.error) == (Desired.STOPPED, ServiceStatus.STOPPING, "")
    back = replace(rollout, state=RolloutState.ROLLING_BACK, cause="it crashed")
    service, ended = stopping.stopped(replace(SERVICE, revision=2), back, "why", 7)
    assert (service.revision, ended) == (1, replace(back, state=RolloutState.FAIL, ended_ms=7))
    assert stopping.stopped(SERVICE, None, "why", 7)[1] is None
