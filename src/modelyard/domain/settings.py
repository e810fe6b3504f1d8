"""What the settings of a service mean: the values that decisions are made from.

The caller's own words stay beside them in `Service.attributes`, to be echoed; `core.settings` reads one from the
other.
"""

from dataclasses import dataclass

from modelyard.domain.routing import (
    DEFAULT_MAX_BODY_BYTES,
    DEFAULT_TIMEOUT_S,
    AccessLog,
    Attempts,
    LoadBalancer,
    TrafficLimit,
)


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """What bounds one request at the gateway."""

    timeout_s: float = DEFAULT_TIMEOUT_S
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    attempts: Attempts = Attempts()


@dataclass(frozen=True, slots=True)
class Notification:
    """A topic that is told when the service becomes one of `events` (numbers of the contract: 1 failed, 3 running,
    7 concerning, 11 pending)."""

    topic_urn: str
    events: frozenset[int]


@dataclass(frozen=True, slots=True)
class LogChannel:
    """A log stream that gets the service's logs; "" where the service leaves the choice to the product."""

    group_id: str = ""
    stream_id: str = ""


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The defaults are those of a service that was told nothing.

    `traffic_limit`: None is no limit. `auto_stop_s`: how long the service may run (None: for ever). `pool_name`
    and `cluster_id` name the pool of config entries that name none; they are settled when the service is created.
    """

    load_balancer: LoadBalancer = LoadBalancer.ROUND_ROBIN
    requests: RequestLimits = RequestLimits()
    traffic_limit: TrafficLimit | None = None
    websocket: bool = False
    access_log: AccessLog | None = None
    auto_stop_s: int | None = None
    notifications: tuple[Notification, ...] = ()
    log_channels: tuple[LogChannel, ...] = ()
    pool_name: str | None = None
    cluster_id: str | None = None
