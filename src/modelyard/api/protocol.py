"""HTTP/1.1 of the API, by h11: it leaves methods to the application and ignores offers to upgrade.

httptools is some 0.1 ms faster, where a call of the API takes ten. But it knows a list of methods, refuses CONNECT
to HOST:PORT with a text that no client of the API can read, and loses the body of a request that offers
`Upgrade: h2c`, as Java's client does.

Beyond h11, in three respects:

- What the gateway or another proxy may read differently is refused and the connection closed (`Strict`): a length
  beside Transfer-Encoding, bare line feeds, folded lines, Transfer-Encoding in HTTP/1.0.
- A connection has a time for each stage, and there are not endlessly many (`arrivals`).
- An answer that comes before the whole request did is not lost: what still comes is read and thrown away for a
  while, since closing at once would make the client's system drop the answer.
"""

import asyncio
import json
import re
import resource
import uuid
from collections.abc import Collection, Iterable
from typing import Any

import h11
from h11._receivebuffer import ReceiveBuffer
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from modelyard.api.arrivals import ARRIVAL, Arrival, Rules, Stage

SWEEP_S = 1.0
READ_BYTES = 32 * 1024
"""What is read of a connection at once, and so how much more than it was asked for it may make us hold."""
RESERVED_FILES = 512
"""File descriptors that connections leave to the database, the instances and the gateway."""

AMBIGUOUS = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)|\r\n[ \t]")
"""A bare LF or CR, and a line that goes on in the next one: RFC 9112, 2.2 and 5.2."""

UNREADABLE = "The request cannot be read as HTTP/1.1."
TOO_SLOW = "The request did not arrive in time, or too many arrive at once. Send it again."


def framing(request: h11.Request) -> str | None:
    """What is wrong with how a request says where it ends (RFC 9112, 6.1); h11 refuses the rest itself."""
    names = [name for name, _ in request.headers]
    if b"transfer-encoding" not in names:
        return None
    if b"content-length" in names:
        return "Content-Length beside Transfer-Encoding"
    return "Transfer-Encoding in HTTP/1.0" if request.http_version < b"1.1" else None


class _Lines(ReceiveBuffer):
    """Heads and trailers in lines that end in CRLF, each a line of its own."""

    def maybe_extract_lines(self) -> list[bytearray] | None:
        end = self._data.find(b"\r\n\r\n")
        head = self._data if end < 0 else self._data[: end + 4]
        if head[:2] != b"\r\n" and AMBIGUOUS.search(head):
            raise h11.LocalProtocolError("bare or folded line")
        return super().maybe_extract_lines()


class Strict(h11.Connection):
    """h11's server, without what it is lenient about."""

    def __init__(self, max_head_bytes: int) -> None:
        super().__init__(h11.SERVER, max_head_bytes)
        self._receive_buffer = _Lines()

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request) and (wrong := framing(event)):
            raise h11.RemoteProtocolError(wrong)
        return event


class Arrivals:
    """The connections of one server, looked through every second while there are any."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._of: dict[Arrival, Protocol] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._most = rules.bounds.connections or most_connections()

    def protocol(self, **given: Any) -> "Protocol":
        """`uvicorn.Config(http=…)`."""
        return Protocol(self, **given)

    def add(self, arrival: Arrival, protocol: "Protocol") -> None:
        if len(self._of) >= self._most:
            gone = self.rules.displaced(self._of, arrival.since)
            (protocol if gone is None else self._of[gone]).drop()
            if gone is None:
                return
            self._of.pop(gone, None)
        self._of[arrival] = protocol
        if self._timer is None:
            self._timer = protocol.loop.call_later(SWEEP_S, self._sweep, protocol.loop)

    def remove(self, arrival: Arrival) -> None:
        self._of.pop(arrival, None)

    def found(self) -> Collection[Arrival]:
        return self._of.keys()

    def end_overdue(self, now: float) -> None:
        for one in self.rules.overdue(self._of, now):
            self._of[one].end_late()

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self.end_overdue(loop.time())
        if self._of:
            self._timer = loop.call_later(SWEEP_S, self._sweep, loop)


def most_connections() -> int:
    """As many as this process may have files open, less what the rest of it needs."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1_000_000 if soft == resource.RLIM_INFINITY else max(soft - RESERVED_FILES, soft // 2)


class _Transport:
    """The transport, but for `close`: that is the protocol's to do."""

    def __init__(self, real: asyncio.Transport, protocol: "Protocol") -> None:
        self._real = real
        self._protocol = protocol

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def close(self) -> None:
        self._protocol.close()

    def is_closing(self) -> bool:
        return self._protocol.arrival.stage is Stage.LINGER or self._real.is_closing()


