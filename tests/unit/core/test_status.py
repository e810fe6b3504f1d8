from dataclasses import replace

import pytest
from tests.unit.core.situations import situation
from tests.worlds.services import variant

from modelyard.core.rollout.situation import Situation
from modelyard.core.status import status
from modelyard.domain.service import Desired, ServiceStatus


def without_room() -> Situation:
    seen = situation("oa")
    return replace(
        seen, observations=(seen.observations[0], replace(seen.observations[1], obstacle="2 of 2 are taken"))
    )


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(situation("o", new=None), ServiceStatus.RUNNING, id="running"),
        pytest.param(situation("od", new=None), ServiceStatus.RUNNING, id="more than whole"),
        pytest.param(
            situation("ow", old=(variant("a1", count=2),), new=None), ServiceStatus.CONCERNING, id="one is sick"
        ),
        pytest.param(situation("", new=None), ServiceStatus.CONCERNING, id="one is missing"),
        pytest.param(situation("n"), ServiceStatus.DEPLOYING, id="a rollout"),
        pytest.param(without_room(), ServiceStatus.PENDING, id="no room"),
        pytest.param(situation("o", new=None, failed=True), ServiceStatus.FAILED, id="failed"),
        pytest.param(situation("o", failed=True), ServiceStatus.DEPLOYING, id="failed, but tried again"),
        pytest.param(situation("S", new=None, desired=Desired.STOPPED), ServiceStatus.STOPPING, id="stopping"),
        pytest.param(situation("e", new=None, desired=Desired.STOPPED), ServiceStatus.STOPPED, id="stopped"),
        pytest.param(situation("", new=None, desired=Desired.DELETED), ServiceStatus.DELETING, id="deleting"),
    ],
)
def test_status(seen: Situation, expected: ServiceStatus) -> None:
    assert status(seen) is expected
