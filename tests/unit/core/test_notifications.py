"""Which messages a change of a service calls for, and what they say."""

from dataclasses import replace

import pytest

from modelyard.core.notifications import OCCURRENCES, told
from modelyard.domain.notifications import Message, Occurrence
from modelyard.domain.record import Changes
from modelyard.domain.service import (
    Desired,
    Event,
    EventType,
    InferType,
    Rollout,
    RolloutKind,
    RolloutState,
    Service,
    ServiceStatus,
)
from modelyard.domain.settings import Notification, ServiceSettings

T, U = "urn:smn:r:p1:t", "urn:smn:r:p1:u"
ALL = frozenset({1, 3, 7, 11})
SERVICE = Service(
    "s1",
    "p1",
    "digits",
    InferType.REAL_TIME,
    "u1",
    1,
    Desired.RUNNING,
    3,
    transition_ms=1_700_000_000_000,
    settings=ServiceSettings(notifications=(Notification(T, ALL),)),
)


def at(status: ServiceStatus, service: Service = SERVICE, **more: object) -> Service:
    return replace(service, status=status, **more)  # type: ignore[arg-type]


def messages(before: Service, after: Service, **more: object) -> tuple[Message, ...]:
    return told(before, Changes(1, after, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("status", ServiceStatus)
def test_a_status_that_was_asked_for_is_told_once(status: ServiceStatus) -> None:
    before = at(ServiceStatus.STOPPED)
    wanted = status in OCCURRENCES
    found = messages(before, at(status))
    assert [m.occurrence for m in found] == ([OCCURRENCES[status]] if wanted else [])
    assert messages(at(status), at(status)) == (), "a status that stays is no news"
    others = ServiceSettings(notifications=(Notification(T, ALL - {found[0].occurrence} if wanted else ALL),))
    assert messages(before, at(status, replace(SERVICE, settings=others))) == ()


def test_each_topic_is_told_once_whatever_keys_it_is_under() -> None:
    several = (Notification(T, frozenset({1})), Notification(T, ALL), Notification(U, ALL), Notification(U, ALL))
    service = replace(SERVICE, settings=ServiceSettings(notifications=several))
    found = messages(at(ServiceStatus.DEPLOYING, service), at(ServiceStatus.FAILED, service))
    assert [m.topic_urn for m in found] == [T, U]
    assert {(m.project_id, m.service_id, m.occurrence) for m in found} == {("p1", "s1", Occurrence.FAILED)}


def test_nothing_is_told_of_a_change_without_the_service() -> None:
    assert told(SERVICE, Changes(1)) == ()
    assert told(SERVICE, Changes(1, delete_service=True)) == ()


def test_a_failure_says_what_from_what_why_and_where_to_look() -> None:
    failed = at(
        ServiceStatus.FAILED, failed=True, error="instances ended 3 times\nThe last lines of its log:\nBoom"
    )
    rollout = Rollout("o", "s1", RolloutKind.DEPLOY, 3, None, 1, RolloutState.FAIL, cause="the same")
    [message] = messages(at(ServiceStatus.DEPLOYING), failed, rollouts=(rollout,))
    assert message.subject == "digits is failed"
    assert message.text == (
        "Service digits is failed, it was deploying: it could not be brought to run, and there is no earlier"
        " revision to go on with.\n"
        "The deployment to revision 3 failed.\n"
        "Why: instances ended 3 times\nThe last lines of its log:\nBoom\n"
        "When: 2023-11-14T22:13:20Z\n"
        "Where to look: modelyard services show digits\n"
        "    modelyard services events digits\n"
        "    GET /v1/p1/services/s1"
    )
    assert message.facts == {
        "service_id": "s1",
        "service_name": "digits",
        "status": "failed",
        "previous_status": "deploying",
        "revision": 3,
        "cause": failed.error,
        "occurred_at": 1_700_000_000_000,
        "path": "/v1/p1/services/s1",
    }
    assert (message.id, message.created_ms) == ("", 1_700_000_000_000)


def test_an_update_that_was_taken_back_says_so() -> None:
    back = Rollout("o", "s1", RolloutKind.UPDATE, 4, 3, 1, RolloutState.FAIL, cause="out of memory")
    after = at(ServiceStatus.RUNNING, error="out of memory")
    [message] = messages(at(ServiceStatus.DEPLOYING, error="out of memory"), after, rollouts=(back,))
    assert message.subject == "digits is running: the update to revision 4 failed"
    assert "The update to revision 4 failed; revision 3 goes on.\nWhy: out of memory\n" in message.text


BACK = Rollout("o", "s1", RolloutKind.UPDATE, 4, 3, 1, RolloutState.ROLLING_BACK, cause="out of memory")
UPDATING = at(ServiceStatus.DEPLOYING, revision=4)
GOING_BACK = replace(UPDATING, revision=3, error="out of memory")
TURN = Event("s1", EventType.ABNORMAL, "Failed to update the service.", 1_700_000_005_000)


def test_an_update_that_fails_is_a_failure_at_once() -> None:
    [message] = messages(UPDATING, GOING_BACK, rollouts=(BACK,), events=(TURN,))
    assert (message.occurrence, message.subject) == (Occurrence.FAILED, "digits: the update to revision 4 failed")
    assert message.text.startswith(
        "digits: the update to revision 4 failed, it goes back to revision 3. The service is deploying.\n"
        "Why: out of memory\n"
        "When: 2023-11-14T22:13:25Z\n"
    )
    facts = {"status": "deploying", "revision": 3, "failed_revision": 4, "occurred_at": TURN.occur_ms}
    assert facts.items() <= dict(message.facts).items()
    assert message.created_ms == TURN.occur_ms


def test_an_update_that_fails_is_told_once_and_to_who_wants_failures() -> None:
    assert (
        messages(GOING_BACK, replace(GOING_BACK, transition_ms=1), rollouts=(replace(BACK, switched=True),)) == ()
    )
    others = ServiceSettings(notifications=(Notification(T, ALL - {1}),))
    assert messages(UPDATING, replace(GOING_BACK, settings=others), rollouts=(BACK,)) == ()
    done = replace(BACK, state=RolloutState.FAIL)
    [message] = messages(GOING_BACK, replace(GOING_BACK, status=ServiceStatus.RUNNING), rollouts=(done,))
    assert message.occurrence is Occurrence.RUNNING


def test_going_back_that_fails_is_a_failure_too() -> None:
    text = "out of memory\nThe rollback failed too: no room"
    ended = replace(BACK, state=RolloutState.FAIL, cause=text)
    after = replace(GOING_BACK, status=ServiceStatus.CONCERNING, error=text)
    first, second = messages(GOING_BACK, after, rollouts=(ended,))
    assert (first.occurrence, second.occurrence) == (Occurrence.FAILED, Occurrence.CONCERNING)
    assert "the update to revision 4 failed, and going back failed too. The service is concerning." in first.text


def test_a_stop_while_it_goes_back_is_no_failure() -> None:
    ended = replace(BACK, state=RolloutState.FAIL)
    assert (
        messages(GOING_BACK, replace(GOING_BACK, status=ServiceStatus.STOPPING, error=""), rollouts=(ended,)) == ()
    )


def test_a_rollout_that_is_complete_says_so() -> None:
    done = Rollout("o", "s1", RolloutKind.START, 3, 3, 1, RolloutState.SUCCESS)
    [message] = messages(at(ServiceStatus.DEPLOYING), at(ServiceStatus.RUNNING), rollouts=(done,))
    assert "The start to revision 3 is complete.\nWhen: " in message.text
    assert message.facts["cause"] == ""


def test_the_cause_of_what_is_concerning_is_what_happened_to_instances() -> None:
    events = (
        Event("s1", EventType.NORMAL, "is ready", 1),
        Event("s1", EventType.ABNORMAL, "instance i ended: killed", 1),
    )
    [message] = messages(at(ServiceStatus.RUNNING), at(ServiceStatus.CONCERNING), events=events)
    assert message.facts["cause"] == "instance i ended: killed"


def test_a_batch_service_is_spoken_of_as_one() -> None:
    batch = replace(SERVICE, infer_type=InferType.BATCH)
    [message] = messages(at(ServiceStatus.DEPLOYING, batch), at(ServiceStatus.RUNNING, batch))
    assert message.text.startswith("Service digits is running, it was deploying: its task is at work.\n")


def test_a_long_cause_is_cut_in_its_middle() -> None:
    failed = at(ServiceStatus.FAILED, error="the beginning " + "x" * 100_000 + " the end")
    [message] = messages(at(ServiceStatus.DEPLOYING), failed)
    assert "Why: the beginning" in message.text
    assert "the end" in message.text
    assert len(message.text) < 5000
