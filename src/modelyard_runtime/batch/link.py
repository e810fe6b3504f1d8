"""One connection of the control plane: splits come in, bytes are asked for, outcomes go out.

Three threads share it: the connection's own reads frames (`listen`), the one that reads rows asks for bytes and
waits for them, the one that writes results sends. Promises: whoever waits is told when the connection is over;
a frame is sent whole, or the connection is over.
"""

import queue
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import BinaryIO

import msgspec

from modelyard_runtime.batch import wire

FIRST_BYTES = 128 * 1024


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
        self._answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
        self.lost = False
        self.abandoned = False
        self.at_work = False

    def listen(self, begin: Callable[["Link", wire.Split], None]) -> None:
        """Reads frames until the connection is over. `begin` is told of each split."""
        try:
            while not self.lost:
                self._take(begin)
        except (OSError, EOFError, msgspec.DecodeError, ValueError):
            pass
        finally:
            self.close()

    def _take(self, begin: Callable[["Link", wire.Split], None]) -> None:
        kind, length = wire.HEAD.unpack(self._exactly(wire.HEAD.size))
        payload = self._exactly(length)
        if kind == wire.DATA:
            self._answer(payload)
        elif kind == wire.UNREADABLE:
            self._answer(UnreadableError(str(msgspec.json.decode(payload)["error"])))
        elif kind == wire.ABANDON:
            self.abandoned = True
            self.wake()
        elif kind == wire.SPLIT and not self.at_work:
            self._answers = queue.SimpleQueue()  # what was asked for an earlier split is void
            self.abandoned, self.at_work = False, True
            begin(self, wire.split_of(payload))
        else:
            raise ValueError(f"a frame {kind!r} was not expected")

    def _answer(self, answer: bytes | Exception) -> None:
        self._answers.put(answer)

    def _exactly(self, count: int) -> bytes:
        taken = self._stream.read(count)
        if len(taken) != count:
            raise EOFError
        return taken

    def send(self, *pieces: bytes) -> None:
        """A whole frame. Raises LostError."""
        try:
            with self._sending:
                for piece in pieces:
                    self._connection.sendall(piece)
        except OSError:
            self.close()
            raise LostError from None

    def ask(self, file: int, offset: int, length: int) -> None:
        """For at most `MOST_READ_BYTES`, at most `MOST_OPEN_READS` at a time; `answer` has them in order."""
        self.send(wire.spoken(wire.READ, file=file, offset=offset, length=length))

    def answer(self) -> bytes:
        """To the oldest `ask`. Raises UnreadableError or LostError."""
        answer = self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        if self.lost:
            raise LostError
        return answer

    def wake(self) -> None:
        """Whoever waits for an answer, or will, has none."""
        self._answers.put(LostError())

    def over(self, *, abandoned: bool) -> None:
        """The split is over, and nobody reads for it any more. Raises LostError."""
        self.at_work = False
        self.send(wire.spoken(wire.END, abandoned=abandoned))

    def failed(self, error: str) -> None:
        """Likewise: its source cannot be read."""
        self.at_work = False
        self.send(wire.spoken(wire.FAILED, error=error))

    def close(self) -> None:
        """Any thread, any number of times."""
        self.lost = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self.wake()


class Window:
    """Bytes of the files of one split. One thread uses it."""

    def __init__(self, link: Link) -> None:
        self._link = link

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
                    self._link.ask(*ask)
                    on_their_way += 1
                try:
                    parts.append(self._link.answer())
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
                    self._link.ask(file, asked, length)
                    lengths.append(length)
                    asked += length
                    size = min(2 * size, wire.MOST_READ_BYTES)
                length = lengths.pop(0)
                piece = self._link.answer()
                if ended:
                    continue
                if len(piece) < length:  # the file ends here
                    ended, asked = True, end
                yield piece[:length]
        except UnreadableError:
            for _ in lengths:  # answers come in order, to whoever asks next
                with suppress(UnreadableError):
                    self._link.answer()
            raise
