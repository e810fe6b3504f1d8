"""Lines in streams of bytes, wherever the pieces of those begin and end."""

from collections.abc import AsyncGenerator, AsyncIterable

TOGETHER = 256 * 1024


class TooFewLinesError(Exception):
    """A stream of lines ended before it should have."""


async def each_line(pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Each with its end."""
    held: list[bytes] = []
    async for piece in pieces:
        begin = 0
        while (feed := piece.find(b"\n", begin)) >= 0:
            held.append(piece[begin : feed + 1])
            yield b"".join(held)
            held.clear()
            begin = feed + 1
        held.append(piece[begin:])
    if last := b"".join(held):
        yield last


async def together(pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The same bytes in pieces that are not small: whoever takes them does something for each."""
    held: list[bytes] = []
    size = 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= TOGETHER:
            yield b"".join(held)
            held.clear()
            size = 0
    if size:
        yield b"".join(held)


class Lines:
    """A stream of which a number of lines is taken at a time, in pieces as they come."""

    def __init__(self, pieces: AsyncGenerator[bytes, None]) -> None:
        self._pieces = pieces
        self._held = b""

    async def take(self, count: int) -> AsyncGenerator[bytes, None]:
        """Raises TooFewLinesError."""
        while count:
            if not self._held:
                self._held = await anext(self._pieces, b"")
                if not self._held:
                    raise TooFewLinesError(f"{count} lines are missing")
            ends = self._held.count(b"\n")
            if ends < count:
                piece, self._held = self._held, b""
                count -= ends
            else:
                end = 0
                for _ in range(count):
                    end = self._held.index(b"\n", end) + 1
                piece, self._held = self._held[:end], self._held[end:]
                count = 0
            yield piece
