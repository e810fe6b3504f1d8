"""Lines exported by OTLP to a real receiver, which is away for a while, falls over, refuses; and after a crash."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from tests.contract import store_samples
from tests.worlds.otlp import Receiver, receiving, records

from modelyard.control.exporting import Exporter
from modelyard.domain.logs import Line, Origin
from modelyard.logs.base import LogsUnavailableError
from modelyard.logs.memory import MemoryLogs
from modelyard.logs.otlp import receiver
from modelyard.otlp.base import GRPC, HTTP, ReceiverAwayError, address, headers
from modelyard.store.sql import SqlStore


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    store = SqlStore.memory()
    await store.open()
    async with store.write() as w:
        await w.add_service(store_samples.service("s1"))
    yield store
    await store.close()


@asynccontextmanager
async def exporting(store: SqlStore, logs: MemoryLogs, to: Receiver, **more: str) -> AsyncIterator[Exporter]:
    there = receiver(f"http://127.0.0.1:{to.port}", GRPC, more)
    try:
        yield Exporter(store, logs, there)
    finally:
        await there.close()


async def wrote(logs: MemoryLogs, service_id: str, *texts: str, reference: str = "", cut: int = 0) -> None:
    origin = Origin("p1", service_id, "i1", 3, "digits:1.0.0")
    await logs.append(origin, [Line(0, 1000 + i, t, origin, reference, cut) for i, t in enumerate(texts)], "p")


async def all_sent(exporter: Exporter) -> None:
    """Rounds as `run` makes them, without its pauses."""
    async with asyncio.timeout(60):
        while True:
            try:
                if not await exporter.round():
                    return
            except ReceiverAwayError as error:
                exporter._failed(str(error), None)
                await asyncio.sleep(0.01)


async def test_every_line_arrives_once_as_it_was_written(store: SqlStore) -> None:
    logs = MemoryLogs()
    await wrote(logs, "s1", "hello", "ünï \x1b[0m 漢", reference="ab12", cut=7)
    await wrote(logs, "gone", *(f"{i}" for i in range(1200)))
    async with receiving() as to, exporting(store, logs, to, authorization="Bearer t") as exporter:
        await all_sent(exporter)
        assert (
            to.came[0]
            == (
                {
                    **{"service.name": store_samples.service("s1").name, "service.instance.id": "i1"},
                    **{"modelyard.service.id": "s1", "modelyard.project.id": "p1", "modelyard.revision": 3},
                    "modelyard.model": "digits:1.0.0",
                },
                {
                    **{"log.record.uid": "s1/1", "modelyard.line.number": 1, "modelyard.reference": "ab12"},
                    "modelyard.line.cut": 7,
                },
                "hello",
                1_000_000_000,
            )
            or to.came[0][0]["modelyard.service.id"] == "gone"
        )
        assert sorted(to.bodies) == sorted(["hello", "ünï \x1b[0m 漢", *(f"{i}" for i in range(1200))])
        assert [body for of, _, body, _ in to.came if of["modelyard.service.id"] == "gone"] == [
            f"{i}" for i in range(1200)
        ]
        assert to.metadata[0]["authorization"] == "Bearer t"
        assert exporter.told() == "ok: 1202 lines sent"
        await all_sent(exporter)
        assert len(to.came) == 1202


async def test_a_receiver_that_was_away_gets_everything(store: SqlStore) -> None:
    logs = MemoryLogs()
    async with receiving() as to, exporting(store, logs, to) as exporter:
        await wrote(logs, "s1", "before")
        await all_sent(exporter)
        await to.stop()
        await wrote(logs, "s1", *(f"while {i}" for i in range(700)))
        for _ in range(2):
            with pytest.raises(ReceiverAwayError):
                await exporter.round()
        assert exporter._failed("UNAVAILABLE: refused", None) == 1.0
        assert exporter._failed("UNAVAILABLE: refused", 30) == 30
        assert "away (UNAVAILABLE: refused): lines since 1970-01-01 00:00:01 wait, 1 lines sent" in exporter.told()
        await to.start()
        await all_sent(exporter)
        assert to.bodies == ["before", *(f"while {i}" for i in range(700))]
        assert exporter.told() == "ok: 701 lines sent"


async def test_after_a_crash_it_goes_on_where_it_was_and_what_comes_twice_is_the_same(store: SqlStore) -> None:
    logs = MemoryLogs()
    await wrote(logs, "s1", *(f"{i}" for i in range(800)))
    async with receiving() as to:
        async with exporting(store, logs, to) as first:
            await first.round()
        to.failing = 1  # it takes the rest, and nobody hears of it
        async with exporting(store, logs, to) as second:
            with pytest.raises(ReceiverAwayError):
                await second.round()
        async with exporting(store, logs, to) as third:
            await all_sent(third)
        by_id: dict[str, Any] = {}
        for record in to.came:
            assert by_id.setdefault(record[1]["log.record.uid"], record) == record
        assert [record[2] for record in by_id.values()] == [f"{i}" for i in range(800)]
        assert len(to.came) == 800 + 300


async def test_a_line_that_is_refused_holds_up_no_other(store: SqlStore) -> None:
    logs = MemoryLogs()
    await wrote(logs, "s1", *(f"{i}" for i in range(20)))
    async with receiving() as to, exporting(store, logs, to) as exporter:
        to.refusing = {"13"}
        await all_sent(exporter)
        assert sorted(to.bodies, key=int) == [f"{i}" for i in range(20) if i != 13]
        assert exporter.told() == "ok: 19 lines sent, 1 refused by the receiver"
        to.rejected = 1
        await wrote(logs, "s1", "a", "b")
        await all_sent(exporter)
        assert exporter.told() == "ok: 20 lines sent, 2 refused by the receiver"


async def test_what_was_cut_before_it_was_sent_is_counted_and_who_is_gone_is_forgotten(store: SqlStore) -> None:
    logs = MemoryLogs()
    await wrote(logs, "gone", "0")
    async with receiving() as to, exporting(store, logs, to) as exporter:
        await all_sent(exporter)
        for i in range(1, 4):
            await wrote(logs, "gone", f"{i}" * 100)
        await logs.bound("gone", 150, 0)
        await all_sent(exporter)
        assert to.bodies == ["0", "3" * 100]
        assert exporter.told() == "ok: 2 lines sent, 2 cut before they could be sent"
        await logs.remove("gone")
        exporter._rounds = 0
        await exporter.round()
        async with store.read() as r:
            assert await r.log_exports("otlp") == {}


async def test_nothing_is_lost_when_positions_cannot_be_read_or_logs_are_away(store: SqlStore) -> None:
    logs = MemoryLogs()
    await wrote(logs, "s1", "one")
    async with receiving() as to, exporting(store, logs, to) as exporter:
        logs.away = True
        task = asyncio.create_task(exporter.run())
        async with asyncio.timeout(20):
            while not exporter.state.away:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            logs.away = False
            while not to.came:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert to.bodies == ["one"]


async def test_a_service_whose_lines_cannot_be_read_holds_up_no_other(store: SqlStore) -> None:
    logs = MemoryLogs()
    await wrote(logs, "a", "one")
    await wrote(logs, "s1", "two")
    logs.broken = {"a"}
    async with receiving() as to, exporting(store, logs, to) as exporter:
        with pytest.raises(LogsUnavailableError):
            await exporter.round()
        assert to.bodies == ["two"]
        logs.broken = set()
        await all_sent(exporter)
        assert to.bodies == ["two", "one"]


async def test_what_was_away_is_there_again_though_nothing_is_to_be_sent(store: SqlStore) -> None:
    logs = MemoryLogs()
    async with receiving() as to, exporting(store, logs, to) as exporter:
        logs.away = True
        with pytest.raises(LogsUnavailableError) as away:
            await exporter.round()
        exporter._failed(str(away.value), None)
        assert exporter.told() == "away (the logs are away): 0 lines sent"
        logs.away = False
        await exporter.round()
        assert exporter.told() == "nothing to send yet"


async def test_over_http_too(store: SqlStore) -> None:
    came: list[Any] = []
    statuses = [503, 200]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = statuses.pop(0) if statuses else 200
            if status == 200:
                assert (self.path, self.headers["x-key"]) == ("/v1/logs", "a b")
                came.extend(records(logs_service_pb2.ExportLogsServiceRequest.FromString(body)))
            self.send_response(status)
            self.send_header("Retry-After", "7")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    logs = MemoryLogs()
    await wrote(logs, "s1", "one", "two")
    there = receiver(f"http://127.0.0.1:{server.server_port}", HTTP, headers("X-Key=a%20b"))
    try:
        exporter = Exporter(store, logs, there)
        with pytest.raises(ReceiverAwayError, match="503") as away:
            await exporter.round()
        assert away.value.after_s == 7
        await all_sent(exporter)
    finally:
        await there.close()
        server.shutdown()
        thread.join()
        server.server_close()
    assert [record[2] for record in came] == ["one", "two"]


@pytest.mark.parametrize("text", ["a", "=b", "a=b,c"])
def test_headers_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="NAME=VALUE"):
        headers(text)


@pytest.mark.parametrize("text", ["localhost:4317", "ftp://x", "http://", "http://u:p@x", "http://x?k=s"])
def test_endpoints_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        address(text)
