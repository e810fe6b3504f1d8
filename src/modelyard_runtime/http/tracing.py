"""Requests with the trace context that they came with as the current one, for models that ask for it.

A model asks by importing `model_service.trace`, or OpenTelemetry: what neither of them does costs nothing here.
"""

import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from modelyard_runtime.execution.job import Asked
from modelyard_runtime.http.exchange import Exchange
from modelyard_runtime.ledger import Tally
from modelyard_runtime.protocols.answers import Items

OURS, OPENTELEMETRY = "model_service.trace", "opentelemetry.context"
NAMES = ("traceparent", "tracestate")


def exchange() -> type[Exchange]:
    """The kind of exchange that the model needs, once it is loaded."""
    return TracedExchange if OURS in sys.modules or OPENTELEMETRY in sys.modules else Exchange


class TracedExchange(Exchange):
    __slots__ = ()

    def run(self, tally: Tally) -> float:
        with entered(self._scope.headers):
            return super().run(tally)

    async def run_async(self) -> None:
        with entered(self._scope.headers):
            await super().run_async()

    def decode(self) -> Asked | None:
        with entered(self._scope.headers):
            return super().decode()

    def _stream(self, items: Items) -> None:
        super()._stream(_within(copy_context().run, items) if isinstance(items, Generator) else items)


@contextmanager
def entered(headers: Any) -> Iterator[None]:
    """What is done inside has the context of these headers."""
    came = {name: str(value) for name in NAMES if (value := headers.get(name)) and value.isascii()}
    ours, attached = sys.modules.get(OURS), _attached(came)
    try:
        if ours is None:
            yield
        else:
            with ours.during(came):
                yield
    finally:
        if attached is not None:
            attached()


def _attached(came: Mapping[str, str]) -> Callable[[], None] | None:
    """What takes it off again, where the model has OpenTelemetry."""
    if OPENTELEMETRY not in sys.modules or not came:
        return None
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    token = context.attach(TraceContextTextMapPropagator().extract(came))
    return lambda: context.detach(token)


def _within(run: Callable[..., Any], items: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The same items, each made in the context that the first one was."""
    try:
        while True:
            try:
                item = run(next, items)
            except StopIteration:
                return
            yield item
    finally:
        run(items.close)
