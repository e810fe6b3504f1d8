"""The route table: everything the gateway must know, as one value per service.

The gateway publishes it; publishing an equal value does nothing. The weight of a track is its share of 100; inside
a track all endpoints share alike. Whoever builds the table leaves tracks without endpoints out.
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
    """Where an instance listens; the text of a `domain.address`. `model`: NAME:VERSION, to count by; an instance
    has the same one for its life, so routes are compared without it."""

    instance_id: str
    address: str
    model: str = field(default="", compare=False)


class LoadBalancer(StrEnum):
    """Which endpoint of a track answers: each in turn, the one with the fewest requests inside, or always the same
    one for a caller's address (contract §2, load_balancer_policy)."""

    ROUND_ROBIN = "ROUND_ROBIN"
    LEAST_CONNECTIONS = "LEAST_CONNECTIONS"
    SOURCE_IP = "SOURCE_IP"


@dataclass(frozen=True, slots=True)
class TrafficLimit:
    """At most `requests` per `period_s` seconds; all others are answered with 429 `ModelArts.4206`."""

    requests: int
    period_s: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """Whether a request may be given to a second instance, which may mean that it is computed twice: when the
    first instance dies and, if `after_s` is set, when its answer has not begun by then and there is another
    instance.
    """

    twice: bool = True
    after_s: float | None = None


class LoggedCalls(StrEnum):
    """Which calls the gateway's access log tells of: those that were not answered well (400 and above, or broken
    off), all, or a share of all."""

    ERRORS = "errors"
    ALL = "all"
    SAMPLED = "sampled"


@dataclass(frozen=True, slots=True)
class AccessLog:
    """`share` counts for SAMPLED: 0..1 of all calls."""

    calls: LoggedCalls
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class TrackRoute:
    """One track's share. `weight` is 1..100 (a track of weight 0 is not in the table)."""

    track: int
    weight: int
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """How the gateway answers for one service.

    A request needs a token for `project_id` with a role that may invoke. Bodies larger than `max_body_bytes` are
    answered with 413, requests that take longer than `request_timeout_s` with 504. With `websocket` a request may
    be upgraded; such a connection has only an idle timeout. `access_log` None: of no call anything is written.
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
    """Whoever sends one of them needs no token for this service (contract §4)."""
    access_log: AccessLog | None = None
    absence: str = ""
    """Tells callers why nothing of an open service can answer; "" while something can."""

    def instance_ids(self) -> frozenset[str]:
        """Every instance that this route leads to."""
        return frozenset(e.instance_id for t in self.tracks for e in t.endpoints)
