"""Spans of the passes of the loop over a service, and of its routes on their way to the gateway.

They belong to the change that is under way, are below its span, and are written when the pass is over. A route
that was pushed by a control plane that died before the gateway acknowledged it is pushed, and told, by the next.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from modelyard.core import tracing as core
from modelyard.core.rollout.decide import Decision
from modelyard.core.rollout.recording import Recorded
from modelyard.domain.instance import Phase
from modelyard.domain.routing import ServiceRoute
from modelyard.domain.tracing import Attribute, OpenTrace, Span
from modelyard.gateway.base import Gateway
from modelyard.operations.tracing import Tracing
from modelyard.store.base import Store, StoreUnavailableError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Look:
    """One pass. `open_`: the change that was under way when it began. `did`: what it did, by name; a pass that did
    nothing is not told."""

    began_ns: int
    open_: OpenTrace | None = None
    did: dict[str, int] = field(default_factory=dict)

    def decided(self, decision: Decision, rows: Recorded) -> None:
        draining = sum(1 for i in decision.instances if i.phase is Phase.DRAINING)
        counts = {
            "started": len(rows.started),
            "resumed": len(decision.resume),
            "drained": draining,
            "stopped": len(decision.stops),
            "removed": len(decision.forget),
        }
        self.did |= {name: count for name, count in counts.items() if count}
        if rows.changes:
            self.did["recorded"] = 1


@dataclass(frozen=True, slots=True)
class _Pushed:
    """`refused`: that it was is told already."""

    route: ServiceRoute
    since_ns: int
    refused: bool = False


class Passes:
    """One per control plane. Without `tracing` it does nothing."""

    def __init__(self, store: Store, gateway: Gateway, tracing: Tracing | None) -> None:
        self._store = store
        self._gateway = gateway
        self._tracing = tracing
        self._pushed: dict[str, _Pushed] = {}
        self._numbers = 0

    def pushing(self, service_id: str, route: ServiceRoute | None) -> None:
        """This route is about to be given to the gateway (None: the service has none any more)."""
        if self._tracing is None:
            return
        pushed = self._pushed.get(service_id)
        if pushed is not None and pushed.route == route:
            return
        self._pushed.pop(service_id, None)
        if route is not None and self._gateway.view(service_id).acked != route:
            self._pushed[service_id] = _Pushed(route, self._tracing.now_ns())

    @asynccontextmanager
    async def look(self, service_id: str) -> AsyncIterator[Look]:
        """What is done inside is a pass over this service."""
        if self._tracing is None:
            yield Look(0)
            return
        look = Look(self._tracing.now_ns(), await self._open(service_id))
        error: str | None = None
        try:
            yield look
        except Exception as failed:
            error = f"{type(failed).__name__}: {failed}"
            raise
        finally:
            await self._told(self._tracing, service_id, look, error)

    async def _told(self, tracing: Tracing, service_id: str, look: Look, error: str | None) -> None:
        acknowledged = self._acknowledged(service_id)
        if not (look.did or error or acknowledged):
            return
        try:
            open_ = await self._open(service_id) or look.open_
            if open_ is None:
                return
            now_ns = tracing.now_ns()
            spans = [self._pass(open_, look, now_ns, error)] if look.did or error else []
            if acknowledged is not None:
                pushed, refused = acknowledged
                spans.append(_route(open_, pushed, now_ns, refused))
            async with self._store.write() as w:
                await tracing.keep(w, spans)
        except StoreUnavailableError as unavailable:
            log.warning("a pass over service %s is in no trace: %s", service_id, unavailable)

    async def _open(self, service_id: str) -> OpenTrace | None:
        async with self._store.read() as r:
            return await r.open_trace(service_id)

    def _acknowledged(self, service_id: str) -> tuple[_Pushed, str | None] | None:
        """The route that the gateway acknowledged, or refused (and why), since it was pushed."""
        pushed = self._pushed.get(service_id)
        if pushed is None:
            return None
        view = self._gateway.view(service_id)
        if view.acked == pushed.route:
            del self._pushed[service_id]
            return pushed, None
        if view.rejected and not pushed.refused:
            self._pushed[service_id] = replace(pushed, refused=True)
            return pushed, view.rejected
        return None

    def _pass(self, open_: OpenTrace, look: Look, now_ns: int, error: str | None) -> Span:
        self._numbers += 1
        began_ns = max(look.began_ns, open_.started_ms * 1_000_000)
        span = core.child(open_.context, "pass", began_ns, now_ns, look.began_ns, self._numbers)
        attributes: dict[str, Attribute] = {f"modelyard.pass.{name}": count for name, count in look.did.items()}
        attributes |= core.about(open_)
        return replace(span, attributes=attributes, error=None if error is None else core.bounded(error))


def _route(open_: OpenTrace, pushed: _Pushed, now_ns: int, refused: str | None) -> Span:
    span = core.child(open_.context, "route", pushed.since_ns, now_ns, pushed.since_ns)
    endpoints = {f"modelyard.track.{t.track}.instances": len(t.endpoints) for t in pushed.route.tracks}
    weights = {f"modelyard.track.{t.track}.weight": t.weight for t in pushed.route.tracks}
    attributes: dict[str, Attribute] = {**core.about(open_), **endpoints, **weights}
    attributes["modelyard.route.state"] = str(pushed.route.state)
    return replace(span, attributes=attributes, error=None if refused is None else core.bounded(refused))
