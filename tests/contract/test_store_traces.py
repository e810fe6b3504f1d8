"""The store port, over every store: changes under way as traces, and spans that wait."""

from dataclasses import replace

import pytest
from tests.contract import store_samples as a

from modelyard.domain.record import Changes
from modelyard.domain.tracing import OpenTrace, Span, SpanKind, TraceContext
from modelyard.store.sql import SqlStore

CONTEXT = TraceContext("a" * 32, "b" * 16, "vendor=1")
OPEN = OpenTrace("s1", CONTEXT, "c" * 16, "update service", 5, "r1", 7, attributes={"n": 1, "t": "ü", "b": True})
SPAN = Span(
    "a" * 32,
    "d" * 16,
    "b" * 16,
    "pass",
    1_700_000_000_123_456_789,
    1_700_000_000_223_456_789,
    kind=SpanKind.SERVER,
    attributes={"n": 1, "f": 0.5, "t": "x\x00y", "b": False},
    error="broke",
    state="vendor=1",
    origin="modelyard-gateway",
)


async def test_what_is_told_survives_and_goes_when_it_was_sent(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_spans([SPAN, replace(SPAN, span_id="e" * 16, error=None)])
        await w.add_spans([replace(SPAN, name="told again")])
    async with store.read() as r:
        (first, one), (second, other) = await r.waiting_spans(10)
        assert await r.count_spans() == 2
        assert len(await r.waiting_spans(1)) == 1
    assert one == replace(SPAN, name="told again", attributes={**SPAN.attributes, "t": "x\ufffdy"})
    assert other.error is None
    async with store.write() as w:
        await w.delete_spans([first])
        assert [number for number, _ in await w.waiting_spans(10)] == [second]


async def test_a_service_has_one_change_under_way_which_goes_with_it(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.save_open_trace(OPEN)
        await w.save_open_trace(replace(OPEN, over=True))
        await w.add_spans([SPAN])
    async with store.write() as w:
        assert await w.open_trace("s1") == replace(OPEN, over=True)
        assert await w.open_trace("s2") is None
        service = await w.service(None, "s1")
        assert service is not None
        assert await w.apply("s1", Changes(service.version, delete_service=True))
        assert await w.open_trace("s1") is None
        assert await w.count_spans() == 1


@pytest.mark.parametrize("everything", [False, True])
async def test_traces_are_forgotten(store: SqlStore, *, everything: bool) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.save_open_trace(OPEN)
        await w.add_spans([SPAN])
        await (w.forget_traces() if everything else w.close_trace("s1"))
        assert await w.open_trace("s1") is None
        assert await w.count_spans() == (0 if everything else 1)
