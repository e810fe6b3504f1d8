"""The route table: everything the gateway must know, as one value per service.

The gateway publishes it; equal values are a no-op. A track's weight is a share of 100 between tracks; inside a
track every endpoint shares alike. A track without endpoints is left out by whoever builds the table.
"""

from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_MAX_BODY_BYTES = 12 * 1024 * 1024


class RouteState(StrEnum):
    """OPEN: answered by instances. STOPPED: answered 400 `ModelArts.4203` (the service is not running)."""

    OPEN = "open"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where an instance listens: `unix:PATH` relative to the data directory, or `HOST:PORT`."""

    instance_id: str
    address: str


class LoadBalancer(StrEnum):
    """Which endpoint of a track answers: in turn, the one with the fewest requests inside, or always the same one
    for the same caller's address (contract §2, load_balancer_policy)."""

    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_CONNECTIONS = "LEAST_CONNECTIONS"
    SOURCE_IP = "SOURCE_IP"


@dataclass(frozen=True, slots=True)
class TrafficLimit:
    """At most `requests` in each `period_s` seconds; the others are answered 429 `ModelArts.4206`."""

    requests: int
    period_s: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """Whether a request that an instance has may be given to another one, once, which may compute it a second
    time: when the first one dies, and `after_s` (None: never) when its answer has not begun by then, if there is
    another.
    """

    twice: bool = True
    after_s: float | None = None


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
    `max_body_bytes` are 413, answers later than `request_timeout_s` are 504. With `websocket` a request may be
    upgraded; such a connection has no timeout but an idle one.
    """

    service_id: str
    project_id: str
    state: RouteState
    tracks: tuple[TrackRoute, ...] = ()
    request_timeout_s: float = DEFAULT_TIMEOUT_S
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    load_balancer: LoadBalancer = LoadBalancer.ROUND_ROBIN
    traffic_limit: TrafficLimit | None = None
    attempts: Attempts = Attempts()
    websocket: bool = False
    app_codes: tuple[str, ...] = field(default=(), repr=False)
    """Each of them opens this service to whoever sends it, with no token (contract §4)."""
    absence: str = ""
    """Why an open service has nothing that could answer, for those who call it; "" while it has."""

    def instance_ids(self) -> frozenset[str]:
        """Every instance that this value routes to."""
        return frozenset(e.instance_id for t in self.tracks for e in t.endpoints)
