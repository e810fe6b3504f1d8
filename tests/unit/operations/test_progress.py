"""Percent of a deployment, and a word per variant."""

import pytest
from tests.worlds.services import service, variant

from modelyard.domain.instance import Instance, Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision
from modelyard.domain.service import ServiceStatus
from modelyard.operations.progress import percent, variant_status

S = ServiceStatus
VARIANT = variant("m", count=2)
REVISION = Revision("s", 2, 1, (VARIANT,))


def record(status: S, *ready: str, track: int = 1, more: tuple[Instance, ...] = ()) -> ServiceRecord:
    """A service with one ready instance per template hash given, and `more` instances."""
    instances = [Instance(f"i{n}", "s", track, 2, hash_, Phase.READY, 1, 1) for n, hash_ in enumerate(ready)]
    return ServiceRecord(service("s", revision=2, status=status), {2: REVISION}, None, [*instances, *more])


NEW, OLD = VARIANT.template.hash, "old"
STARTING = Instance("new", "s", 1, 2, NEW, Phase.STARTING, 1, 1)
SILENT = Instance("silent", "s", 1, 2, NEW, Phase.STARTING, 1, 1, ready_ms=1)
EXITED = Instance("dead", "s", 1, 2, NEW, Phase.EXITED, 1, 1)


@pytest.mark.parametrize(
    ("seen", "expected", "word"),
    [
        pytest.param(record(S.DEPLOYING), 0, "deploying", id="nothing-yet"),
        pytest.param(record(S.DEPLOYING, OLD, OLD), 0, "deploying", id="old-ones-do-not-count"),
        pytest.param(record(S.DEPLOYING, NEW, OLD), 50, "deploying", id="half"),
        pytest.param(record(S.DEPLOYING, NEW, NEW), 99, "running", id="all-but-the-verdict"),
        pytest.param(record(S.DEPLOYING, NEW, NEW, NEW), 99, "running", id="more-than-asked"),
        pytest.param(record(S.DEPLOYING, NEW, NEW, track=2), 0, "deploying", id="another-track"),
        pytest.param(record(S.RUNNING, NEW, NEW), 100, "running", id="running"),
        pytest.param(record(S.RUNNING), 100, "deploying", id="all-ended-with-the-server"),
        pytest.param(record(S.CONCERNING, NEW), 100, "deploying", id="the-missing-one-is-about-to-start"),
        pytest.param(record(S.CONCERNING, NEW, more=(EXITED, STARTING)), 100, "deploying", id="starts-again"),
        pytest.param(record(S.CONCERNING, NEW, more=(EXITED,)), 100, "concerning", id="tried-again-later"),
        pytest.param(record(S.CONCERNING, NEW, more=(SILENT,)), 100, "concerning", id="does-not-answer"),
        pytest.param(record(S.CONCERNING, NEW, NEW), 100, "deploying", id="ready-and-not-yet-reached"),
        pytest.param(record(S.FAILED), 100, "failed", id="failed"),
        pytest.param(record(S.STOPPED), 100, "stopped", id="stopped"),
    ],
)
def test_progress(seen: ServiceRecord, expected: int, word: str) -> None:
    assert percent(seen, REVISION) == expected
    assert variant_status(seen, VARIANT) == word
