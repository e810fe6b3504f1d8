"""Counters as Prometheus text, and the socket that they are on."""

import socket
import threading

import pytest

from modelyard_runtime.ledger import Ledger
from modelyard_runtime.metrics import answer, serve, text


def counted() -> Ledger:
    ledger = Ledger()
    ledger.begun = 5
    ledger.finish(200, 0.002)
    ledger.finish(503, 0.2)
    ledger.finish()
    other = threading.Thread(target=ledger.finish, args=(200, 100.0))
    other.start()
    other.join()
    ledger.mine.batch_rows.add(3)
    ledger.mine.refused += 1
    return ledger


@pytest.mark.parametrize(
    "line",
    [
        "modelyard_requests_total 5",
        'modelyard_answers_total{status="2xx"} 2',
        'modelyard_answers_total{status="4xx"} 0',
        'modelyard_answers_total{status="5xx"} 1',
        "modelyard_callers_left_total 1",
        "modelyard_refused_total 1",
        "modelyard_in_flight 1",
        'modelyard_request_seconds_bucket{le="0.001"} 0',
        'modelyard_request_seconds_bucket{le="0.0025"} 1',
        'modelyard_request_seconds_bucket{le="0.25"} 2',
        'modelyard_request_seconds_bucket{le="60.0"} 2',
        'modelyard_request_seconds_bucket{le="+Inf"} 3',
        "modelyard_request_seconds_sum 100.202",
        "modelyard_request_seconds_count 3",
        'modelyard_batch_rows_bucket{le="4"} 1',
        'modelyard_start_seconds{phase="imports"} 0.500000',
    ],
)
def test_lines(line: str) -> None:
    assert line in text(counted(), {"imports": 0.5}).splitlines()


def test_a_bound_is_inclusive() -> None:
    ledger = Ledger()
    ledger.finish(200, 0.001)
    assert 'modelyard_request_seconds_bucket{le="0.001"} 1' in text(ledger, {}).splitlines()


def exchange(request: bytes) -> bytes:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(request)
        here.shutdown(socket.SHUT_WR)
        answer(there, lambda: "counted 1\n")
        there.close()
        return here.makefile("rb").read()


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        pytest.param(b"GET /metrics HTTP/1.1", b"200 OK", b"counted 1\n", id="metrics"),
        pytest.param(b"GET /metrics?x=1 HTTP/1.1", b"200 OK", b"counted 1\n", id="with a query"),
        pytest.param(b"GET / HTTP/1.1", b"404 Not Found", b"GET /metrics\n", id="elsewhere"),
        pytest.param(b"POST /metrics HTTP/1.1", b"404 Not Found", b"GET /metrics\n", id="another method"),
    ],
)
def test_answers(request_line: bytes, status: bytes, body: bytes) -> None:
    head, _, found = exchange(request_line + b"\r\nhost: x\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 " + status)
    assert found == body


def test_half_a_request_gets_nothing() -> None:
    assert exchange(b"GET /metr") == b""


def test_it_serves_one_after_another() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    serve(listener, lambda: "counted 1\n")
    for _ in range(3):
        with socket.create_connection(listener.getsockname(), timeout=10) as caller:
            caller.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert caller.makefile("rb").read().endswith(b"counted 1\n")
