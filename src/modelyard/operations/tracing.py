"""Traces of requests of the API and of what comes of them, written with what they tell of.

A request begins a trace, or goes on with its caller's. A change that it makes is an *open trace* of the service,
stored in the change's own transaction, and so are the spans of what is over: so that a trace has no hole where
this process was killed. Spans that tell of nothing stored wait in memory, boundedly; what does not fit is dropped
and counted, and nobody ever waits for a receiver (`control.span_export` sends them).

Nothing of this is there unless traces are exported.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from modelyard.core import tracing as core
from modelyard.core.tracing import Moment
from modelyard.domain.batch import Task
from modelyard.domain.errors import DomainError, Invalid
from modelyard.domain.notifications import Message
from modelyard.domain.record import Changes, ServiceRecord
from modelyard.domain.service import InferType, Service
from modelyard.domain.tracing import Attribute, OpenTrace, Span, SpanKind, TraceContext
from modelyard.store.base import WriteTransaction

MOST_STORED = 10_000
MOST_IN_MEMORY = 5_000


@dataclass(slots=True)
class Requested:
    """The request that is being served. `described`: the name of its span, and what it says as far as that is
    known when it is asked; `attributes`: what it says besides. `steps`: what was over of it so far. `stored`: a
    change stored what was known of it."""

    context: TraceContext
    parent_id: str
    began_ns: int
    described: Callable[[], tuple[str, Mapping[str, Attribute]]]
    attributes: dict[str, Attribute] = field(default_factory=dict)
    steps: list[Span] = field(default_factory=list)
    stored: bool = False

    def span(self, end_ns: int, error: str | None = None, *, unfinished: bool = False) -> Span:
        context, (name, attributes) = self.context, self.described()
        more: dict[str, Attribute] = {"modelyard.request.unfinished": True} if unfinished else {}
        return Span(
            context.trace_id,
            context.span_id,
            self.parent_id,
            name,
            self.began_ns,
            max(end_ns, self.began_ns),
            kind=SpanKind.SERVER,
            attributes={**attributes, **self.attributes, **more},
            error=error,
            state=context.state,
        )


_present: ContextVar[Requested | None] = ContextVar("requested", default=None)


@contextmanager
def step(name: str) -> Iterator[None]:
    """What is done inside is a span of the request, if that is traced."""
    requested = _present.get()
    if requested is None:
        yield
        return
    began_ns, error = time.time_ns(), None
    try:
        yield
    except DomainError as refused:
        error = _cause(refused)
        raise
    finally:
        one = core.child(requested.context, name, began_ns, time.time_ns(), len(requested.steps))
        requested.steps.append(replace(one, error=error))


def _cause(error: DomainError) -> str:
    """Which rules refused it. Not what they say: that quotes what the caller sent."""
    if isinstance(error, Invalid):
        return core.bounded(
            "not accepted: " + ", ".join(v.field or v.code or "the request" for v in error.violations)
        )
    return type(error).__name__


class Tracing:
    """See the module. One per control plane. `dropped`: spans for which there was no room."""

    def __init__(
        self,
        wall_ms: Callable[[], int],
        steady_ms: Callable[[], int],
        *,
        now_ns: Callable[[], int] = time.time_ns,
        most_stored: int = MOST_STORED,
        most_in_memory: int = MOST_IN_MEMORY,
    ) -> None:
        self._wall_ms = wall_ms
        self._steady_ms = steady_ms
        self.now_ns = now_ns
        self._most_stored = most_stored
        self.waiting: deque[Span] = deque()
        self._most_in_memory = most_in_memory
        self.dropped = 0
        self.unfinished: set[str] = set()
        self.finished: dict[str, None] = {}

    # Requests of the API.

    @contextmanager
    def serving(self, requested: Requested) -> Iterator[None]:
        """What is done inside belongs to this request."""
        before = _present.set(requested)
        self.unfinished.add(requested.context.span_id)
        try:
            yield
        finally:
            self.unfinished.discard(requested.context.span_id)
            _present.reset(before)

    def answered(self, requested: Requested, error: str | None, *, stored: bool = True) -> None:
        """The request is over. If a change stored what was known of it then, this takes its place. `stored`: what
        it stored was not rolled back (False also: nobody knows; then its steps may be told twice, as the same)."""
        steps = () if requested.stored and stored and error is None else requested.steps
        took = self.tell(requested.span(self.now_ns(), error), *steps)
        if took and requested.stored:
            self.finished[requested.context.span_id] = None
            while len(self.finished) > self._most_in_memory:
                self.finished.pop(next(iter(self.finished)))

    def tell(self, *spans: Span) -> bool:
        """Spans of nothing that is stored; whether there was room."""
        if len(self.waiting) + len(spans) > self._most_in_memory:
            self.dropped += len(spans)
            return False
        self.waiting.extend(spans)
        return True

    # Changes, in their transactions.

    async def changed(self, w: WriteTransaction, before: Service | None, after: Service) -> None:
        """A user changed a service (None: there was none)."""
        requested, present, wall_ms = _present.get(), await w.open_trace(after.id), self._wall_ms()
        record = await w.record(after.id) if requested is not None or present is not None else None
        if record is None:
            return
        record = replace(record, service=after)
        if requested is None:  # nothing is told of this change, nor is what comes of it told of the one before
            change = core.begun(TraceContext("", ""), "", before, record, wall_ms)
            if present is not None and not core.immediate(change, after, present):
                await self.keep(w, core.superseded(present, wall_ms))
                await w.close_trace(after.id)
            return
        context = replace(requested.context, span_id=secrets.token_hex(8))
        made = core.begun(context, requested.context.span_id, before, record, wall_ms)
        requested.attributes.update(core.of_service(after))
        spans = [requested.span(self.now_ns(), unfinished=True), *requested.steps]
        if core.immediate(made, after, present):
            spans.append(core.ended(made, wall_ms, "stored"))
        else:
            if present is not None:
                spans += core.superseded(present, wall_ms, context.trace_id)
            await w.save_open_trace(made)
        requested.stored = await self.keep(w, spans)

    async def became(
        self, w: WriteTransaction, open_: OpenTrace, before: ServiceRecord, changes: Changes, task: Task | None
    ) -> None:
        """Changes of a service of which a change is under way were written."""
        told = core.told(open_, before, changes, Moment(self._steady_ms(), self._wall_ms()), task)
        await self.keep(w, told.spans)
        if changes.delete_service:
            return
        if told.left is None:
            await w.close_trace(open_.service_id)
        elif told.left != open_:
            await w.save_open_trace(told.left)

    async def under_way(self, w: WriteTransaction, service_id: str) -> tuple[OpenTrace, ServiceRecord] | None:
        """The change of the service, and the service as it is stored; None: none is under way."""
        open_ = await w.open_trace(service_id)
        record = await w.record(service_id) if open_ is not None else None
        return None if open_ is None or record is None else (open_, record)

    async def task_of(self, w: WriteTransaction, record: ServiceRecord) -> Task | None:
        if record.service.infer_type is not InferType.BATCH:
            return None
        return next(iter(await w.tasks(record.service.id, 1)), None)

    async def traced(self, w: WriteTransaction, message: Message) -> Message:
        """The message with the trace that it belongs to, which its receivers learn too."""
        requested = _present.get()
        open_ = await w.open_trace(message.service_id) if message.service_id else None
        context = open_.context if open_ is not None else requested.context if requested is not None else None
        if context is None:
            return message
        return replace(message, facts={**message.facts, core.TRACEPARENT: context.traceparent})

    async def keep(self, w: WriteTransaction, spans: Sequence[Span]) -> bool:
        """Store spans with what they tell of; whether there was room. They are counted where they are: earlier
        processes stored some, and transactions are rolled back."""
        if not spans:
            return True
        if await w.count_spans() + len(spans) > self._most_stored:
            self.dropped += len(spans)
            return False
        await w.add_spans(spans)
        return True
