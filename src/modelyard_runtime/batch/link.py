"""One connection of the control plane: splits come in, bytes are asked for, outcomes go out.

Three threads share it: the connection's own reads frames (`listen`), the one that reads rows asks for bytes and
waits for them, the one that writes results sends. Up to `MOST_OPEN_SPLITS` are here at a time (`Turn`); which of
them asks is said with what it asks for. Promises: whoever waits is told when the connection is over; every answer
goes to whoever asked, even if nobody waits for it any more; a frame is sent whole, or the connection is over.
"""

import queue
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import BinaryIO

import msgspec

from modelyard_runtime.batch import wire

FIRST_BYTES = 128 * 1024
MOST_OPEN_SPLITS = 2

Answers = queue.SimpleQueue[bytes | Exception]


class LostError(Exception):
    """The connection is over, or a newer one has taken its place: nobody waits for the results."""


class UnreadableError(Exception):
    """A file cannot be read; the text is the control plane's."""


class Link:
    """`stream` is the socket's, read up to the first frame."""

    def __init__(self, connection: socket.socket, stream: BinaryIO) -> None:
        self._connection = connection
        self._stream = stream
        self._sending = threading.Lock()
        self._changing = threading.Lock()
        self._asked: deque[Answers] = deque()
        self._turns: list[Turn] = []
        self.lost = False

    def listen(self, begin: Callable[["Turn"], None]) -> None:
        """Reads frames until the connection is over. `begin` is told of each split."""
        try:
            while not self.lost:
                self._take(begin)
        except (OSError, EOFError, msgspec.DecodeError, ValueError):
            pass
        finally:
            self.close()

    def _take(self, begin: Callable[["Turn"], None]) -> None:
        kind, length = wire.HEAD.unpack(self._exactly(wire.HEAD.size))
        payload = self._exactly(length)
        if kind == wire.DATA:
            self._answer(payload)
        elif kind == wire.UNREADABLE:
            self._answer(UnreadableError(str(msgspec.json.decode(payload)["error"])))
        elif kind == wire.ABANDON:
            self._abandon()
        elif kind == wire.SPLIT:
            begin(self._begun(wire.split_of(payload)))
        else:
            raise ValueError(f"a frame {kind!r} was not expected")

    def _begun(self, split: wire.Split) -> "Turn":
        with self._changing:
            if len(self._turns) >= (MOST_OPEN_SPLITS if split.number else 1):
                raise ValueError("a split was not expected")
            if not split.number:
                self._asked.clear()  # that control plane does not answer what was asked for an earlier split
            turn = Turn(self, split)
            self._turns.append(turn)
            return turn

    def _answer(self, answer: bytes | Exception) -> None:
        if self._asked:
            self._asked.popleft().put(answer)

    def _abandon(self) -> None:
        """All that are here."""
        with self._changing:
            turns = [*self._turns]
        for turn in turns:
            turn.abandoned = True
            turn.wake()

    def _exactly(self, count: int) -> bytes:
        taken = self._stream.read(count)
        if len(taken) != count:
            raise EOFError
        return taken

    def send(self, *pieces: bytes, answers: Answers | None = None) -> None:
        """A whole frame, whose answer goes to `answers`. Raises LostError."""
        try:
            with self._sending:
                if answers is not None:
                    self._asked.append(answers)
                for piece in pieces:
                    self._connection.sendall(piece)
        except OSError:
            self.close()
            raise LostError from None

    def over(self, turn: "Turn") -> None:
        """There is room for another one."""
        with self._changing:
            self._turns.remove(turn)

    def close(self) -> None:
        """Any thread, any number of times."""
        self.lost = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        with self._changing:
            turns = [*self._turns]
        for turn in turns:
            turn.wake()


class Turn:
    """One split, from when the control plane said it until it is over. `abandoned`: nobody wants more of it."""

    def __init__(self, link: Link, split: wire.Split) -> None:
        self.link = link
        self.split = split
        self.abandoned = False
        self._answers: Answers = queue.SimpleQueue()
        self._named = {"split": split.number} if split.number else {}

    def ask(self, file: int, offset: int, length: int) -> None:
        """For at most `MOST_READ_BYTES`, at most `MOST_OPEN_READS` at a time; `answer` has them in order."""
        asked = wire.spoken(wire.READ, file=file, offset=offset, length=length, **self._named)
        self.link.send(asked, answers=self._answers)

    def answer(self) -> bytes:
        """To the oldest `ask`. Raises UnreadableError or LostError."""
        answer = self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        if self.link.lost:
            raise LostError
        return answer

    def wake(self) -> None:
        """Whoever waits for an answer, or will, has none."""
        self._answers.put(LostError())

    def over(self, *, abandoned: bool) -> None:
        """Nobody reads for it any more, nor sends. Raises LostError."""
        self.link.over(self)
        self.link.send(wire.spoken(wire.END, abandoned=abandoned))

    def failed(self, error: str) -> None:
        """Likewise: its source cannot be read."""
        self.link.over(self)
        self.link.send(wire.spoken(wire.FAILED, error=error))


class Window:
    """Bytes of the files of one split. One thread uses it."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def read(self, file: int, offset: int, length: int) -> bytes:
        """Fewer only at the end of the file. Raises UnreadableError or LostError."""
        return b"".join(self.stream(file, offset, offset + length, wire.MOST_READ_BYTES))

    def whole(self, files: Sequence[tuple[int, int]]) -> Iterator[bytes | UnreadableError]:
        """The content of each of (file, size), or why there is none; the next ones are on their way while one is
        used. Raises LostError. Used up, or not used again."""
        most = wire.MOST_READ_BYTES
        asks = ((file, at, min(most, size - at)) for file, size in files for at in range(0, size, most))
        on_their_way = 0
        for _, size in files:
            parts: list[bytes] = []
            failure: UnreadableError | None = None
            for _ in range(0, size, most):
                for ask in islice(asks, wire.MOST_OPEN_READS - on_their_way):
                    self._turn.ask(*ask)
                    on_their_way += 1
                try:
                    parts.append(self._turn.answer())
                except UnreadableError as error:
                    failure = error
                on_their_way -= 1
            yield failure or b"".join(parts)

    def stream(self, file: int, start: int, end: int, first: int = FIRST_BYTES) -> Iterator[bytes]:
        """The same in pieces, which grow, so that the first rows come soon; the next ones are on their way
        while one is used. Used up, or not used again."""
        asked = start
        size = first
        lengths: list[int] = []
        ended = False
        try:
            while asked < end or lengths:
                while asked < end and len(lengths) < wire.MOST_OPEN_READS:
                    length = min(size, end - asked)
                    self._turn.ask(file, asked, length)
                    lengths.append(length)
                    asked += length
                    size = min(2 * size, wire.MOST_READ_BYTES)
                length = lengths.pop(0)
                piece = self._turn.answer()
                if ended:
                    continue
                if len(piece) < length:  # the file ends here
                    ended, asked = True, end
                yield piece[:length]
        except UnreadableError:
            for _ in lengths:  # answers come in order, to whoever asks next
                with suppress(UnreadableError):
                    self._turn.answer()
            raise
