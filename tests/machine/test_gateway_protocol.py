"""Any order of changes, refusals, reconnects and deaths, against a model of Envoy that checks each step.

The model Envoy applies what it is sent, in the order of the stream, and refuses versions that it finds bad. It
must never be asked to break before make: a route of an open service with no warmed cluster behind it.
"""

from collections import deque

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from modelyard.gateway.protocol import Protocol, Request, Response
from modelyard.gateway.translate import Resource
from modelyard.gateway.xds import Kind

C, E, R = Kind.CLUSTER, Kind.ENDPOINTS, Kind.ROUTE
NAMES = ("a", "b", "c")
names = st.sampled_from(NAMES)
versions = st.sampled_from(("1", "2", "bad"))


class Envoy(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.protocol = Protocol()
        self.wire: deque[Response] = deque()
        self.words: deque[Request] = deque()
        self.has: dict[Kind, dict[str, str]] = {C: {}, E: {}, R: {}}
        self.watched: set[str] = set()
        self.warming: set[str] = set()
        self.held: list[Request] = []
        self.wanted: dict[str, tuple[Resource, ...]] = {}
        self.serves: set[str] = set()
        self.pushes = 0

    # The control plane.

    @initialize(loaded=st.booleans())
    def begin(self, loaded: bool) -> None:
        self._stream()
        if loaded:
            self._send(self.protocol.load(()))
        self.loaded = loaded

    @precondition(lambda self: not self.loaded)
    @rule()
    def load(self) -> None:
        self._send(self.protocol.load([r for resources in self.wanted.values() for r in resources]))
        self.loaded = True

    @rule(name=names, endpoints=versions, route=versions)
    def put_open(self, name: str, endpoints: str, route: str) -> None:
        made = Resource(C, name, "1", b""), Resource(E, name, endpoints, b""), Resource(R, name, f"o{route}", b"")
        self._want(name, made)

    @rule(name=names)
    def put_stopped(self, name: str) -> None:
        self._want(name, (Resource(R, name, "stopped", b""),))

    @rule(name=names)
    def remove(self, name: str) -> None:
        self._want(name, ())

    @precondition(lambda self: self.loaded)
    @rule(name=names)
    def put_equal(self, name: str) -> None:
        before = self.pushes
        self._want(name, self.wanted.get(name, ()))
        assert self.pushes == before

    # Envoy and the wire.

    @precondition(lambda self: self.wire)
    @rule(answers_first=st.booleans())
    def deliver(self, answers_first: bool = False) -> None:
        """Envoy may answer before or after it asks for what the response made it want; clusters mostly only when
        all have their endpoints."""
        response = self.wire.popleft()
        kind, has = response.kind, self.has[response.kind]
        bad = any("bad" in resource.version for resource in response.resources)
        answer = Request(kind, nonce=response.nonce, error="no" if bad else "")
        if answers_first:
            self.words.append(answer)
        if not bad:
            self._apply(response, has)
        if kind is E:
            self.warming.difference_update([r.name for r in response.resources], response.removed)
        if not answers_first:
            self.held.append(answer)
        if not self.warming or kind is not C:
            self.words.extend(self.held)
            self.held.clear()

    @precondition(lambda self: self.loaded)
    @rule(kind=st.sampled_from((C, E, R)))
    def answer_something_old(self, kind: Kind) -> None:
        self.words.append(Request(kind, nonce="old"))

    @precondition(lambda self: self.words)
    @rule()
    def speak(self) -> None:
        self._send(self.protocol.received(self.words.popleft()))

    @precondition(lambda self: self.loaded)
    @rule()
    def come_to_rest(self) -> None:
        """Left alone, it converges: everything good is there, everything else is told."""
        for _ in range(500):
            if self.wire:
                self.deliver()
            elif self.words:
                self.speak()
            else:
                break
            self.no_route_leads_nowhere()
            self.what_is_settled_is_true()
        assert not self.wire and not self.words
        for name in NAMES:
            resources = self.wanted.get(name, ())
            kinds = (C, E, R) if len(resources) == 3 else (C, R)
            bad = any("bad" in r.version for r in resources)
            assert bool(self.protocol.rejected(name)) == bad
            assert self.protocol.settled(name, kinds) == (not bad)

    @rule()
    def break_the_stream(self) -> None:
        self._stream()

    @rule()
    def die(self) -> None:
        for has in self.has.values():
            has.clear()
        self.serves.clear()
        self.protocol.died()
        self._stream()

    # What must hold.

    @invariant()
    def no_route_leads_nowhere(self) -> None:
        """Every open route has a cluster with endpoints: make before break."""
        for name, version in self.has[R].items():
            if version.startswith("o"):
                assert name in self.has[C], name
                assert name in self.has[E], name

    @invariant()
    def what_is_settled_is_true(self) -> None:
        if not self.protocol.synced():
            return
        for name in NAMES:
            resources = self.wanted.get(name, ())
            kinds = (C, E, R) if len(resources) == 3 else (C, R)
            if self.loaded and self.protocol.settled(name, kinds):
                versions = {r.kind: r.version for r in resources}
                assert all(self.has[kind].get(name) == versions.get(kind) for kind in kinds)

    def teardown(self) -> None:
        if not self.loaded:
            self.load()
        self.come_to_rest()

    def _want(self, name: str, resources: tuple[Resource, ...]) -> None:
        self.wanted[name] = resources
        self._send(self.protocol.want(name, resources, (C, E, R)))

    def _send(self, responses: tuple[Response, ...]) -> None:
        self.pushes += len(responses)
        self.wire.extend(responses)

    def _apply(self, response: Response, has: dict[str, str]) -> None:
        for resource in response.resources:
            name, new = resource.name, resource.name not in has
            if response.kind is E and name not in self.watched:
                continue
            has[name] = resource.version
            if response.kind is C and new:
                self.watched.add(name)
                self.warming.add(name)
                self.words.append(Request(E, subscribe=(name,)))
        for name in response.removed:
            if has.pop(name, None) is not None and response.kind is C:
                self.watched.discard(name)
                self.warming.discard(name)
                self.has[E].pop(name, None)
                self.words.append(Request(E, unsubscribe=(name,)))

    def _stream(self) -> None:
        self.wire.clear()
        self.words.clear()
        self.protocol.connected()
        self.held.clear()
        self.watched = set(self.has[C])
        self.warming = self.watched - self.has[E].keys()
        self.words.append(Request(C, initial=dict(self.has[C])))
        self.words.append(Request(E, subscribe=tuple(sorted(self.watched)), initial=dict(self.has[E])))
        self.words.append(Request(R, initial=dict(self.has[R])))


TestProtocol = Envoy.TestCase
TestProtocol.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
