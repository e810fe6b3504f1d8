"""A bundle: rows of several small sources in one chunk, so that one call of the model may be about all of them."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from modelyard_runtime.batch import wire
from modelyard_runtime.batch.link import Window
from modelyard_runtime.batch.rows import Chunk, Context, SourceError, chunks_of


class BundleChunk:
    """Chunks of the members, from row `first` of the bundle on. `numbers`: of the rows, each in its own source.
    `behind`: where the row behind all of them begins."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.items: list[Any] = []
        self.numbers: list[int] = []
        self.plain = True
        self.behind = (0, 0)
        self._places: list[int] = []
        self._chunks: list[Chunk] = []

    def add(self, chunk: Chunk) -> None:
        self._places.append(len(self.items))
        self._chunks.append(chunk)
        self.items += chunk.items
        self.numbers += range(chunk.first, chunk.first + len(chunk.items))
        self.plain = self.plain and chunk.plain

    def begins(self, place: int) -> tuple[int, int]:
        if place >= len(self.items):
            return self.behind
        at = bisect_right(self._places, place) - 1
        return self._chunks[at].begins(place - self._places[at])


class _Held(Window):
    """The bytes of one member."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, file: int, offset: int, length: int) -> bytes:
        return self._content[offset : offset + length]

    def stream(self, file: int, start: int, end: int, first: int = 0) -> Iterator[bytes]:
        if start < end:
            yield self._content[start:end]


def bundle_chunks(context: Context) -> Iterator[tuple[BundleChunk, Sequence[int]]]:
    """One, and after it what is wrong with the first source that something is wrong with: SourceError. Raises
    LostError."""
    members = context.split.members
    content = b"".join(context.window.stream(0, 0, sum(member.end for member in members)))
    chunk = BundleChunk(0)
    at = 0
    for member in members:
        chunk.behind = member.source, member.start
        try:
            _add(chunk, member, context, content[at : at + member.end])
        except SourceError:
            if chunk.items:
                yield chunk, chunk.numbers
            raise
        at += member.end
    yield chunk, chunk.numbers


def _add(chunk: BundleChunk, member: wire.Member, context: Context, content: bytes) -> None:
    """All rows of it, or none. Raises SourceError."""
    split = msgspec.structs.replace(
        context.split,
        source=member.source,
        start=member.start,
        end=member.end,
        first_row=member.first_row,
        rows=member.rows,
        size=member.end,
        members=(),
    )
    found = list(chunks_of(Context(split, _Held(content))))
    rows = sum(len(each.items) for each in found)
    if rows != member.rows:
        raise SourceError(f"it has {rows} rows where {member.rows} were counted: it is not what it was")
    for each in found:
        chunk.add(each)
