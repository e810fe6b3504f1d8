"""Spans exported by OTLP to a real receiver, which is away, falls over, refuses; and what it never hears of."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from tests.worlds import notifications as w
from tests.worlds.plane import PlaneWorld, plane_world, variant_request
from tests.worlds.traces import TRACE, TraceReceiver, orphans, receiving, requesting, spans_of

from modelyard.control import span_export
from modelyard.control.span_export import SpanExporter
from modelyard.core.masking import Masker
from modelyard.domain.tracing import Span
from modelyard.notify.base import PermanentError
from modelyard.operations.tracing import Tracing
from modelyard.otlp.base import GRPC, HTTP, ReceiverAwayError
from modelyard.store.sql import SqlStore
from modelyard.traces.otlp import receiver

SPAN = Span("a" * 32, "b" * 16, "c" * 16, "one", 1_000, 2_000, attributes={"n": 1, "s": "x", "t": True, "f": 0.5})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path, traced=True) as made:
        for version in ("1.0.0", "2.0.0"):
            await made.model("iris", version)
        yield made


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    store = SqlStore.memory()
    await store.open()
    yield store
    await store.close()


def exporter(store: SqlStore, tracing: Tracing | None, to: TraceReceiver, *secrets: str) -> SpanExporter:
    assert tracing is not None
    there = receiver(f"http://127.0.0.1:{to.port}", GRPC, {"authorization": "Bearer t"})
    masker = Masker.of(secrets)
    return SpanExporter(store, tracing, there, lambda: masker)


async def all_sent(exporting: SpanExporter) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if not await exporting.round():
                    return
            except ReceiverAwayError:
                await asyncio.sleep(0.01)


def clock() -> int:
    return 1_700_000_000_000


async def test_a_span_arrives_as_it_was_told_and_secrets_do_not(store: SqlStore) -> None:
    tracing = Tracing(clock, clock)
    attributes = {**SPAN.attributes, "p": "hunter2"}
    tracing.tell(replace(SPAN, error="no hunter2 here", attributes=attributes, state="vendor=hunter2,other=1"))
    async with receiving() as to:
        await all_sent(exporter(store, tracing, to, "hunter2"))
    (came,) = to.came
    assert (came.trace, came.id, came.parent, came.name) == ("a" * 32, "b" * 16, "c" * 16, "one")
    assert (came.span.start_time_unix_nano, came.span.end_time_unix_nano) == (1_000, 2_000)
    assert came.attributes == {"n": 1, "s": "x", "t": True, "f": 0.5, "p": "***"}
    assert (came.span.status.code, came.span.status.message) == (2, "no *** here")
    assert came.span.trace_state == "vendor=***,other=1"
    assert came.resource["service.name"] == "modelyard"
    assert to.metadata[0]["authorization"] == "Bearer t"


async def test_a_receiver_is_not_said_to_be_well_before_it_was_sent_anything(store: SqlStore) -> None:
    tracing = Tracing(clock, clock)
    async with receiving() as to:
        exporting = exporter(store, tracing, to)
        assert exporting.told() == "nothing to send yet"
        await all_sent(exporting)
        tracing.dropped = 2
        assert exporting.told() == "nothing to send yet, 2 dropped for lack of room"
        tracing.tell(SPAN)
        await all_sent(exporting)
    assert exporting.told() == "ok: 1 spans sent, 2 dropped for lack of room"


async def test_a_whole_change_arrives_once_though_the_receiver_falls_over(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request("iris-1.0.0"))
    await world.converge(service_id)
    with requesting(world.tracing):
        await world.put(service_id, variant_request("iris-2.0.0"))
    await world.converge(service_id)
    await world.elapse(120_000, service_id)
    async with receiving() as to:
        to.failing = 3
        await all_sent(exporter(world.store, world.tracing, to))
    assert {one.trace for one in to.came} == {TRACE}
    assert orphans(to.came) == []
    assert len({one.id for one in to.came}) == len(to.came)
    (request,) = [one for one in to.came if one.name == "PUT /services"]
    assert "modelyard.request.unfinished" not in request.attributes
    async with world.store.read() as r:
        assert await r.count_spans() == 0


async def test_a_request_that_is_being_served_is_not_told_yet(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request("iris-1.0.0"))
    await world.converge(service_id)
    async with receiving() as to:
        exporting = exporter(world.store, world.tracing, to)
        with requesting(world.tracing):
            await world.put(service_id, variant_request("iris-2.0.0"))
            await all_sent(exporting)
            assert "PUT /services" not in {one.name for one in to.came}
        await all_sent(exporting)
    assert [one.name for one in to.came].count("PUT /services") == 1


async def test_requests_that_last_hold_up_nothing_behind_them(store: SqlStore) -> None:
    tracing = Tracing(clock, clock)
    async with store.write() as w_:
        await tracing.keep(w_, [SPAN, replace(SPAN, span_id="d" * 16, name="behind")])
    tracing.unfinished.add(SPAN.span_id)
    async with receiving() as to:
        exporting = exporter(store, tracing, to)
        exporting._size = 1
        await all_sent(exporting)
    assert [one.name for one in to.came] == ["behind"]


async def test_what_waits_is_counted_where_it_is(store: SqlStore) -> None:
    """Not by each process anew, and not what is rolled back."""
    async with store.write() as w_:
        assert await Tracing(clock, clock, most_stored=2).keep(w_, [SPAN])
    second, other = Tracing(clock, clock, most_stored=2), replace(SPAN, span_id="d" * 16)
    with contextlib.suppress(ZeroDivisionError):
        async with store.write() as w_:
            assert await second.keep(w_, [other])
            raise ZeroDivisionError
    async with store.write() as w_:
        assert await second.keep(w_, [other])
        assert not await second.keep(w_, [replace(SPAN, span_id="e" * 16)])
    assert second.dropped == 1


async def test_an_unfinished_request_is_told_by_the_next_control_plane(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request("iris-1.0.0"))
    await world.converge(service_id)
    with pytest.raises(KeyboardInterrupt), requesting(world.tracing):
        await world.put(service_id, variant_request("iris-2.0.0"))
        raise KeyboardInterrupt
    await world.restart()
    await world.converge(service_id)
    async with receiving() as to:
        await all_sent(exporter(world.store, world.tracing, to))
    (request,) = [one for one in to.came if one.name == "PUT /services"]
    assert request.attributes["modelyard.request.unfinished"] is True
    assert orphans(to.came) == []


async def test_without_a_receiver_nobody_waits_and_what_is_dropped_is_counted(store: SqlStore) -> None:
    tracing = Tracing(clock, clock, most_in_memory=10)
    for _ in range(25):
        tracing.tell(SPAN)
    to = TraceReceiver()
    await to.start()
    await to.stop()
    exporting = exporter(store, tracing, to)
    task = asyncio.create_task(exporting.run())
    async with asyncio.timeout(30):
        while not exporting.state.away:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
    task.cancel()
    told = exporting.told()
    assert told.startswith("away (UNAVAILABLE")
    assert "15 dropped for lack of room" in told
    async with asyncio.timeout(10):
        await exporting.flush()


async def test_a_receiver_that_never_answers_holds_the_end_up_for_a_bounded_time(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        async def send(self, spans: Sequence[Span]) -> int:
            await asyncio.Event().wait()
            return len(spans)

        async def close(self) -> None: ...

    monkeypatch.setattr(span_export, "FLUSH_S", 0.05)
    tracing = Tracing(clock, clock)
    tracing.tell(SPAN, SPAN)
    exporting = SpanExporter(store, tracing, Silent())
    sending = asyncio.create_task(exporting.run())
    await asyncio.sleep(0)
    sending.cancel()
    async with asyncio.timeout(10):
        await exporting.flush()
    assert tracing.dropped == 2


async def test_a_span_that_is_refused_holds_no_other_up(store: SqlStore) -> None:
    class Picky:
        def __init__(self) -> None:
            self.came: list[str] = []
            outer = self

            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    body = self.rfile.read(int(self.headers["content-length"]))
                    came = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
                    names = [one.name for one in spans_of(came)]
                    refused = "bad" in names or self.path != "/v1/traces"
                    outer.came += [] if refused else names
                    self.send_response(400 if refused else 200)
                    self.send_header("content-length", "0")
                    self.end_headers()

                def log_message(self, *_: Any) -> None: ...

            self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            Thread(target=self.server.serve_forever, daemon=True).start()

    picky, tracing = Picky(), Tracing(clock, clock)
    for name in ("a", "b", "bad", "c"):
        tracing.tell(replace(SPAN, name=name))
    there = receiver(f"http://127.0.0.1:{picky.server.server_address[1]}", HTTP, {})
    exporting = SpanExporter(store, tracing, there)
    await all_sent(exporting)
    await there.close()
    picky.server.shutdown()
    picky.server.server_close()
    assert picky.came == ["a", "b", "c"]
    assert (exporting.state.sent, exporting.state.refused) == (3, 1)


async def test_what_a_change_tells_others_is_in_its_trace(world: PlaneWorld) -> None:
    inbox = w.Inbox()
    world.channels["test"] = inbox
    await world.restart()
    await w.watch_statuses(world.store)
    await w.subscribed(world.store)
    with requesting(world.tracing):
        service_id = await w.telling_service(world, "iris-1.0.0")
    await world.converge(service_id)
    await world.settle()
    async with world.store.read() as r:
        spans = [one for _, one in await r.waiting_spans(1000)]
    (change,) = [one for one in spans if one.name == "deploy service"]
    delivered = [one for one in spans if one.name == "deliver message"]
    assert delivered
    assert {one.parent_id for one in delivered} == {change.span_id}
    assert {one.error for one in delivered} == {None}
    assert delivered[0].attributes["modelyard.subscription.protocol"] == "test"


async def test_a_message_that_is_given_up_says_why(world: PlaneWorld) -> None:
    world.channels["test"] = w.Inbox(down=PermanentError("no such mailbox"))
    await world.restart()
    await w.subscribed(world.store)
    with requesting(world.tracing):
        service_id = await w.telling_service(world, "iris-1.0.0")
    await world.converge(service_id)
    await world.settle()
    async with world.store.read() as r:
        spans = [one for _, one in await r.waiting_spans(1000)]
    assert "no such mailbox" in {one.error for one in spans if one.name == "deliver message"}
