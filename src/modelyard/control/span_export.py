"""Sends spans to a receiver: those that are stored until it has taken them, those in memory once.

Nobody waits for it. What does not fit while the receiver is away is dropped where it came from and counted
(`operations.tracing`); this says so. At the end what waits in memory is tried once more, for a bounded time; what
is stored is sent by the next control plane.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from modelyard.control.sending import Sender, Sent
from modelyard.core.masking import Masker
from modelyard.core.metric_catalogue import SPAN_EXPORT, SPAN_EXPORT_AWAY
from modelyard.core.tallies import Sample
from modelyard.domain.tracing import Span
from modelyard.operations.tracing import Tracing
from modelyard.otlp.base import ReceiverAwayError
from modelyard.store.base import Store
from modelyard.traces.base import SpanReceiver

log = logging.getLogger(__name__)

FLUSH_S = 3.0


def exported(state: Sent) -> Iterator[Sample]:
    """For the page of metrics."""
    for outcome, count in (("sent", state.sent), ("refused", state.refused), ("dropped", state.lost)):
        yield Sample(SPAN_EXPORT, count, (outcome,))
    yield Sample(SPAN_EXPORT_AWAY, int(bool(state.away)))


class SpanExporter(Sender):
    """See the module. `masker`: takes out what no span may tell."""

    def __init__(
        self, store: Store, tracing: Tracing, receiver: SpanReceiver, masker: Callable[[], Masker] = Masker
    ) -> None:
        super().__init__("spans", "dropped for lack of room")
        self._store = store
        self._tracing = tracing
        self._receiver = receiver
        self._masker = masker
        self._said_dropped = 0

    def now(self) -> Sent:
        return replace(self.state, lost=self._tracing.dropped)

    def of_gateway(self, body: bytes) -> None:
        """What Envoy tells of requests, as far as there is room."""
        from modelyard.traces.otlp import of_gateway

        try:
            spans = of_gateway(body)
        except ValueError as error:
            log.warning("what the gateway tells of requests is not understood: %s", error)
            return
        for one in spans:
            self._tracing.tell(one)

    async def flush(self) -> None:
        """The end: what waits in memory is tried once more."""
        with suppress(ReceiverAwayError, TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                while self._tracing.waiting:
                    await self._send_waiting()
        self._tracing.dropped += len(self._tracing.waiting)
        self._say_dropped()

    async def round(self) -> bool:
        """One batch of those in memory, one of those stored; whether there is more. Raises ReceiverAwayError,
        StoreUnavailableError."""
        try:
            more = await self._send_waiting()
            more = await self._send_stored() or more
        finally:
            self._say_dropped()
        self._well()
        return more

    async def _send_waiting(self) -> bool:
        """They leave memory when they were taken."""
        waiting = self._tracing.waiting
        some = [waiting[i] for i in range(min(len(waiting), self._size))]
        if not some:
            return False
        taken = await self._send_spans(some)
        for _ in range(taken):
            waiting.popleft()
        return bool(waiting)

    async def _send_stored(self) -> bool:
        """But for those of requests that are not over, and those that were told anew when they were."""
        tracing = self._tracing
        limit = self._size + len(tracing.unfinished)
        async with self._store.read() as r:
            found = await r.waiting_spans(limit)
        ready = [(number, one) for number, one in found if one.span_id not in tracing.unfinished][: self._size]
        fresh = [one for _, one in ready if one.span_id not in tracing.finished]
        taken = await self._send_spans(fresh) if fresh else 0
        gone = {one.span_id for one in fresh[:taken]} | (tracing.finished.keys() & {o.span_id for _, o in ready})
        numbers = [number for number, one in ready if one.span_id in gone]
        if numbers:
            async with self._store.write() as w:
                await w.delete_spans(numbers)
            for span_id in gone:
                tracing.finished.pop(span_id, None)
        return bool(numbers) and (len(found) > len(numbers) or len(found) == limit)

    async def _send_spans(self, spans: Sequence[Span]) -> int:
        """How many of the first ones are done with."""
        masker = self._masker()

        async def send(some: Sequence[Span]) -> int:
            return await self._receiver.send([masked(one, masker) for one in some])

        return await self._send(spans, send, lambda one: f"the span {one.name!r}")

    def _say_dropped(self) -> None:
        if (dropped := self._tracing.dropped) > self._said_dropped:
            log.warning("%d spans were dropped for lack of room", dropped - self._said_dropped)
            self._said_dropped = dropped


def masked(span: Span, masker: Masker) -> Span:
    if not masker:
        return span
    attributes = {name: masker.text(one) if isinstance(one, str) else one for name, one in span.attributes.items()}
    error = None if span.error is None else masker.text(span.error)
    state = masker.text(span.state)
    return replace(span, name=masker.text(span.name), attributes=attributes, error=error, state=state)
