"""A worker of a batch service as the engine starts it: a real process on a listening socket."""

import http.client
import json
import re
import signal
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runtime.batch.test_over_http import model, reply
from tests.worlds.batch_worker import CSV, Plane, Ran, split
from tests.worlds.model_server import HEAD, Connection, Instance

ECHO = (
    HEAD
    + """
class Echo(SingleNodeService):
    def _inference(self, data):
        return {"got": data}
"""
)
SMALL = (
    HEAD
    + """
class Small(SingleNodeService):
    def _inference(self, data):
        return len(data[0])
"""
)
SLOW = (
    HEAD
    + """
import time
class Slow(SingleNodeService):
    def _inference(self, data):
        if data == ["wait"]:
            time.sleep(3600)
        return data
"""
)


def worker(tmp_path: Path, script: str, **env: str) -> Instance:
    package = tmp_path / "model"
    package.mkdir()
    (package / "config.json").write_text('{"model_type": "Custom", "apis": []}')
    (package / "customize_service.py").write_text(script)
    counted = str(tmp_path / "metrics")
    return Instance(tmp_path, package, MODELYARD_BATCH="1", MODELYARD_METRICS_SOCKET=counted, **env)


def test_it_says_how_it_is_and_predicts(tmp_path: Path) -> None:
    instance = worker(tmp_path, ECHO)
    try:
        instance.until_ready()
        status, _, headers = instance.health()
        assert (status, headers["x-in-flight"], headers["x-requests"]) == (200, "0", "0")
        plane = Plane.connected(instance.path)
        content = b"a\nb\nc\n"
        ran = plane.run(split(CSV, content, 3), [content])
        assert ran.lines == [{"got": ["a"]}, {"got": ["b"]}, {"got": ["c"]}]
        assert instance.health()[2]["x-requests"] == "3"
        assert instance.request("GET", "/batch")[0] == 426
        assert instance.request("GET", "/")[0] == 404
        counted = metrics(tmp_path / "metrics")
        assert 'modelyard_answers_total{status="2xx"} 3' in counted
        plane.close()
    finally:
        instance.process.send_signal(signal.SIGTERM)
        code, log = instance.end()
    assert code == 0, log
    assert "stopping" in log
    assert "Traceback" not in log


def metrics(path: Path) -> str:
    connection = Connection(path)
    try:
        connection.request("GET", "/metrics")
        reply: http.client.HTTPResponse = connection.getresponse()
        return reply.read().decode()
    finally:
        connection.close()


def test_a_signal_ends_it_at_once_and_publishes_nothing_more(tmp_path: Path) -> None:
    instance = worker(tmp_path, SLOW)
    instance.until_ready()
    with closing(Plane.connected(instance.path)) as plane:
        content = b"first\nwait\n"
        asked = split(CSV, content, 2, flush_s=0.01)
        plane.send(b"S", json.dumps(asked).encode())
        ran = Ran()
        while not ran.published:  # what is done is published while the next row is being predicted
            plane.step(ran, asked, [content])
        instance.process.send_signal(signal.SIGTERM)
        with pytest.raises((EOFError, ConnectionError)):
            plane.receive()
    code, log = instance.end()
    assert code == 0, log
    assert ran.lines == [["first"]]


def test_the_log_says_where_a_row_is_stuck(tmp_path: Path) -> None:
    instance = worker(tmp_path, SLOW, MODELYARD_REQUEST_TIMEOUT_S="1")
    instance.until_ready()
    with closing(Plane.connected(instance.path)) as plane:
        asked = split(CSV, b"wait\n", 1)
        plane.send(b"S", json.dumps(asked).encode())
        plane.step(Ran(), asked, [b"wait\n"])
        for _ in range(3):
            instance.health()
            time.sleep(0.6)
        instance.health()
    instance.process.send_signal(signal.SIGTERM)
    assert "no request has ended for 1 s, 1 in flight: in customize_service.py:8 (_inference)" in instance.end()[1]


def test_nonsense_ends_the_connection_and_not_the_worker(tmp_path: Path) -> None:
    instance = worker(tmp_path, ECHO)
    instance.until_ready()
    with closing(Plane.connected(instance.path)) as plane:
        plane.send(b"S", b"{")
        with pytest.raises((EOFError, ConnectionError)):
            plane.receive()
    assert instance.health()[0] == 200
    instance.process.send_signal(signal.SIGTERM)
    assert instance.end()[0] == 0


def test_a_newer_connection_replaces_the_older(tmp_path: Path) -> None:
    instance = worker(tmp_path, ECHO)
    instance.until_ready()
    content = b"a\n"
    with closing(Plane.connected(instance.path)) as older, closing(Plane.connected(instance.path)) as newer:
        with pytest.raises((EOFError, ConnectionError)):
            older.receive()
        assert newer.run(split(CSV, content, 1), [content]).lines == [{"got": ["a"]}]
    instance.process.send_signal(signal.SIGTERM)
    instance.end()


def test_a_model_that_listens_elsewhere(tmp_path: Path) -> None:
    def echo(handler: Any, body: bytes) -> None:
        reply(handler, content=b'{"got": %s}' % body)

    with model(echo) as (url, _):
        instance = Instance(tmp_path, tmp_path, MODELYARD_BATCH="1", MODELYARD_BATCH_URL=url)
        instance.until_ready()
        with closing(Plane.connected(instance.path)) as plane:
            assert plane.run(split(CSV, b"a\n", 1), [b"a\n"]).lines == [{"got": ["a"]}]
        instance.process.send_signal(signal.SIGTERM)
        code, log = instance.end()
    assert code == 0, log


def test_it_waits_for_a_model_that_does_not_listen_yet(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    instance = Instance(tmp_path, tmp_path, MODELYARD_BATCH="1", MODELYARD_BATCH_URL=url)
    instance.until(lambda: instance.health()[0] == 503)
    with socket.create_server(("127.0.0.1", port)):
        instance.until_ready()
    instance.process.send_signal(signal.SIGTERM)
    assert instance.end()[0] == 0


class Repeated:
    """A file of one line again and again, which nobody holds."""

    def __init__(self, line: bytes, count: int) -> None:
        self._lines = line * (2 + 1024 * 1024 // len(line))
        self._size = len(line)
        self.length = self._size * count

    def __getitem__(self, asked: slice) -> bytes:
        start = asked.start % self._size
        return self._lines[start : start + min(asked.stop, self.length) - asked.start]


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    instance = worker(tmp_path, SMALL)
    instance.until_ready()
    with closing(Plane.connected(instance.path)) as plane:
        memory = []
        for rows in (50_000, 250_000):
            content = Repeated(b'"%s",1\n' % (b"x" * 994), rows)
            asked = split(CSV, b"", rows, end=content.length, size=content.length, flush_bytes=100_000)
            ran = plane.run(asked, [content])  # type: ignore[list-item]
            assert ran.rows == rows
            found = re.search(r"^process_resident_memory_bytes (\d+)", metrics(tmp_path / "metrics"), re.MULTILINE)
            assert found is not None
            memory.append(int(found[1]))
    instance.process.send_signal(signal.SIGTERM)
    instance.end()
    grown = memory[1] - memory[0]
    assert grown < 128 * 1024 * 1024  # of 200 MB
    assert memory[1] < 256 * 1024 * 1024
