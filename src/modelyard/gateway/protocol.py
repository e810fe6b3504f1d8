"""Incremental xDS as a state machine: what to send next, and what Envoy is known to have. Pure.

The machine holds three things per resource: what is wanted, what was acknowledged, what is on its way. Each
input returns the responses to send now. It promises:

- Nothing is sent before `load`.
- At most one response per type is unanswered; what changes meanwhile is sent after the answer.
- A refusal never advances what is acknowledged. A refused response of several resources is repeated one by
  one, so that a bad one stands alone; alone and refused it is not sent again until it changes.
- Make before break, per service: the cluster and its endpoints are acknowledged before the route that uses
  them is sent; the route is gone, or leads elsewhere, before its cluster is.
- What Envoy says it still has (a reconnect) is not sent again, if it is what is wanted.

- A route that travels alone is made unequal to the one refused with others: Envoy 1.40 remembers the routes of a
  refused response that came before the bad one without using them, and skips them when they come again.

It must never do I/O or look at a clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from modelyard.gateway.translate import Resource
from modelyard.gateway.xds import Kind, salted

ON_DEMAND = frozenset({Kind.ENDPOINTS, Kind.FILTER})
"""Types that Envoy asks for by name; of the others it wants all there are."""

_EDGES: Mapping[Kind, frozenset[Kind]] = {
    Kind.CLUSTER: frozenset({Kind.CLUSTER, Kind.ENDPOINTS, Kind.ROUTE}),
    Kind.ENDPOINTS: frozenset({Kind.ENDPOINTS, Kind.ROUTE}),
    Kind.FILTER: frozenset({Kind.FILTER}),
    Kind.ROUTE: frozenset({Kind.ROUTE, Kind.CLUSTER}),
}
"""What to look at again when something of this type settled."""


@dataclass(frozen=True, slots=True)
class Request:
    """What Envoy said: `nonce` names the response it answers ("": none), `error` why that was refused."""

    kind: Kind
    nonce: str = ""
    error: str = ""
    subscribe: tuple[str, ...] = ()
    unsubscribe: tuple[str, ...] = ()
    initial: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Response:
    """What to send."""

    kind: Kind
    nonce: str
    resources: tuple[Resource, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(slots=True)
class _Channel:
    """One resource type. `acked` and `refused` map names to versions; `sent` a name to the version under way
    (None: its removal). `solo` are names that must travel alone, `asked` those that Envoy waits for."""

    wanted: dict[str, Resource] = field(default_factory=dict)
    acked: dict[str, str] = field(default_factory=dict)
    refused: dict[str, tuple[str | None, str]] = field(default_factory=dict)
    dirty: dict[str, None] = field(default_factory=dict)
    solo: dict[str, None] = field(default_factory=dict)
    subscribed: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    sent: dict[str, str | None] = field(default_factory=dict)
    nonce: str = ""
    open: bool = False
    greeted: bool = False

    def version(self, name: str) -> str | None:
        resource = self.wanted.get(name)
        return resource.version if resource else None

    def settled(self, name: str) -> bool:
        """Envoy has exactly what is wanted of this name, and nothing of it is under way."""
        return name not in self.sent and self.acked.get(name) == self.version(name)


class Protocol:
    """The state of one stream, and of what was acknowledged on those before it."""

    def __init__(self) -> None:
        self._channels = {kind: _Channel() for kind in Kind}
        self._loaded = False
        self._count = 0
        self._touched: set[str] = set()

    # What we want.

    def load(self, resources: Iterable[Resource]) -> tuple[Response, ...]:
        """Want exactly these."""
        for kind, channel in self._channels.items():
            self._touch(kind, channel.wanted)
            channel.wanted.clear()
            self._touch(kind, channel.acked)
        self._loaded = True
        for resource in resources:
            self._channels[resource.kind].wanted[resource.name] = resource
            self._touch(resource.kind, (resource.name,))
        return self._responses()

    def want(self, name: str, resources: Iterable[Resource], kinds: Iterable[Kind]) -> tuple[Response, ...]:
        """Of these kinds, want under this name exactly these resources."""
        by_kind = {resource.kind: resource for resource in resources}
        for kind in kinds:
            channel = self._channels[kind]
            if kind in by_kind:
                channel.wanted[name] = by_kind[kind]
            else:
                channel.wanted.pop(name, None)
            self._touch(kind, (name,))
        return self._responses()

    # What Envoy tells.

    def connected(self) -> None:
        """A new stream: nothing is under way or subscribed, everything refused may be tried again."""
        for channel in self._channels.values():
            channel.sent, channel.nonce = {}, ""
            channel.open = channel.greeted = False
            channel.subscribed.clear()
            channel.asked.clear()
            channel.refused.clear()
            channel.solo.clear()

    def died(self) -> None:
        """The process is gone and all it had with it."""
        self.connected()
        for channel in self._channels.values():
            channel.acked.clear()

    def received(self, request: Request) -> tuple[Response, ...]:
        """Take what Envoy said: first the answer it gives, then what it asks for."""
        channel = self._channels[request.kind]
        if not channel.open:
            self._opened(request, channel)
        if request.nonce and request.nonce == channel.nonce:
            self._answered(request, channel)
        self._subscribed(request, channel)
        return self._responses()

    def touched(self) -> frozenset[str]:
        """The names about which something may be different since the last call."""
        names, self._touched = frozenset(self._touched), set()
        return names

    def synced(self) -> bool:
        """Envoy said on this stream what it has, so that `acked` can be believed."""
        return all(self._channels[kind].open for kind in (Kind.CLUSTER, Kind.ROUTE))

    def settled(self, name: str, kinds: Iterable[Kind]) -> bool:
        """Of these kinds, Envoy has exactly what is wanted under this name."""
        return all(self._channels[kind].settled(name) for kind in kinds)

    def holds(self, kind: Kind, name: str) -> bool:
        """Envoy has something under this name, if not what is wanted."""
        return name in self._channels[kind].acked

    def rejected(self, name: str) -> str:
        """Why Envoy refuses what is wanted under this name; "" if it does not."""
        for channel in self._channels.values():
            version, why = channel.refused.get(name, (None, ""))
            if why and version == channel.version(name):
                return why
        return ""

    # How.

    def _opened(self, request: Request, channel: _Channel) -> None:
        """First word on this stream for this type: what Envoy has is what it says it has."""
        channel.open = True
        self._touch(request.kind, channel.acked)
        channel.acked = dict(request.initial)
        channel.greeted = bool(request.initial)
        self._touch(request.kind, channel.wanted)
        self._touch(request.kind, channel.acked)

    def _answered(self, request: Request, channel: _Channel) -> None:
        sent, channel.sent, channel.nonce = channel.sent, {}, ""
        for name, version in sent.items():
            if not request.error:
                channel.refused.pop(name, None)
                channel.solo.pop(name, None)
                if version is None:
                    channel.acked.pop(name, None)
                else:
                    channel.acked[name] = version
            elif len(sent) == 1:
                channel.refused[name] = (version, request.error)
                channel.solo.pop(name, None)
            else:
                channel.solo[name] = None
        self._touch(request.kind, sent)
        channel.dirty.update(channel.solo)

    def _subscribed(self, request: Request, channel: _Channel) -> None:
        """Who asks again by name has forgotten: the resource is sent again (not at the first request of a
        stream, which lists what it kept)."""
        if request.kind not in ON_DEMAND:
            return
        for name in request.unsubscribe:
            channel.subscribed.discard(name)
            channel.asked.discard(name)
            channel.acked.pop(name, None)
        for name in request.subscribe:
            channel.subscribed.add(name)
            if name not in request.initial:
                channel.acked.pop(name, None)
                channel.asked.add(name)
        self._touch(request.kind, request.unsubscribe)
        self._touch(request.kind, request.subscribe)

    def _touch(self, kind: Kind, names: Iterable[str]) -> None:
        names = tuple(names)
        self._touched.update(names)
        for other in _EDGES[kind]:
            self._channels[other].dirty.update(dict.fromkeys(names))

    def _responses(self) -> tuple[Response, ...]:
        if not self._loaded:
            return ()
        made = (self._response(kind, channel) for kind, channel in self._channels.items())
        return tuple(response for response in made if response is not None)

    def _response(self, kind: Kind, channel: _Channel) -> Response | None:
        if not channel.open or channel.nonce:
            return None
        due = [name for name in channel.dirty if self._due(kind, channel, name)]
        alone = [name for name in due if name in channel.solo]
        names = [name for name in due if name not in channel.solo] or alone[:1]
        channel.dirty = dict.fromkeys(name for name in alone if name not in names)
        if not names and (channel.greeted or kind in ON_DEMAND):
            return None
        channel.greeted = True
        self._count += 1
        channel.nonce = str(self._count)
        channel.sent = {name: channel.version(name) for name in names}
        channel.asked.difference_update(names)
        if kind is Kind.CLUSTER:
            self._forget_endpoints(names)
        carried = tuple(channel.wanted[name] for name in names if name in channel.wanted)
        if kind is Kind.ROUTE and names == alone[:1]:
            carried = tuple(replace(r, body=salted(r.body, f"{r.name}#{channel.nonce}")) for r in carried)
        return Response(
            kind,
            channel.nonce,
            carried,
            tuple(name for name in names if name not in channel.wanted),
        )

    def _forget_endpoints(self, names: Iterable[str]) -> None:
        """A cluster that comes or goes has no endpoints until Envoy asks for them, which it does once it took the
        cluster (and before it acknowledges it); one that changes gets them again without being asked."""
        clusters, endpoints = self._channels[Kind.CLUSTER], self._channels[Kind.ENDPOINTS]
        for name in names:
            endpoints.acked.pop(name, None)
            if name not in clusters.acked or name not in clusters.wanted:
                endpoints.subscribed.discard(name)
                endpoints.asked.discard(name)
        self._touch(Kind.ENDPOINTS, names)

    def _due(self, kind: Kind, channel: _Channel, name: str) -> bool:
        if name in channel.asked:
            return True  # also "there is none": Envoy acknowledges no cluster while one waits for its endpoints
        wanted, refused = channel.version(name), channel.refused.get(name)
        if channel.acked.get(name) == wanted or (refused is not None and refused[0] == wanted):
            return False
        if kind in ON_DEMAND:
            return name in channel.subscribed and wanted is not None
        if kind is Kind.CLUSTER and wanted is None:
            return self._channels[Kind.ROUTE].settled(name)
        if kind is Kind.ROUTE and name in self._channels[Kind.CLUSTER].wanted:
            return self.settled(name, (Kind.CLUSTER, Kind.ENDPOINTS))
        return True
