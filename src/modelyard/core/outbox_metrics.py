"""How notifications stand, as samples of the page of metrics. Pure."""

from modelyard.core.metrics import Family, Lines, sample
from modelyard.domain.notifications import Backlog

WAITING = Family("modelyard_notifications_waiting", "gauge", "Deliveries that wait for a receiver to take them.")
DEAD = Family("modelyard_notifications_dead", "gauge", "Dead letters: deliveries that were given up and kept.")
AGE = Family(
    "modelyard_notifications_oldest_seconds", "gauge", "Age of the oldest message that waits; 0: none does."
)
FAMILIES = (WAITING, DEAD, AGE)


def lines(backlog: Backlog, now_ms: int) -> Lines:
    """`now_ms`: of the wall clock."""
    age_s = 0.0 if backlog.oldest_ms is None else max(0, now_ms - backlog.oldest_ms) / 1000
    return {
        WAITING.name: [sample(WAITING.name, "", backlog.waiting)],
        DEAD.name: [sample(DEAD.name, "", backlog.dead)],
        AGE.name: [sample(AGE.name, "", age_s)],
    }
