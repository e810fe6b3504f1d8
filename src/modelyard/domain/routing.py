"""The route table: everything the gateway must know, as one value per service.

The gateway publishes it; equal values are a no-op. A track's weight is a share of 100 between tracks; inside a
track every endpoint shares alike. A track without endpoints is left out by whoever builds the table.
"""

from dataclasses import dataclass
from enum import StrEnum


class RouteState(StrEnum):
    """OPEN: answered by instances. STOPPED: answered 400 `ModelArts.4203` (the service is not running)."""

    OPEN = "open"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where an instance listens: `unix:PATH` relative to the data directory, or `HOST:PORT`."""

    instance_id: str
    address: str


@dataclass(frozen=True, slots=True)
class TrackRoute:
    """One track's share. `weight` is 1..100 (a track of weight 0 is not in the table)."""

    track: int
    weight: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """How the gateway answers for one service.

    A request needs a token whose project is `project_id` with a role that may invoke. Bodies above
    `max_body_bytes` are 413, answers later than `request_timeout_s` are 504.
    """

    service_id: str
    project_id: str
    state: RouteState
    tracks: tuple[TrackRoute, ...] = ()
    request_timeout_s: float = 60.0
    max_body_bytes: int = 12 * 1024 * 1024

    def instance_ids(self) -> frozenset[str]:
        """Every instance that this value routes to."""
        return frozenset(e.instance_id for t in self.tracks for e in t.endpoints)
