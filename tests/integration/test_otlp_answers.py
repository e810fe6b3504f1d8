"""What a receiver of logs and traces over HTTP may answer: it neither stops who sends, nor fills its memory."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from modelyard.core.backoff import delay_ms
from modelyard.otlp.base import HTTP, MOST_AFTER_S, TRACES, ReceiverAwayError
from modelyard.otlp.transport import MOST_ANSWER, transport

ENDLESS = 64 * 1024 * 1024


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server of one exchange."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            there, _ = listening.accept()
            with there:
                there.recv(65536)
                answer(there)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(("said", "waits"), [("99999999", MOST_AFTER_S), ("9" * 400, MOST_AFTER_S), ("7", 7)])
async def test_a_receiver_stops_the_export_for_a_bounded_time(said: str, waits: float) -> None:
    head = f"HTTP/1.1 503 Away\r\nRetry-After: {said}\r\nContent-Length: 0\r\n\r\n".encode()
    with answering(lambda there: there.sendall(head)) as url:
        way = transport(TRACES, url, HTTP, {})
        with pytest.raises(ReceiverAwayError) as away:
            await way.send(b"")
        await way.close()
    assert away.value.after_s == waits
    assert delay_ms(50) / 1000 <= MOST_AFTER_S  # which is no more than the sender's own patience


@pytest.mark.parametrize("status", ["200 OK", "503 Away"])
async def test_an_answer_is_read_as_far_as_one_may_be_long(status: str) -> None:
    written = 0

    def endless(there: socket.socket) -> None:
        nonlocal written
        there.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {ENDLESS}\r\n\r\n".encode())
        try:
            while written < ENDLESS:
                written += there.send(bytes(64 * 1024))
        except OSError:
            return

    with answering(endless) as url:
        way = transport(TRACES, url, HTTP, {})
        if status.startswith("200"):
            assert await way.send(b"") == b""
        else:
            with pytest.raises(ReceiverAwayError):
                await way.send(b"")
        await way.close()
    assert written < ENDLESS / 2


async def test_an_answer_of_a_sensible_length_is_whole() -> None:
    body = b"x" * MOST_ANSWER
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with answering(lambda there: there.sendall(head + body)) as url:
        way = transport(TRACES, url, HTTP, {})
        assert await way.send(b"") == body
        await way.close()
