"""A model that is reached over HTTP, played by a real server."""

import contextlib
import http.server
import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.batch_worker import Plane, Ran, split, worker

from modelyard_runtime.batch import over_http
from modelyard_runtime.batch.file_rows import Upload
from modelyard_runtime.batch.over_http import GoneError, OverHttp, form
from modelyard_runtime.batch.wire import Job, Split
from modelyard_runtime.errors import LoadError
from modelyard_runtime.protocols import multipart

NUMBER = {"format": "csv", "mapping": {"leaf": "number", "index": 0}, "uri": "/predict"}
Answer = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


def reply(
    handler: Any, status: int = 200, content: bytes = b"{}", kind: str = "application/json", **more: str
) -> None:
    handler.send_response(status)
    for name, value in {"content-type": kind, "content-length": str(len(content)), **more}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


def echo(handler: Any, body: bytes) -> None:
    reply(handler, content=b'{"got": ' + body + b',\n "path": "%s"}' % handler.path.encode())


@contextlib.contextmanager
def model(answer: Answer) -> Iterator[tuple[str, list[Any]]]:
    """Its URL, and the connections that it has had."""
    connections: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes

        def setup(self) -> None:
            connections.append(self.client_address)
            super().setup()

        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["content-length"])))

        def log_message(self, *_: Any) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None: ...

    with Server(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", connections
        finally:
            server.shutdown()
            serving.join()


def ran(
    answer: Answer, content: bytes, rows: int, job: Any = None, *, count: int = 4, timeout_s: float = 20.0
) -> Ran:
    with reached(answer, count, timeout_s) as (plane, _):
        return plane.run(split(job or NUMBER, content, rows), [content])


@contextlib.contextmanager
def reached(answer: Answer, count: int = 4, timeout_s: float = 20.0) -> Iterator[tuple[Plane, list[Any]]]:
    with (
        model(answer) as (url, connections),
        closing(OverHttp(url, count, timeout_s)) as over,
        worker(over.predictor, over.most, over.least) as plane,
    ):
        yield plane, connections


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_http, "_FIRST_PAUSE_S", 0.001)


def test_rows_are_requests_in_their_order() -> None:
    content = b"".join(b"%d\n" % n for n in range(200))
    found = ran(echo, content, 200)
    assert found.raw.splitlines()[7] == b'{"got":7,"path":"/predict"}'
    assert [line["got"] for line in found.lines] == list(range(200))


def test_connections_are_kept() -> None:
    content = b"1\n" * 100
    with reached(echo) as (plane, connections):
        plane.run(split(NUMBER, content, 100), [content])
    assert len(connections) <= 4


def test_several_are_on_their_way_at_a_time() -> None:
    barrier = threading.Barrier(3)

    def answer(handler: Any, body: bytes) -> None:
        barrier.wait(20)
        echo(handler, body)

    with model(answer) as (url, _), closing(OverHttp(url, 3, 20)) as over:
        rows = over.predictor(Split(Job("jsonl"), 0, 0, 0, 0, 3))
        assert len(rows.answer([b"1", b"2", b"3"], [0, 1, 2]).lines) == 3


def test_json_lines_and_what_is_none() -> None:
    found = ran(echo, b'{"a": 1}\n\nx\n', 3, {"format": "jsonl"})
    assert found.lines[0] == {"got": {"a": 1}, "path": "/"}
    assert found.failures[1] == "row 1: the line is empty"
    assert found.failures[2].startswith("row 2 is no JSON: ")


def answers(*many: tuple[int, bytes, str]) -> Answer:
    waiting = list(many)

    def answer(handler: Any, _body: bytes) -> None:
        status, content, kind = waiting.pop(0)
        reply(handler, status, content, kind)

    return answer


@pytest.mark.parametrize(
    ("answer", "line", "cause"),
    [
        pytest.param((200, b'{ "a" : 1.50 }\n', "application/json"), b'{"a":1.50}', "", id="compact"),
        pytest.param((200, b"12345678901234567890123", "text/html"), b"12345678901234567890123", "", id="digits"),
        pytest.param((201, b"a cat", "text/plain"), b'"a cat"', "", id="text"),
        pytest.param((204, b"", "text/plain"), b"null", "", id="empty"),
        pytest.param((200, b"\xff", "image/png"), b"", "no JSON, of type image/png", id="image"),
        pytest.param(
            (400, b'{"error_msg": "bad\\nrow"}', "application/json"), b"", "answered 400: bad row", id="400"
        ),
        pytest.param((422, b'{"detail": [{"x": 1}]}', "application/json"), b"", '422: [{"x": 1}]', id="422"),
        pytest.param((500, b"<h1>no</h1>", "text/html"), b"", "answered 500: <h1>no</h1>", id="500"),
        pytest.param((302, b"", "text/html"), b"", "answered 302.", id="redirect"),
        pytest.param((200, b'{"a": "\xff"}', "application/json"), b"", "no JSON", id="not text"),
    ],
)
def test_answers(answer: tuple[int, bytes, str], line: bytes, cause: str) -> None:
    found = ran(answers(answer), b"1\n", 1)
    if line:
        assert found.raw == line + b"\n"
    else:
        assert cause in found.failures[0]


