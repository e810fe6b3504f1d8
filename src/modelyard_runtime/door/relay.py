"""Relays the connections of an instance's socket to its program, in one thread.

    relay = Relay(listening, tcp("127.0.0.1", 8080), uncounted=…, counts=…)
    threading.Thread(target=relay.run).start()
    …
    relay.stop(5.0)     # takes nobody more; `run` returns when everybody inside has all answers, or after 5 s

Promises:

- Bytes go both ways as they come, and nothing is parsed: HTTP of any kind, events, WebSockets. The end of one
  side's words is passed on as such; so is a break of the program's connection, and that its caller is gone.
- Whoever reads slowly makes the other side wait; no more than 64 KiB are held for it.
- While the program has not opened its port the connection waits, `patience_s` at most: nobody is refused who came
  a moment too early.
- `open` and `accepted` count the connections of `listening` alone. Who comes by `uncounted` is relayed alike: that
  is how health questions reach the program. Who connects to `counts` is told the numbers (`counts.py`).
- A lack of descriptors makes those wait who are not accepted yet; it ends nobody.
"""

import errno
import os
import resource
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from modelyard_runtime.door.counts import Asker, answer
from modelyard_runtime.door.flow import Flow, SinkGoneError
from modelyard_runtime.door.reach import Reach

IN, OUT, GONE = select.EPOLLIN, select.EPOLLOUT, select.EPOLLHUP | select.EPOLLERR
AGAIN_S = 0.02
"""How soon a port that was closed is tried again, by the one who waits longest."""
MOST_AGAIN_S = 0.2
PAUSE_S = 0.1
"""How long nobody is accepted after there was no descriptor for one."""
ACCEPTS = 64
"""How many are accepted before others have their turn."""
SPARE_DESCRIPTORS = 64
ABORT = (1).to_bytes(4, "little") + bytes(4)
"""SO_LINGER: what is closed is broken off."""
TRANSIENT = frozenset({errno.EAGAIN, errno.ECONNABORTED, errno.EINTR, errno.EPROTO})
FOREVER = float("inf")

Handle = Callable[[int], None]


