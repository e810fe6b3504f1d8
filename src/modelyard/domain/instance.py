"""An instance: one running copy of a template, and the table of what may happen to it.

    STARTING ◀──▶ READY ──▶ DRAINING ──▶ STOPPING ──▶ GONE
        │           │           │            │          ▲
        └───────────┴───────────┴────────────┴▶ EXITED ─┘     (any of them may end on its own)

    STARTING ──▶ DRAINING or STOPPING, READY ──▶ STOPPING: no longer wanted

Active edges are ours: we decide on them, and store them before we act. Passive edges happen by themselves, and we
observe them. An edge that is in neither table is a bug; taking it raises an error that describes the instance.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from modelyard.domain.devices import Grant


class Phase(StrEnum):
    """`STARTING`: requested from the engine. `READY`: warmed up, and passes its health check. `DRAINING`: being
    taken out of the routing. `STOPPING`: told to end. `EXITED`: ended on its own. `GONE`: nothing of it is
    left."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    STOPPING = "stopping"
    EXITED = "exited"
    GONE = "gone"


ACTIVE: Mapping[Phase, frozenset[Phase]] = MappingProxyType(
    {
        Phase.STARTING: frozenset({Phase.DRAINING, Phase.STOPPING}),
        Phase.READY: frozenset({Phase.DRAINING, Phase.STOPPING}),
        Phase.DRAINING: frozenset({Phase.STOPPING}),
        Phase.STOPPING: frozenset({Phase.GONE}),
        Phase.EXITED: frozenset({Phase.GONE}),
        Phase.GONE: frozenset(),
    }
)
PASSIVE: Mapping[Phase, frozenset[Phase]] = MappingProxyType(
    {
        Phase.STARTING: frozenset({Phase.READY, Phase.EXITED}),
        Phase.READY: frozenset({Phase.STARTING, Phase.EXITED}),
        Phase.DRAINING: frozenset({Phase.EXITED}),
        Phase.STOPPING: frozenset({Phase.EXITED}),
        Phase.EXITED: frozenset(),
        Phase.GONE: frozenset(),
    }
)

HOLDING = frozenset({Phase.STARTING, Phase.READY, Phase.DRAINING, Phase.STOPPING})
"""Phases in which an instance holds resources."""

LIVE = frozenset({Phase.STARTING, Phase.READY})
"""Phases in which an instance is meant to serve."""


class ImpossibleTransitionError(Exception):
    """The tables have no such edge; the message describes the instance."""


@dataclass(frozen=True, slots=True)
class Instance:
    """The stored facts of one instance.

    `template` is a template hash. `started_ms`: when the start was requested; `ready_ms`: when it was ready for
    the first time (None: not yet); `phase_ms`: when the present phase began. `exit` tells people how it ended.
    `node` and `address` are where it was seen last: they count while its engine cannot look. `devices`: the
    accelerators that it was granted, which nobody else gets while it is HOLDING.
    """

    id: str
    service_id: str
    track: int
    revision: int
    template: str
    phase: Phase
    started_ms: int
    phase_ms: int
    ready_ms: int | None = None
    exit: str = ""
    node: str = ""
    address: str = ""
    devices: tuple[Grant, ...] = ()

    def become(self, phase: Phase, now_ms: int, *, exit: str = "") -> "Instance":
        """The same instance in another phase; ImpossibleTransitionError if the tables have no such edge."""
        if phase is self.phase:
            return self
        if phase not in ACTIVE[self.phase] | PASSIVE[self.phase]:
            raise ImpossibleTransitionError(f"{self} cannot become {phase}")
        ready_ms = now_ms if phase is Phase.READY and self.ready_ms is None else self.ready_ms
        return replace(self, phase=phase, phase_ms=now_ms, ready_ms=ready_ms, exit=exit or self.exit)
