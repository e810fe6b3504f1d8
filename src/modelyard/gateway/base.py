"""The gateway port: who carries requests from callers to instances.

Contract:

- `load` gives the whole table once, after store and engines were observed in full. Before it nothing is
  published: a gateway that outlived the last control plane keeps what it had.
- `put` and `remove` change one service and cost O(1). An equal value is a no-op.
- `view` tells what the gateway acknowledged. Adding happens before it shows in a view, removing after: an
  instance in `acked` can be reached, one that is not gets no new request.
- While the gateway is away (`connected` is False), the views keep the last acknowledged value if it goes on
  serving (only the stream to it broke), and become None if the gateway itself died.

After a view changed the gateway calls every watcher with the service's id.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from modelyard.domain.output import Writers
from modelyard.domain.routing import ServiceRoute
from modelyard.domain.service import Invocations


class GatewayFailedError(Exception):
    """The gateway process could not be started; the text holds its last words."""


class PortTakenError(GatewayFailedError):
    """Something else listens on the gateway's port."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} is in use; end what listens there, or choose another port for the gateway")
        self.port = port


@dataclass(frozen=True, slots=True)
class GatewayView:
    """What the gateway acknowledged for one service (None: nothing), and why it refused the last value."""

    acked: ServiceRoute | None = None
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class CounterReading:
    """Cumulative counters of one gateway process. `epoch` names the process: totals restart with it."""

    epoch: str
    services: Mapping[str, Invocations]


@dataclass(frozen=True, slots=True)
class Answers:
    """Requests of a service that one model answered (NAME:VERSION; "": none did) with one status, by the time
    until the answer began. `counts`: those within each of `bounds_s` and above the one before, and one more for
    those that took longer; `total_s`: all of them together."""

    service_id: str
    model: str
    status: int
    bounds_s: tuple[float, ...]
    counts: tuple[int, ...]
    total_s: float


@dataclass(frozen=True, slots=True)
class GatewayMeasures:
    """What one gateway process does now, and whom it has answered since it began."""

    connections: int
    in_flight: int
    memory_bytes: int
    uptime_s: float
    answers: Sequence[Answers] = ()


Watcher = Callable[[str], None]
NO_TOKENS: Mapping[str, frozenset[str]] = MappingProxyType({})


class Gateway(Protocol):
    """Publishes the route table. See the module's contract."""

    @property
    def calls(self) -> Writers: ...

    async def open(self) -> None:
        """Adopt or start the gateway process and keep it alive until `close`."""

    async def close(self) -> None:
        """Let go of it: it goes on serving."""

    async def stop(self) -> None:
        """Close, and end the gateway process: nobody is served any more."""

    async def end(self) -> None:
        """End every gateway process of this data directory, without `open` (nobody looks after them)."""

    async def load(self, routes: Iterable[ServiceRoute]) -> None:
        """Publish the whole table; anything the gateway has beyond it is removed."""

    async def put(self, route: ServiceRoute) -> None: ...

    async def remove(self, service_id: str) -> None: ...

    def view(self, service_id: str) -> GatewayView: ...

    def connected(self) -> bool: ...

    def answers(self) -> bool:
        """Whether callers are answered: False from the moment the gateway dies until it has its routes again."""

    async def counters(self) -> CounterReading | None:
        """None when the gateway cannot be asked now."""

    async def measures(self) -> GatewayMeasures | None:
        """None when the gateway cannot be asked now. Answers may be some seconds old."""

    async def set_revocations(
        self,
        revocations: Mapping[str, int],
        tokens: Mapping[str, frozenset[str]] = NO_TOKENS,
        settled_s: int = 0,
    ) -> None:
        """Refuse tokens of these users (by id) that were issued before the given second (since 1970), and of
        these users (by id) the tokens with these ids; and any token that claims to be issued in the future. One
        issued before `settled_s` cannot, and costs less to check."""

    def watch(self, watcher: Watcher) -> None: ...
