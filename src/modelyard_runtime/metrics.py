"""What the model server counts, as Prometheus text, on a socket of its own.

Not on the socket of the callers: the gateway forwards every path there, so a path would be the callers' too (and a
package may declare `/metrics` itself). To tell callers apart by the headers that a gateway adds would make our
security depend on the gateway's configuration. A second socket is reached only by those who can open it.

The thread that answers here reads the tallies of the others, which neither wait for it nor know of it.
"""

import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from modelyard_runtime.ledger import BATCH_ROWS, LATENCY_S, QUEUE_S, Histogram, Ledger, Tally

_PATIENCE_S = 2.0
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text(ledger: Ledger, phases_s: dict[str, float]) -> str:
    """`phases_s`: where the time from the start of the process to ready went; empty until it is ready."""
    tallies = ledger.tallies
    lines = [
        *_value("requests_total", "counter", "Requests that began, health checks not counted.", ledger.begun),
        *_answers(tallies),
        *_value("callers_left_total", "counter", "Callers that left before their answer.", _left(tallies)),
        *_value(
            "refused_total",
            "counter",
            "Requests that would have waited longer than the time limit.",
            sum([t.refused for t in tallies]),
        ),
        *_value("in_flight", "gauge", "Requests that are not answered yet.", ledger.in_flight),
        *_histogram(
            "request_seconds",
            "From the head of a request to its answer.",
            [t.latency_s for t in tallies],
            LATENCY_S,
        ),
        *_histogram(
            "queue_seconds", "From the head of a request to its call.", [t.queue_s for t in tallies], QUEUE_S
        ),
        *_histogram("batch_rows", "Rows of one call.", [t.batch_rows for t in tallies], BATCH_ROWS),
        *_starts(phases_s),
        *_process(),
    ]
    return "\n".join(lines) + "\n"


def _head(name: str, kind: str, about: str) -> Iterator[str]:
    yield f"# HELP modelyard_{name} {about}"
    yield f"# TYPE modelyard_{name} {kind}"


def _value(name: str, kind: str, about: str, value: float) -> Iterator[str]:
    yield from _head(name, kind, about)
    yield f"modelyard_{name} {value}"


def _answers(tallies: Sequence[Tally]) -> Iterator[str]:
    yield from _head("answers_total", "counter", "Answers by the class of their status.")
    for hundreds in range(1, 6):
        count = sum([t.answers[hundreds] for t in tallies])
        yield f'modelyard_answers_total{{status="{hundreds}xx"}} {count}'


def _left(tallies: Sequence[Tally]) -> int:
    return sum([t.answers[0] for t in tallies])


def _histogram(name: str, about: str, parts: Sequence[Histogram], bounds: tuple[float, ...]) -> Iterator[str]:
    yield from _head(name, "histogram", about)
    sums = [sum([part.counts[n] for part in parts]) for n in range(len(bounds) + 1)]
    so_far = 0
    for bound, count in zip((*bounds, "+Inf"), sums, strict=True):
        so_far += count
        yield f'modelyard_{name}_bucket{{le="{bound}"}} {so_far}'
    yield f"modelyard_{name}_sum {sum([part.total for part in parts])}"
    yield f"modelyard_{name}_count {so_far}"


def _starts(phases_s: dict[str, float]) -> Iterator[str]:
    yield from _head("start_seconds", "gauge", "Where the time from the start of the process to ready went.")
    for phase, took in phases_s.items():
        yield f'modelyard_start_seconds{{phase="{phase}"}} {took:.6f}'


def _process() -> Iterator[str]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    yield "# TYPE process_cpu_seconds_total counter"
    yield f"process_cpu_seconds_total {cpu:.3f}"
    with suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        yield "# TYPE process_resident_memory_bytes gauge"
        yield f"process_resident_memory_bytes {int(file.read().split()[1]) * resource.getpagesize()}"


def serve(listener: socket.socket, content: Callable[[], str]) -> None:
    """Answers whatever is asked on `listener` with `content`, from a thread of its own; HTTP/1.0."""
    threading.Thread(target=_serve, args=(listener, content), name="metrics", daemon=True).start()


def _serve(listener: socket.socket, content: Callable[[], str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError as error:  # out of descriptors, for example; never the end of the server
            print(f"metrics: {error}", file=sys.stderr)
            time.sleep(1)
            continue
        with connection, suppress(OSError):
            connection.settimeout(_PATIENCE_S)
            answer(connection, content)


def answer(connection: socket.socket, content: Callable[[], str]) -> None:
    """One request. Raises OSError."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 16_384:
        more = connection.recv(4_096)
        if not more:
            return
        head += more
    method, _, rest = head.partition(b" ")
    asked_for_metrics = method == b"GET" and rest.partition(b" ")[0].partition(b"?")[0] == b"/metrics"
    body = content().encode() if asked_for_metrics else b"GET /metrics\n"
    status = "200 OK" if asked_for_metrics else "404 Not Found"
    connection.sendall(
        f"HTTP/1.0 {status}\r\ncontent-type: {_CONTENT_TYPE}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
        + body
    )
