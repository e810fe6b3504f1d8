"""Sends spans to a receiver: those that are stored until it has taken them, those in memory once.

Nobody waits for it. What does not fit while the receiver is away is dropped where it came from and counted
(`operations.tracing`); this says so. At the end what waits in memory is tried once more, for a bounded time; what
is stored is sent by the next control plane.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from modelyard.core.backoff import delay_ms
from modelyard.core.masking import Masker
from modelyard.core.metric_catalogue import SPAN_EXPORT, SPAN_EXPORT_AWAY
from modelyard.core.tallies import Sample
from modelyard.domain.tracing import Span
from modelyard.operations.tracing import Tracing
from modelyard.otlp.base import ReceiverAwayError, RefusedError
from modelyard.store.base import Store, StoreUnavailableError
from modelyard.traces.base import SpanReceiver

log = logging.getLogger(__name__)

BATCH = 500
QUIET_S = 0.5
FLUSH_S = 3.0


@dataclass(frozen=True, slots=True)
class SpanExportState:
    """Since this process began. `away`: why the last round did not send everything ("": it did). `refused`: spans
    that the receiver would not take."""

    sent: int = 0
    refused: int = 0
    away: str = ""
    failures: int = 0

    def told(self, dropped: int) -> str:
        """For people. `dropped`: spans for which there was no room."""
        lost = "".join(
            f", {count} {what}"
            for count, what in ((self.refused, "refused by the receiver"), (dropped, "dropped for lack of room"))
            if count
        )
        if not self.away and not self.sent and not self.refused:
            return f"nothing to send yet{lost}"
        if not self.away:
            return f"ok: {self.sent} spans sent{lost}"
        return f"away ({self.away}): {self.sent} spans sent{lost}"


def exported(state: SpanExportState, dropped: int) -> Iterator[Sample]:
    """For the page of metrics; `dropped`: spans for which there was no room."""
    for outcome, count in (("sent", state.sent), ("refused", state.refused), ("dropped", dropped)):
        yield Sample(SPAN_EXPORT, count, (outcome,))
    yield Sample(SPAN_EXPORT_AWAY, int(bool(state.away)))


class SpanExporter:
    """See the module. `masker`: takes out what no span may tell."""

    def __init__(
        self, store: Store, tracing: Tracing, receiver: SpanReceiver, masker: Callable[[], Masker] = Masker
    ) -> None:
        self._store = store
        self._tracing = tracing
        self._receiver = receiver
        self._masker = masker
        self._size = BATCH
        self._said_dropped = 0
        self.state = SpanExportState()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                pause_s = 0.0 if await self.round() else QUIET_S
            except ReceiverAwayError as error:
                pause_s = self._failed(str(error), error.after_s)
            except StoreUnavailableError as error:
                pause_s = self._failed(str(error), None)
            except Exception:  # a loop's edge: see control.loop
                log.exception("spans were not exported")
                pause_s = self._failed("a fault of ours: see the log", None)
            self._say_dropped()
            await asyncio.sleep(pause_s)

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
        more = await self._send_waiting()
        more = await self._send_stored() or more
        if self.state.away:
            log.info("spans are exported again")
        self.state = replace(self.state, away="", failures=0)
        return more

    async def _send_waiting(self) -> bool:
        """They leave memory when they were taken."""
        waiting = self._tracing.waiting
        some = [waiting[i] for i in range(min(len(waiting), self._size))]
        if not some:
            return False
        taken = await self._send(some)
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
        taken = await self._send(fresh) if fresh else 0
        gone = {one.span_id for one in fresh[:taken]} | (tracing.finished.keys() & {o.span_id for _, o in ready})
        numbers = [number for number, one in ready if one.span_id in gone]
        if numbers:
            async with self._store.write() as w:
                await w.delete_spans(numbers)
            for span_id in gone:
                tracing.finished.pop(span_id, None)
        return bool(numbers) and (len(found) > len(numbers) or len(found) == limit)

    async def _send(self, spans: Sequence[Span]) -> int:
        """How many of the first ones are done with."""
        masker = self._masker()
        try:
            refused = await self._receiver.send([masked(one, masker) for one in spans])
        except RefusedError as error:
            if len(spans) > 1:
                self._size = max(len(spans) // 2, 1)
                return await self._send(spans[: self._size])
            log.warning("the span %r was refused: %s", spans[0].name, error)
            refused = 1
        self._size = min(self._size * 2, BATCH)
        sent = self.state.sent + len(spans) - refused
        self.state = replace(self.state, sent=sent, refused=self.state.refused + refused)
        return len(spans)

    def _failed(self, why: str, after_s: float | None) -> float:
        """How long to wait."""
        failures = self.state.failures + 1
        if why != self.state.away:
            log.warning("spans cannot be exported: %s", why)
        self.state = replace(self.state, away=why, failures=failures)
        return max(after_s or 0.0, delay_ms(failures + 1) / 1000)

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
