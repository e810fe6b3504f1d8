"""How notifications stand, as samples of the page of metrics. Pure."""

from collections.abc import Sequence

from modelyard.core.metric_catalogue import OUTBOX_AGE, OUTBOX_DEAD, OUTBOX_WAITING
from modelyard.core.tallies import Sample
from modelyard.domain.notifications import Backlog


def samples(backlog: Backlog, now_ms: int) -> Sequence[Sample]:
    """`now_ms`: of the wall clock."""
    age_s = 0.0 if backlog.oldest_ms is None else max(0, now_ms - backlog.oldest_ms) / 1000
    return (
        Sample(OUTBOX_WAITING, backlog.waiting),
        Sample(OUTBOX_DEAD, backlog.dead),
        Sample(OUTBOX_AGE, age_s),
    )
