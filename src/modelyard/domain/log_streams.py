"""Groups and streams of logs (LTS): names under which the lines of services are read.

A stream has no lines of its own. It shows those of the services whose `log_report_channels` name it; a *channel*
is that bond. It outlives its service, as the service's lines do.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogGroup:
    """Its streams show no line that is older than `ttl_days`."""

    id: str
    project_id: str
    name: str
    ttl_days: int
    created_ms: int


@dataclass(frozen=True, slots=True)
class LogStream:
    """`ttl_days` None: as its group has it."""

    id: str
    group_id: str
    project_id: str
    name: str
    created_ms: int
    ttl_days: int | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """The stream shows the lines of this service. `since_ms`: when it was said."""

    stream_id: str
    service_id: str
    service_name: str
    project_id: str
    since_ms: int