def test_one_that_is_busy_is_asked_again() -> None:
    busy = (503, b"", "text/plain")
    assert ran(answers(busy, busy, (200, b"1", "application/json")), b"1\n", 1).lines == [1]


def test_one_that_stays_busy_until_the_time_is_over() -> None:
    found = ran(lambda handler, _: reply(handler, 429, b"slow down", "text/plain"), b"1\n", 1, timeout_s=0.05)
    assert found.failures == {0: "The model answered 429: slow down"}


def test_one_that_breaks_off() -> None:
    asked: list[bytes] = []

    def answer(handler: Any, body: bytes) -> None:
        asked.append(body)
        if body == b"2":
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
        else:
            echo(handler, body)

    found = ran(answer, b"1\n2\n3\n", 3, count=1)
    assert found.failures == {1: "The model ended the connection 3 times without an answer."}
    assert [found.lines[0]["got"], found.lines[2]["got"]] == [1, 3]
    assert 3 <= asked.count(b"2") <= 4  # once more where an idle connection may have been the cause


def test_one_that_does_not_answer_in_time() -> None:
    go_on = threading.Event()

    def answer(handler: Any, body: bytes) -> None:
        if body == b"1":
            assert go_on.wait(20)
        with contextlib.suppress(OSError):
            echo(handler, body)
        go_on.set()

    found = ran(answer, b"1\n2\n", 2, timeout_s=0.2, count=1)
    assert found.failures == {0: "The model did not answer within 0.2 s."}


def test_a_worker_without_a_model_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    over = OverHttp(f"http://127.0.0.1:{port}", 1, 0.01)
    rows = over.predictor(Split(Job("jsonl"), 0, 0, 0, 0, 1))
    with pytest.raises(GoneError):
        rows.answer([b"1"], [0])


@pytest.mark.parametrize("url", ["https://127.0.0.1", "127.0.0.1:80", "http://", "http://h:x"])
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(LoadError, match="MODELYARD_BATCH_URL"):
        OverHttp(url, 1, 1)


def test_an_upload_is_a_form() -> None:
    upload = Upload('a "b".png', b"\r\n--x\x00", "image/png")
    body, kind = form("image", upload)
    found = multipart.form(body, multipart.boundary(kind))
    ((name, file),) = found["image"].items()
    assert (name, file.content_type, file.read()) == ('a "b".png', "image/png", upload.content)


def test_files_are_forms_or_bodies() -> None:
    seen: list[tuple[str, bytes]] = []

    def answer(handler: Any, body: bytes) -> None:
        seen.append((handler.headers["content-type"], body))
        reply(handler)

    for field in ("image", ""):
        job = {"format": "file", "file_field": field}
        with reached(answer) as (plane, _):
            found = plane.run(split(job, rows=1, files=[{"name": "a.png", "size": 3}]), [b"abc"])
        assert found.lines == [{}]
    assert seen[0][0].startswith("multipart/form-data; boundary=")
    assert seen[1] == ("image/png", b"abc")
    assert json.dumps(found.failures) == "{}"


def test_a_stranger_on_the_port_of_its_command_gets_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with (
        model(echo) as (url, connections),
        closing(OverHttp(url, 1, 0.05, own_socket=str(tmp_path / "own.sock"))) as over,
        pytest.raises(GoneError),
    ):
        over.predictor(Split(Job("jsonl"), 0, 0, 0, 0, 1)).answer([b"1"], [0])
    assert connections == []


def test_a_command_is_reached_on_its_port_and_on_its_socket(tmp_path: Path) -> None:
    """Also one that has few wait for it at a time."""
    own = tmp_path / "own.sock"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reply(self, content=b'"by its socket"')

        def address_string(self) -> str:
            return "worker"

        def log_message(self, *_: Any) -> None: ...

    class Server(socketserver.ThreadingUnixStreamServer):
        request_queue_size = 0
        daemon_threads = True

    items = [b"1"] * 64
    with model(echo) as (url, _), closing(OverHttp(url, 16, 20, own_socket=str(own))) as over:
        rows = over.predictor(Split(Job("jsonl"), 0, 0, 0, 0, len(items)))
        assert b'"got":1' in rows.answer([b"1"], [0]).lines[0]
        over.close()
        with Server(str(own), Handler) as server:
            serving = threading.Thread(target=server.serve_forever, args=(0.01,))
            serving.start()
            try:
                assert set(rows.answer(items, range(64)).lines) == {b'"by its socket"\n'}
            finally:
                server.shutdown()
                serving.join()
