"""Changes under way as traces, and spans that wait to be exported: statements."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, func, select

from modelyard.domain.texts import storable
from modelyard.domain.tracing import OpenTrace, Span, SpanKind, TraceContext
from modelyard.store.sql.session import Session
from modelyard.store.sql.trace_tables import open_traces, spans

MOST_AT_ONCE = 500


def _trace(value: Mapping[str, Any]) -> OpenTrace:
    return OpenTrace(**{**value, "context": TraceContext(**value["context"])})


def _span(value: Mapping[str, Any]) -> Span:
    return Span(**{**value, "kind": SpanKind(value["kind"])})


def _values(value: OpenTrace | Span) -> dict[str, Any]:
    """JSON that every database takes."""
    values = asdict(value)
    values["attributes"] = {
        name: storable(one) if isinstance(one, str) else one for name, one in value.attributes.items()
    }
    if isinstance(value, Span):
        values["kind"] = int(value.kind)
        values["error"] = None if value.error is None else storable(value.error)
    return values


class TraceReading(Session):
    async def open_trace(self, service_id: str) -> OpenTrace | None:
        found = await self._row(select(open_traces.c.trace).where(open_traces.c.service_id == service_id))
        return None if found is None else _trace(found.trace)

    async def waiting_spans(self, limit: int) -> Sequence[tuple[int, Span]]:
        rows = await self._rows(select(spans.c.number, spans.c.span).order_by(spans.c.number).limit(limit))
        return [(row.number, _span(row.span)) for row in rows]

    async def count_spans(self) -> int:
        return int(await self._value(select(func.count()).select_from(spans)))


class TraceWriting(TraceReading):
    async def save_open_trace(self, trace: OpenTrace) -> None:
        await self._upsert(open_traces, [{"service_id": trace.service_id, "trace": _values(trace)}])

    async def close_trace(self, service_id: str) -> None:
        await self._run(delete(open_traces).where(open_traces.c.service_id == service_id))

    async def add_spans(self, values: Sequence[Span]) -> None:
        if not values:
            return
        rows = {one.span_id: {"span_id": one.span_id, "span": _values(one)} for one in values}
        insert = self._dialect.insert(spans)
        statement = insert.on_conflict_do_update(
            index_elements=[spans.c.span_id], set_={"span": insert.excluded.span}
        )
        await self._run(statement, list(rows.values()))

    async def delete_spans(self, numbers: Sequence[int]) -> None:
        for at in range(0, len(numbers), MOST_AT_ONCE):
            some = numbers[at : at + MOST_AT_ONCE]
            await self._run(delete(spans).where(spans.c.number.in_(some)))

    async def forget_traces(self) -> None:
        await self._run(delete(open_traces))
        await self._run(delete(spans))
