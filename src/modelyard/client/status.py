"""Whether a service stands still or moves. Pure."""

from collections.abc import Callable

from modelyard.client.records import Service

MOVING = frozenset({"deploying", "stopping", "deleting", "pending", "waiting"})
"""Statuses that end by themselves."""
MENDING = frozenset({"running", "concerning"})
"""Statuses that end by themselves while a variant says that it is deploying: its instances start again."""

ENDED = frozenset({"finished", "failed", "stopped"})
"""Statuses in which a batch service does not work, and will not by itself."""

Progress = Callable[[Service], None]


def moves(service: Service) -> bool:
    """Whether the service is on its way to another state. One whose instances failed and are tried again later is
    not: it is `concerning`, and may stay so."""
    if service.status in MENDING:
        return any(variant.status == "deploying" for variant in service.config)
    return service.status in MOVING


def pause_s(waited_s: float) -> float:
    """How long to wait before asking again: a tenth of the time already waited.

    >>> pause_s(0), pause_s(5), pause_s(600)
    (0.05, 0.5, 2.0)
    """
    return min(max(waited_s / 10, 0.05), 2.0)
