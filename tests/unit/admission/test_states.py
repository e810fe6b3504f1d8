"""The state rules of a PUT, row by row (contract §2)."""

import pytest

from modelyard.core.admission.states import Effect, Step, effect
from modelyard.domain.errors import Violation
from modelyard.domain.service import Desired, ServiceStatus

S, D = ServiceStatus, Desired
NO = "3519"
RULES: list[tuple[S, D | None, bool, Step | str, bool]] = [
    (S.RUNNING, None, True, Step.UPDATE, False),
    (S.RUNNING, D.RUNNING, False, NO, False),
    (S.RUNNING, D.RUNNING, True, Step.UPDATE, False),
    (S.RUNNING, D.STOPPED, False, Step.STOP, False),
    (S.RUNNING, D.STOPPED, True, Step.STOP, True),
    (S.CONCERNING, None, True, Step.UPDATE, False),
    (S.CONCERNING, D.RUNNING, False, NO, False),
    (S.CONCERNING, D.STOPPED, False, Step.STOP, False),
    (S.WAITING, None, True, Step.UPDATE, False),
    (S.WAITING, D.RUNNING, False, NO, False),
    (S.WAITING, D.STOPPED, False, Step.STOP, False),
    (S.PENDING, D.STOPPED, False, Step.STOP, False),
    (S.FAILED, None, True, Step.UPDATE, False),
    (S.FAILED, D.RUNNING, False, Step.START, False),
    (S.FAILED, D.RUNNING, True, Step.UPDATE, False),
    (S.FAILED, D.STOPPED, False, Step.STOP, False),
    (S.STOPPED, None, True, Step.KEEP, False),
    (S.STOPPED, D.RUNNING, False, Step.START, False),
    (S.STOPPED, D.RUNNING, True, Step.START, True),
    (S.STOPPED, D.STOPPED, False, NO, False),
    (S.STOPPED, D.STOPPED, True, Step.KEEP, False),
    (S.FINISHED, None, True, Step.UPDATE, False),
    (S.FINISHED, D.RUNNING, False, Step.START, False),
    (S.FINISHED, D.RUNNING, True, Step.UPDATE, False),
    (S.FINISHED, D.STOPPED, False, NO, False),
    (S.FINISHED, D.STOPPED, True, Step.KEEP, False),
    (S.DEPLOYING, None, True, NO, False),
    (S.DEPLOYING, D.RUNNING, False, NO, False),
    (S.DEPLOYING, D.RUNNING, True, NO, False),
    (S.DEPLOYING, D.STOPPED, False, Step.STOP, False),
    (S.DEPLOYING, D.STOPPED, True, Step.STOP, True),
    (S.STOPPING, None, True, NO, False),
    (S.STOPPING, D.RUNNING, False, NO, False),
    (S.STOPPING, D.STOPPED, False, NO, False),
    (S.STOPPING, D.STOPPED, True, NO, False),
    (S.DELETING, None, True, NO, False),
    (S.DELETING, D.STOPPED, False, NO, False),
]


@pytest.mark.parametrize(
    ("present", "asked", "config", "expected", "ignored"),
    RULES,
    ids=[f"{p}-{a or 'no-status'}-{'config' if c else 'alone'}" for p, a, c, _, _ in RULES],
)
def test_rule(present: S, asked: D | None, config: bool, expected: Step | str, ignored: bool) -> None:
    found = effect(present, asked, config)
    if isinstance(expected, Step):
        assert found == Effect(expected, ignored)
    else:
        assert isinstance(found, Violation)
        assert found.code == expected


@pytest.mark.parametrize("present", [s for s in S if s is not S.DELETING], ids=str)
def test_other_fields_change_in_every_state_but_deleting(present: S) -> None:
    assert effect(present, None, False) == Effect(Step.NOTHING)
    assert isinstance(effect(S.DELETING, None, False), Violation)


BESIDE: list[tuple[S, D | None, bool, Step | str, bool]] = [
    (S.RUNNING, D.RUNNING, False, Step.NOTHING, False),
    (S.CONCERNING, D.RUNNING, False, Step.NOTHING, False),
    (S.WAITING, D.RUNNING, False, Step.NOTHING, False),
    (S.PENDING, D.RUNNING, False, Step.NOTHING, False),
    (S.STOPPED, D.STOPPED, False, Step.NOTHING, False),
    (S.FINISHED, D.STOPPED, False, Step.NOTHING, False),
    (S.STOPPING, D.STOPPED, False, Step.NOTHING, False),
    (S.FAILED, D.RUNNING, False, Step.START, False),
    (S.DEPLOYING, D.RUNNING, False, NO, False),
    (S.STOPPING, D.RUNNING, False, NO, False),
    (S.DELETING, D.RUNNING, False, NO, False),
    (S.DELETING, None, False, NO, False),
]
BESIDE += [row for row in RULES if row[:3] not in {one[:3] for one in BESIDE}]


@pytest.mark.parametrize(
    ("present", "asked", "config", "expected", "ignored"),
    BESIDE,
    ids=[f"{p}-{a or 'no-status'}-{'config' if c else 'no-config'}" for p, a, c, _, _ in BESIDE],
)
def test_a_status_beside_other_fields(
    present: S, asked: D | None, config: bool, expected: Step | str, ignored: bool
) -> None:
    found = effect(present, asked, config, more=True)
    if isinstance(expected, Step):
        assert found == Effect(expected, ignored)
    else:
        assert isinstance(found, Violation)
        assert found.code == expected


@pytest.mark.parametrize(
    ("present", "asked", "text"),
    [
        (ServiceStatus.FINISHED, Desired.STOPPED, "there is nothing to stop: the service is finished"),
        (ServiceStatus.RUNNING, Desired.RUNNING, "there is nothing to start: the service is running"),
    ],
)
def test_what_is_so_already_is_said_in_plain_words(present: ServiceStatus, asked: Desired, text: str) -> None:
    refused = effect(present, asked, config=False)
    assert isinstance(refused, Violation)
    assert refused.text == text
