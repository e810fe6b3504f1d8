"""The callers of the demo, in a process of their own: ask, check every answer, count.

    python load.py < orders        the first line says what to ask and where; each later line begins a new window

Keep-alive callers send their next request when the answer to the last one is in; a connecting caller opens a
connection for each request. A request failed if its connection broke, no answer came within ten seconds, its
status was not 200, or its answer was not the one that the model version which signed it must give. After a
failure a caller pauses for 20 ms, so that a service that is down is not hammered.

Once every 200 ms, and when a window ends, one JSON line tells the window. Times are CLOCK_MONOTONIC seconds,
which every process of a machine shares.
"""

import asyncio
import json
import sys
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import uvloop

PAUSE_S = 0.02
PATIENCE_S = 10.0
REPORT_S = 0.2


@dataclass
class Question:
    """One request as it goes over the wire, and what each model version must answer."""

    wire: bytes
    answers: dict[str, str]


@dataclass
class Window:
    """What was seen between two orders. `first` and `last`: when a version answered first and last."""

    name: str
    began: float
    failed: int = 0
    by_version: Counter = field(default_factory=Counter)
    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    errors: Counter = field(default_factory=Counter)
    latencies_us: array = field(default_factory=lambda: array("I"))

    def success(self, version: str, began: float, now: float) -> None:
        self.latencies_us.append(int((now - began) * 1e6))
        self.by_version[version] += 1
        self.first.setdefault(version, now)
        self.last[version] = now

    def failure(self, why: str, began: float, now: float) -> None:
        self.latencies_us.append(int((now - began) * 1e6))
        self.failed += 1
        self.errors[why] += 1

    def report(self, final: bool) -> dict:
        """Everything about the window; the percentile only at its end, since it costs a sort."""
        ordered = sorted(self.latencies_us) if final else ()
        return {
            "name": self.name,
            "final": final,
            "seconds": time.monotonic() - self.began,
            "requests": len(self.latencies_us),
            "failed": self.failed,
            "worst_ms": max(self.latencies_us, default=0) / 1000,
            "p99_ms": ordered[len(ordered) * 99 // 100] / 1000 if ordered else 0.0,
            "by_version": self.by_version,
            "first": self.first,
            "last": self.last,
            "errors": dict(self.errors.most_common(5)),
        }


class Load:
    """All callers and the present window."""

    def __init__(self, questions: list[Question], host: str, port: int) -> None:
        self.questions = questions
        self.address = host, port
        self.window = Window("between steps", time.monotonic())
        self.turn = 0
        self._known: dict[bytes, tuple[str, str]] = {}

    def begin(self, name: str) -> None:
        """End the window and begin another."""
        tell(self.window.report(final=True))
        self.window = Window(name, time.monotonic())

    def question(self) -> Question:
        self.turn = (self.turn + 1) % len(self.questions)
        return self.questions[self.turn]

    def judge(self, question: Question, status: bytes, body: bytes, began: float) -> bool:
        """Count one answer; whether it was right."""
        now = time.monotonic()
        if status != b"200":
            self.window.failure(f"status {status.decode()} {code(body)}".strip(), began, now)
            return False
        version, label = self._read(body)
        if question.answers.get(version) != label:
            self.window.failure(f"wrong answer {body[:120].decode(errors='replace')}", began, now)
            return False
        self.window.success(version, began, now)
        return True

    def _read(self, body: bytes) -> tuple[str, str]:
        """Version and label of an answer. There are few different ones, so each is parsed once."""
        if body not in self._known:
            try:
                answer = json.loads(body)
                read = answer["model_version"], answer["data"]["resp_data"][0]["predictresult"]
            except (ValueError, KeyError, IndexError, TypeError):
                read = "", ""
            if len(self._known) >= 1000:
                return read
            self._known[body] = read
        return self._known[body]


class Caller(asyncio.Protocol):
    """One caller. `keep_alive` False: a new connection for every request."""

    def __init__(self, load: Load, keep_alive: bool) -> None:
        self.load = load
        self.keep_alive = keep_alive
        self.loop = asyncio.get_running_loop()
        self.question: Question | None = None
        self.began = 0.0

    async def connect(self) -> None:
        self.began = time.monotonic()
        self.received = b""
        try:
            await self.loop.create_connection(lambda: self, *self.load.address)
        except OSError as e:
            self.load.window.failure(f"no connection: {e.strerror or e}", self.began, time.monotonic())
            self.later()

    def later(self, delay_s: float = PAUSE_S) -> None:
        self.loop.call_later(delay_s, lambda: self.loop.create_task(self.connect()))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.closing = False
        self.ask(self.began)

    def ask(self, began: float) -> None:
        self.began = began
        self.received = b""
        self.question = self.load.question()
        self.transport.write(self.question.wire)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or self.question is None:
            return
        fields = head.lower()
        at = fields.find(b"content-length:")
        if at < 0 or len(body) < int(fields[at + 15 :].split(b"\r\n", 1)[0]):
            return
        question, self.question = self.question, None
        good = self.load.judge(question, head[9:12], body, self.began)
        if self.keep_alive and good and b"connection: close" not in fields:
            self.ask(time.monotonic())
        else:
            self.closing = True
            self.transport.close()
            self.later(0.0 if good and self.keep_alive else PAUSE_S if not good else 0.002)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.closing:
            return
        if self.question is not None:
            self.question = None
            self.load.window.failure(f"connection lost: {exc or 'closed'}", self.began, time.monotonic())
        self.later()

    def check(self, now: float) -> None:
        """Give up on an answer that is too late."""
        if self.question is not None and now - self.began > PATIENCE_S:
            self.transport.abort()


def code(body: bytes) -> str:
    """The error code in a body of the API, if it is one."""
    try:
        return str(json.loads(body).get("error_code", ""))
    except (ValueError, AttributeError):
        return ""


def tell(report: dict) -> None:
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


def wire(url: str, token: str, body: bytes) -> bytes:
    """A whole HTTP/1.1 request."""
    parts = urlsplit(url)
    head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Auth-Token: {token}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def orders(load: Load) -> None:
    """Begin a window for every line on standard input; return when it closes."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        load.begin(line.decode().strip())


async def run() -> None:
    task = json.loads(sys.stdin.buffer.raw.readline())  # type: ignore[attr-defined]
    url = urlsplit(task["url"])
    questions = [
        Question(wire(task["url"], task["token"], json.dumps(each["body"]).encode()), each["answers"])
        for each in task["questions"]
    ]
    load = Load(questions, url.hostname or "", url.port or 80)
    callers = [
        Caller(load, keep_alive=n < task["keep_alive"]) for n in range(task["keep_alive"] + task["connecting"])
    ]
    for caller in callers:
        await caller.connect()
    ordering = asyncio.create_task(orders(load))
    while not ordering.done():
        await asyncio.wait([ordering], timeout=REPORT_S)
        now = time.monotonic()
        for caller in callers:
            caller.check(now)
        tell(load.window.report(final=ordering.done()))


if __name__ == "__main__":
    uvloop.run(run())
