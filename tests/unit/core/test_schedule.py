"""Auto stop: countdowns as values."""

from dataclasses import replace

import pytest
from tests.worlds import services

from modelyard.core import schedule
from modelyard.core.admission.service import SettingsRequest, settled
from modelyard.core.rollout import stopping
from modelyard.core.schedule import Entry
from modelyard.domain.service import Desired, Rollout, RolloutKind, RolloutState, Service, ServiceStatus

TWO_HOURS = (Entry("stop", "HOURS", 2),)
SERVICE = services.service("s", status=ServiceStatus.RUNNING)
STOPPED = replace(SERVICE, desired=Desired.STOPPED)


def scheduled(service: Service, at_ms: int, entries: tuple[Entry, ...] = TWO_HOURS) -> Service:
    return settled(SettingsRequest(schedule=entries), service, at_ms)


@pytest.mark.parametrize(
    ("unit", "duration", "due_ms"),
    [("MINUTES", 1, 61_000), ("HOURS", 2, 7_201_000), ("DAYS", 3, 259_201_000)],
)
def test_the_end_of_the_countdown(unit: str, duration: int, due_ms: int) -> None:
    service = scheduled(SERVICE, 1000, (Entry("stop", unit, duration),))
    assert service.attributes == {"schedule": [{"type": "stop", "time_unit": unit, "duration": duration}]}
    assert (service.settings.auto_stop_s, service.due_ms) == ((due_ms - 1000) // 1000, due_ms)


def test_setting_it_again_begins_anew_and_nothing_else_does() -> None:
    first = scheduled(SERVICE, 0)
    assert scheduled(first, 5000).due_ms == 7_205_000
    assert settled(SettingsRequest(priority=1), first, 5000).due_ms == first.due_ms
    assert stopping.turned(first, Desired.RUNNING, ServiceStatus.DEPLOYING, 5000).due_ms == first.due_ms


def test_a_stop_ends_the_countdown_and_a_start_begins_it_anew() -> None:
    stopped = stopping.turned(scheduled(SERVICE, 0), Desired.STOPPED, ServiceStatus.STOPPING, 10)
    assert (stopped.due_ms, stopped.settings.auto_stop_s) == (None, 7200)
    started = stopping.turned(stopped, Desired.RUNNING, ServiceStatus.DEPLOYING, 500)
    assert schedule.due_ms(started) == 7_200_500


def test_a_stopped_service_keeps_it_for_its_start() -> None:
    stopped = scheduled(STOPPED, 0)
    assert (stopped.due_ms, stopped.settings.auto_stop_s) == (None, 7200)
    assert schedule.due_ms(replace(scheduled(SERVICE, 0), desired=Desired.STOPPED)) is None


def test_off() -> None:
    off = scheduled(scheduled(SERVICE, 0), 9, ())
    assert (off.attributes, off.settings.auto_stop_s, off.due_ms) == ({}, None, None)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param(
            SERVICE,
            scheduled(SERVICE, 0),
            ["auto stop enabled. The service will stop after 7200 s."],
            id="enabled",
        ),
        pytest.param(
            None, scheduled(SERVICE, 0), ["auto stop enabled. The service will stop after 7200 s."], id="created"
        ),
        pytest.param(None, SERVICE, [], id="created without"),
        pytest.param(scheduled(SERVICE, 0), SERVICE, ["auto stop disabled"], id="disabled"),
        pytest.param(scheduled(SERVICE, 0), scheduled(SERVICE, 0), [], id="nothing"),
        pytest.param(scheduled(SERVICE, 0), scheduled(STOPPED, 0), [], id="a stop is no news of it"),
    ],
)
def test_events(before: Service | None, after: Service, told: list[str]) -> None:
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