def most_connections() -> int:
    """As far as descriptors go, of which each takes two."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if limit == resource.RLIM_INFINITY else max(16, (limit - SPARE_DESCRIPTORS) // 2)


class Connection:
    """One caller and, once it was reached, the program for it. `until`: how long it may wait for that."""

    def __init__(self, caller: socket.socket, until: float, *, counted: bool) -> None:
        self.caller = caller
        self.until = until
        self.counted = counted
        self.program: socket.socket | None = None
        self.there: Flow | None = None
        self.back: Flow | None = None


class Relay:
    """See the module. Made and stopped by any thread, run by one."""

    def __init__(
        self,
        listening: socket.socket,
        reach: Reach,
        *,
        uncounted: socket.socket | None = None,
        counts: socket.socket | None = None,
        patience_s: float = 60.0,
    ) -> None:
        """All of these sockets are the relay's own from now on."""
        self.open = 0
        self.accepted = 0
        self.reached = False
        """Whether the program's port was ever found open."""
        self._reach = reach
        self._patience_s = patience_s
        self._poll = select.epoll()
        self._handles: dict[int, Handle] = {}
        self._masks: dict[int, int] = {}
        self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._connections: set[Connection] = set()
        self._waiting: dict[Connection, None] = {}
        """Who has to wait until the port is open, in the order in which they came."""
        self._trying: dict[Connection, None] = {}
        """Whose connection to the program is under way."""
        self._again_at = FOREVER
        self._again_s = AGAIN_S
        self._paused_until = FOREVER
        self._most = most_connections()
        self._coming: list[Callable[[], None]] = []
        self._listening = [s for s in (listening, uncounted) if s is not None]
        for one in self._listening:
            self._listen(one, partial(self._accept, one, one is listening))
        self._counts = [counts] if counts is not None else []
        for one in self._counts:
            self._listen(one, partial(self._be_asked, one))
        self._limit_s: float | None = None
        self._end_by = FOREVER
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._wake_reader, IN)
        self._handles[self._wake_reader] = self._wake

    def run(self) -> None:
        """Until it was stopped."""
        handles = self._handles
        try:
            while not self._finished():
                for descriptor, events in self._poll.poll(self._pause_s()):
                    if handle := handles.get(descriptor):  # one before it in this list may have closed it
                        handle(events)
                while self._coming:  # not before: a new descriptor may have the number of one in the list
                    self._coming.pop()()
                self._tick()
        finally:
            self._close()

    def stop(self, limit_s: float) -> None:
        """The program has ended, or is about to: take nobody more, let those go who have not reached it, or have
        all of its words, and end `run` when nobody is inside, or after `limit_s`. Any thread, any number of
        times."""
        self._limit_s = limit_s
        with suppress(OSError):
            os.write(self._wake_writer, b"x")

    # who comes

    def _listen(self, listening: socket.socket, accept: Callable[[], None]) -> None:
        listening.setblocking(False)
        self._watch(listening, IN, lambda _events: self._coming.append(accept))

    def _accept(self, listening: socket.socket, counted: bool) -> None:
        for _ in range(ACCEPTS):
            if counted and len(self._connections) >= self._most:  # health questions have descriptors to spare
                self._most = most_connections()
                self._hold_back()
                return
            try:
                caller, _ = listening.accept()
            except OSError as error:
                if error.errno not in TRANSIENT:
                    self._hold_back()
                return
            caller.setblocking(False)
            connection = Connection(caller, time.monotonic() + self._patience_s, counted=counted)
            self._connections.add(connection)
            if counted:
                self.open += 1
                self.accepted += 1
            if self._waiting:
                self._wait(connection)
            else:
                self._try(connection)

    def _hold_back(self) -> None:
        self._paused_until = time.monotonic() + PAUSE_S
        for one in (*self._listening, *self._counts):
            self._want(one, None)

    def _be_asked(self, counts: socket.socket) -> None:
        try:
            connection, _ = counts.accept()
        except OSError as error:
            if error.errno not in TRANSIENT:
                self._hold_back()
            return
        connection.setblocking(False)
        self._watch(connection, IN, partial(self._tell, Asker(connection)))

    def _tell(self, asker: Asker, _events: int) -> None:
        if not asker.hear(lambda: answer(self.open, self.accepted)):
            self._forget(asker.connection)

    # until the program is reached

    def _try(self, connection: Connection) -> None:
        try:
            program = self._reach()
        except OSError:
            self._wait(connection)
            return
        connection.program = program
        self._trying[connection] = None
        self._watch(program, OUT, partial(self._answered, connection))

    def _answered(self, connection: Connection, _events: int) -> None:
        """The program took the connection, or did not."""
        program = connection.program
        assert program is not None
        del self._trying[connection]
        if program.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._forget(program)
            connection.program = None
            self._wait(connection)
            return
        self.reached = True
        self._again_s = AGAIN_S
        self._waiting.pop(connection, None)
        if self._waiting:
            self._coming.append(self._release)
        self._begin(connection, program)

    def _wait(self, connection: Connection) -> None:
        """Among those who wait for the port to be opened. The first of them tries it for all."""
        if self._again_at == FOREVER:
            self._again_at = time.monotonic() + self._again_s
            self._again_s = min(self._again_s * 1.5, MOST_AGAIN_S)
        self._waiting[connection] = None
        if connection.caller.fileno() not in self._handles:
            self._watch(connection.caller, 0, lambda _events: self._drop(connection))  # who does not want to wait

    def _release(self) -> None:
        """The port is open: who waited goes there, too."""
        self._again_at = FOREVER
        waiting, self._waiting = self._waiting, {}
        for connection in waiting:
            self._try(connection)

    # the relay itself

    def _begin(self, connection: Connection, program: socket.socket) -> None:
        caller = connection.caller
        connection.there = Flow(caller, program, self._pipe)
        connection.back = Flow(program, caller, self._pipe)
        self._forget(caller, close=False)
        self._watch(caller, IN, partial(self._from_caller, connection))
        self._handles[program.fileno()] = partial(self._from_program, connection)
        self._want(program, IN)
        self._from_caller(connection, IN)  # who came has said something already

    def _from_caller(self, connection: Connection, events: int) -> None:
        there, back = connection.there, connection.back
        assert there is not None
        assert back is not None
        try:
            if back.held and events & OUT:
                back.move()
            if not there.ended and not there.held and events & (IN | GONE):
                self._ask(there)
        except OSError:
            self._drop(connection, broken=True)
            return
        if events & GONE and not back.done:  # it has closed, and not only said all that it had to say
            self._drop(connection, broken=bool(events & select.EPOLLERR))
            return
        self._settle(connection)

    def _from_program(self, connection: Connection, events: int) -> None:
        there, back = connection.there, connection.back
        assert there is not None
        assert back is not None
        try:
            if there.held and events & (OUT | GONE):
                self._ask(there)
            if not back.ended and not back.held and events & (IN | GONE):
                back.move()
        except OSError:
            self._drop(connection)
            return
        self._settle(connection)

    def _ask(self, there: Flow) -> None:
        """A program that hears no more may have answered all the same."""
        try:
            there.move()
        except SinkGoneError:
            there.give_up()

    def _settle(self, connection: Connection) -> None:
        """Ask the kernel for what is to be known next. A side that is to be neither read nor written is not
        watched where its end would be told again and again."""
        there, back, program = connection.there, connection.back, connection.program
        assert there is not None
        assert back is not None
        assert program is not None
        if back.done and (there.done or self._end_by != FOREVER):
            self._drop(connection)
            return
        caller = (0 if there.ended or there.held else IN) | (OUT if back.held else 0)
        self._want(connection.caller, caller if caller or not back.done else None)
        self._want(program, ((0 if back.ended or back.held else IN) | (OUT if there.held else 0)) or None)

    def _drop(self, connection: Connection, *, broken: bool = False) -> None:
        self._connections.discard(connection)
        self._waiting.pop(connection, None)
        if connection in self._trying:
            del self._trying[connection]
            if self._waiting:
                self._again_at = time.monotonic()  # another has to try
        if connection.counted:
            self.open -= 1
        if connection.program is not None:
            if broken:
                with suppress(OSError):
                    connection.program.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            self._forget(connection.program)
        self._forget(connection.caller)

    # time

    def _pause_s(self) -> float | None:
        due = min(self._again_at, self._paused_until, self._end_by, self._impatient_at())
        return None if due == FOREVER else max(0.0, due - time.monotonic())

    def _impatient_at(self) -> float:
        """When the next has waited for long enough."""
        return min((next(iter(some)).until for some in (self._waiting, self._trying) if some), default=FOREVER)

    def _tick(self) -> None:
        now = time.monotonic()
        if now >= self._paused_until:
            self._paused_until = FOREVER
            for one in (*self._listening, *self._counts):
                self._want(one, IN)
        for some in (self._waiting, self._trying):
            while some and (first := next(iter(some))).until <= now:
                self._drop(first, broken=True)
        if now >= self._again_at:
            self._again_at = FOREVER
            scout = next(iter(self._waiting), None)
            if scout is not None and scout not in self._trying:
                self._try(scout)

    def _wake(self, _events: int) -> None:
        with suppress(BlockingIOError):
            os.read(self._wake_reader, 64)
        if self._limit_s is not None:
            self._end_by = min(self._end_by, time.monotonic() + self._limit_s)
            for one in self._listening:
                self._forget(one)
            self._listening = []
            for connection in list(self._connections):
                if connection.back is None or connection.back.done:
                    self._drop(connection, broken=True)

    def _finished(self) -> bool:
        return self._end_by != FOREVER and (not self._connections or time.monotonic() >= self._end_by)

    # the kernel's list

    def _watch(self, one: socket.socket, mask: int, handle: Handle) -> None:
        descriptor = one.fileno()
        self._handles[descriptor] = handle
        self._masks[descriptor] = mask
        self._poll.register(descriptor, mask)

    def _want(self, one: socket.socket, mask: int | None) -> None:
        """None: nothing at all. Without a change nothing is asked of the kernel."""
        descriptor = one.fileno()
        now = self._masks.get(descriptor)
        if mask == now:
            return
        if mask is None:
            self._poll.unregister(descriptor)
            del self._masks[descriptor]
            return
        if now is None:
            self._poll.register(descriptor, mask)
        else:
            self._poll.modify(descriptor, mask)
        self._masks[descriptor] = mask

    def _forget(self, one: socket.socket, *, close: bool = True) -> None:
        descriptor = one.fileno()
        if self._masks.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)
        self._handles.pop(descriptor, None)
        if close:
            one.close()

    def _close(self) -> None:
        for connection in list(self._connections):
            self._drop(connection, broken=True)
        for one in (*self._listening, *self._counts):
            one.close()
        self._poll.close()
        for descriptor in (*self._pipe, self._wake_reader, self._wake_writer):
            os.close(descriptor)
