"""A gateway in memory, for tests of whoever drives one. It keeps the port's contract and carries no requests.

It acknowledges at once, inside the call that changes the table, unless told to misbehave:

- `hold()` … `release()`: values are accepted and acknowledged only at `release` (a slow gateway);
- `reject(service_id, why)` … `reject(service_id, "")`: every value of that service is refused;
- `disconnect()` … `reconnect()`: the stream broke, the gateway goes on serving its last values;
- `die()` … `revive()`: the process is gone with all it knew; revived, it gets the whole table again.

`history` lists every acknowledged change in order, so that a test can assert what callers went through.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from modelyard.domain.output import Output, OutputSource, Position
from modelyard.domain.routing import ServiceRoute
from modelyard.domain.service import Invocations
from modelyard.gateway.base import (
    NO_TOKENS,
    Answers,
    CounterReading,
    GatewayMeasures,
    GatewayView,
    Watcher,
)


class FakeCalls:
    """An access log: `lines`, as the gateway would write them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def outputs(self) -> Sequence[OutputSource]:
        return [OutputSource("fake", "", 0, "", "", f"{len(self.lines)}")] if self.lines else []

    async def output(self, instance_id: str, after: Position | None, most_bytes: int) -> Output:
        after = after or Position(0, "fake")
        data = "".join(f"{line}\n" for line in self.lines).encode()[after.offset :][:most_bytes]
        return Output(after, data)

    async def release(self, instance_id: str, before: Position, *, last: bool = False) -> None:
        pass


class FakeGateway:
    """See the module. Public attributes are for tests to read; only the methods change them."""

    def __init__(self) -> None:
        self.desired: dict[str, ServiceRoute] = {}
        self.loaded = False
        self.opened = False
        self.history: list[tuple[str, ServiceRoute | None]] = []
        self.invocations: dict[str, Invocations] = {}
        self.answered: list[Answers] = []
        self.revoked: Mapping[str, int] = {}
        self.revoked_tokens: Mapping[str, frozenset[str]] = {}
        self.settled_s = 0
        self.calls = FakeCalls()
        self._views: dict[str, GatewayView] = {}
        self._refused: dict[str, str] = {}
        self._watchers: list[Watcher] = []
        self._held = False
        self._streaming = True
        self._alive = True
        self._epoch = 1

    async def open(self) -> None:
        self.opened = True

    async def close(self) -> None:
        self.opened = False

    async def stop(self) -> None:
        await self.close()
        self.die()

    async def end(self) -> None:
        self.die()

    async def load(self, routes: Iterable[ServiceRoute]) -> None:
        self.desired = {route.service_id: route for route in routes}
        self.loaded = True
        self._settle()

    async def put(self, route: ServiceRoute) -> None:
        if self.desired.get(route.service_id) == route:
            return
        self.desired[route.service_id] = route
        self._settle()

    async def remove(self, service_id: str) -> None:
        self.desired.pop(service_id, None)
        self._settle()

    def view(self, service_id: str) -> GatewayView:
        return self._views.get(service_id, GatewayView())

    def connected(self) -> bool:
        return self._alive and self._streaming

    async def counters(self) -> CounterReading | None:
        if not self._alive:
            return None
        return CounterReading(f"fake-{self._epoch}", dict(self.invocations))

    async def measures(self) -> GatewayMeasures | None:
        return GatewayMeasures(1, 0, 1 << 20, 1.0, tuple(self.answered)) if self._alive else None

    async def set_revocations(
        self,
        revocations: Mapping[str, int],
        tokens: Mapping[str, frozenset[str]] = NO_TOKENS,
        settled_s: int = 0,
    ) -> None:
        self.revoked = dict(revocations)
        self.revoked_tokens = dict(tokens)
        self.settled_s = settled_s

    def answers(self) -> bool:
        return self._alive

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    # What tests do to it.

    def hold(self) -> None:
        """Acknowledge nothing until `release`."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self._settle()

    def reject(self, service_id: str, why: str) -> None:
        """Refuse every value of this service; with "" accept again."""
        if why:
            self._refused[service_id] = why
        else:
            self._refused.pop(service_id, None)
        self._settle()

    def disconnect(self) -> None:
        self._streaming = False

    def reconnect(self) -> None:
        self._streaming = True
        self._settle()

    def die(self) -> None:
        """The process ends: nothing is served, counters restart."""
        self._alive = False
        self.invocations = {}
        self.answered = []
        known, self._views = self._views, {}
        self._tell(known)

    def revive(self) -> None:
        self._alive = True
        self._epoch += 1
        self._settle()

    def count(self, service_id: str, *, total: int = 1, failed: int = 0) -> None:
        """Pretend that so many requests passed."""
        before = self.invocations.get(service_id, Invocations())
        self.invocations[service_id] = Invocations(before.total + total, before.failed + failed)

    def _settle(self) -> None:
        """Acknowledge whatever may be acknowledged now, and tell the watchers."""
        if not (self.loaded and self.connected()) or self._held:
            return
        changed = []
        for service_id in self.desired.keys() | self._views.keys():
            before = self.view(service_id)
            after = self._answer(service_id, before)
            if after == before:
                continue
            changed.append(service_id)
            if after.acked != before.acked:
                self.history.append((service_id, after.acked))
            if after == GatewayView():
                del self._views[service_id]
            else:
                self._views[service_id] = after
        self._tell(changed)

    def _answer(self, service_id: str, before: GatewayView) -> GatewayView:
        wanted = self.desired.get(service_id)
        why = self._refused.get(service_id, "")
        if wanted is None:
            return GatewayView()
        return replace(before, rejected=why) if why else GatewayView(acked=wanted)

    def _tell(self, service_ids: Iterable[str]) -> None:
        for service_id in sorted(service_ids):
            for watcher in self._watchers:
                watcher(service_id)