class _Flow(FlowControl):
    """What comes after a request waits outside until that is answered, whoever wants to read on."""

    def __init__(self, transport: asyncio.Transport, protocol: "Protocol") -> None:
        super().__init__(transport)
        self._protocol = protocol

    def resume_reading(self) -> None:
        if self._protocol.arrival.stage is not Stage.BUSY:
            super().resume_reading()


class Protocol(H11Protocol):
    """One connection; see `Arrivals.protocol`."""

    def __init__(
        self,
        arrivals: Arrivals,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.arrival = Arrival("", 0.0)
        super().__init__(config, server_state, {**app_state, ARRIVAL: self.arrival}, _loop)
        self.arrival.since = self.loop.time()
        self.conn = Strict(self.conn._max_incomplete_event_size)
        self._arrivals = arrivals

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._real = transport
        if hasattr(transport, "max_size"):  # of asyncio's own transports: 256 KiB
            transport.max_size = READ_BYTES
        super().connection_made(_Transport(transport, self))  # type: ignore[arg-type]
        self.flow = _Flow(self.transport, self)
        self.arrival.address = self.client[0] if self.client else ""
        self._arrivals.add(self.arrival, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrivals.remove(self.arrival)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        now = self.loop.time()
        if self.arrival.stage is not Stage.LINGER:
            if self.arrival.stage in {Stage.NEW, Stage.IDLE}:
                self.arrival.enter(Stage.HEAD, now)
            super().data_received(data)
            self._note(now)
        self.arrival.received += len(data)
        if self.arrival.stage is Stage.LINGER and self.arrival.received > self._arrivals.rules.bounds.linger_bytes:
            self.drop()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        now = self.loop.time()
        if self.arrival.stage is Stage.UPLOAD:  # nobody reads on
            self.arrival.enter(Stage.BODY, now)
        self._note(now)
        self.flow.resume_reading()

    def _note(self, now: float) -> None:
        """The stage, from what h11 has read and not read."""
        if self.arrival.stage is Stage.LINGER:
            return
        if self.conn.their_state is h11.SEND_BODY:
            if self.arrival.stage is not Stage.UPLOAD:
                self.arrival.enter(Stage.BODY, now)
        elif self.conn.their_state is not h11.IDLE:
            self.arrival.enter(Stage.BUSY, now)
            self.flow.pause_reading()
        else:
            self.arrival.enter(Stage.HEAD if self.conn.trailing_data[0] else Stage.IDLE, now)

    def pause_writing(self) -> None:
        self.arrival.stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.arrival.stalled_since = None
        super().resume_writing()

    def shutdown(self) -> None:
        if self.arrival.stage in {Stage.NEW, Stage.HEAD, Stage.LINGER}:
            self.drop()
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """What nobody sends needs no lingering."""
        self.drop()

    def close(self) -> None:
        """After an answer. While the request still comes, only our half ends: see the module."""
        whole = self.conn.their_state in {h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.IDLE}
        if whole and not self.conn.trailing_data[0]:
            self._real.close()
        elif self.arrival.stage is not Stage.LINGER and not self._real.is_closing():
            self.arrival.enter(Stage.LINGER, self.loop.time())
            self._unset_keepalive_if_required()
            self.flow.resume_reading()
            self._real.write_eof()

    def drop(self) -> None:
        """At once."""
        self._unset_keepalive_if_required()
        self._real.abort() if self.arrival.stalled_since is not None else self._real.close()

    def end_late(self) -> None:
        """Its time is over: who was in the middle of a request is told, and the application too."""
        answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self.arrival.stage not in {Stage.HEAD, Stage.BODY} or answered:
            self.drop()
            return
        if self.arrival.stage is Stage.HEAD or not self.cycle.response_started:
            self._real.write(_answer("408 Request Timeout", TOO_SLOW))
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.drop()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read never reaches the application, so the one shape of errors is made here once more."""
        self._real.write(_answer("400 Bad Request", UNREADABLE))
        if self.cycle is not None and not self.cycle.response_complete:  # a body that breaks off in its framing
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.close()


def _answer(status: str, text: str) -> bytes:
    request_id = uuid.uuid4().hex
    body = json.dumps({"error_code": "ModelArts.0104", "error_msg": text, "message": text})
    head: Iterable[str] = (
        f"HTTP/1.1 {status}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        f"x-request-id: {request_id}",
        f"x-openstack-request-id: req-{request_id}",
        "connection: close",
    )
    return "\r\n".join((*head, "", body)).encode("ascii")
