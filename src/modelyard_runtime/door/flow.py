"""One direction of a relayed connection: bytes go from socket to socket inside the kernel, through a pipe.

One pipe serves all flows of a thread, since it is empty again after each move: what a slow reader does not take at
once is held beside it, and until that is gone nothing more is read. So a flow holds no more than CHUNK bytes, and
a connection costs no descriptors but its own two.
"""

import os
import socket

CHUNK = 65_536
"""What a pipe holds unless it is made larger."""
ROUNDS = 8
"""How often a flow that has much goes on before others have their turn."""
HOW = 3
"""SPLICE_F_MOVE | SPLICE_F_NONBLOCK"""


class SinkGoneError(OSError):
    """Nobody reads any more on the side that bytes were for."""


class Flow:
    """From `source` to `sink`, neither of which blocks. `ended`: the source has said all; `done`: the sink has all
    of it, and was told that this was the end."""

    def __init__(self, source: socket.socket, sink: socket.socket, pipe: tuple[int, int]) -> None:
        self.ended = False
        self.done = False
        self.held = b""
        self._sink = sink
        self._from, self._to = source.fileno(), sink.fileno()
        self._reader, self._writer = pipe

    def move(self) -> None:
        """What can be moved now. Raises SinkGoneError, and OSError when the source is gone."""
        if self.held and not self._flush():
            return
        if not self.ended:
            self._pass_on()
        if self.ended and not self.held and not self.done:
            self.done = True
            try:
                self._sink.shutdown(socket.SHUT_WR)
            except OSError as error:
                raise SinkGoneError(str(error)) from None

    def give_up(self) -> None:
        """Nobody is there for whatever else is said."""
        self.ended = self.done = True
        self.held = b""

    def _pass_on(self) -> None:
        for _ in range(ROUNDS):
            try:
                taken = os.splice(self._from, self._writer, CHUNK, flags=HOW)
            except BlockingIOError:
                return
            if taken == 0:
                self.ended = True
                return
            left = taken
            try:
                while left:
                    left -= os.splice(self._reader, self._to, left, flags=HOW)
            except BlockingIOError:
                self.held = os.read(self._reader, left)
                return
            except OSError as error:
                os.read(self._reader, left)
                raise SinkGoneError(str(error)) from None
            if taken < CHUNK:
                return

    def _flush(self) -> bool:
        """Whether the sink has all that was held."""
        try:
            while self.held:
                self.held = self.held[self._sink.send(self.held) :]
        except BlockingIOError:
            return False
        except OSError as error:
            raise SinkGoneError(str(error)) from None
        return True
