"""Lines in blocks: what some kilobytes of lines look like on disk, and what finds the blocks that a word is in.

A block is found by the *grams* of its lines: every three characters that follow each other, folded, within what
white space parts. A word can only be in a block that has all the grams of the word; whether it is in a line is
looked at afterwards. Eight kilobytes are few enough for the grams of identifiers (hexadecimal digits have 4096) to
tell one block from another, and many enough to be compressed.
"""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from modelyard.core.logs import folded
from modelyard.domain.logs import Line

BLOCK_CHARACTERS = 8 * 1024
BLOCK_LINES = 256
FEW_GRAMS = 8
"""So many of a word tell the blocks apart; more cost more than they keep out."""
MOST_GRAMS = 40
GRAM = 3
LEVEL = 1
"""Of zlib: three times as fast as its default, for a tenth more bytes."""
LONE = re.compile("[\ud800-\udfff]")


class Body(msgspec.Struct, array_like=True, frozen=True):
    """Lines that follow each other. `later_ms`: how much each is after the one before; `origins`: one for all, or
    one for each; `references`, `cuts`: by the place in the block, where there is any."""

    at_ms: int
    later_ms: list[int]
    origins: list[int]
    references: dict[int, str]
    cuts: dict[int, int]
    texts: list[str]


@dataclass(frozen=True, slots=True)
class Piece:
    """A line before it has a number; `origin` as the segment numbers them."""

    at_ms: int
    origin: int
    text: str
    reference: str = ""
    cut: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Body).decode


def pieces(origin: int, lines: Iterable[Line]) -> list[Piece]:
    return [Piece(each.at_ms, origin, clean(each.text), clean(each.reference), each.cut) for each in lines]


def clean(text: str) -> str:
    """What can be stored: halves of characters, which no encoding has, are replaced."""
    return text if text.isascii() else LONE.sub("\ufffd", text)


def packed(lines: Sequence[Piece]) -> bytes:
    """At least one."""
    first = lines[0].origin
    alone = all(line.origin == first for line in lines)
    before = (lines[0].at_ms, *(line.at_ms for line in lines))
    return _encode(
        Body(
            lines[0].at_ms,
            [line.at_ms - at_ms for line, at_ms in zip(lines, before, strict=False)],
            [first] if alone else [line.origin for line in lines],
            {i: line.reference for i, line in enumerate(lines) if line.reference},
            {i: line.cut for i, line in enumerate(lines) if line.cut},
            [line.text for line in lines],
        )
    )


def unpacked(data: bytes) -> Iterator[Piece]:
    """Raises msgspec.MsgspecError for what `packed` did not make."""
    body = _decode(data)
    at_ms, alone = body.at_ms, body.origins[0] if len(body.origins) == 1 else None
    for i, text in enumerate(body.texts):
        at_ms += body.later_ms[i]
        origin = body.origins[i] if alone is None else alone
        yield Piece(at_ms, origin, text, body.references.get(i, ""), body.cuts.get(i, 0))


def squeezed(data: bytes) -> bytes:
    return zlib.compress(data, LEVEL)


def released(data: bytes) -> bytes:
    """Raises zlib.error."""
    return zlib.decompress(data)


def blocks(lines: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    """Cut into blocks; the last may be less than one."""
    begin = size = 0
    for i, line in enumerate(lines):
        size += len(line.text) + 1
        if size >= BLOCK_CHARACTERS or i + 1 - begin >= BLOCK_LINES:
            yield lines[begin : i + 1]
            begin, size = i + 1, 0
    if begin < len(lines):
        yield lines[begin:]


def full(lines: Sequence[Piece]) -> bool:
    """Whether it is a whole block."""
    return len(lines) >= BLOCK_LINES or sum(len(line.text) + 1 for line in lines) >= BLOCK_CHARACTERS


def indexed(lines: Sequence[Piece]) -> str:
    """The text whose grams are those of the block; each word once, which spares the index most of its work."""
    text = "\n".join(line.text for line in lines)
    references = "\n".join(line.reference for line in lines if line.reference and line.reference not in line.text)
    return " ".join(sorted(set(folded(f"{text}\n{references}").replace("\0", " ").split())))


def grams(words: Iterable[str]) -> str:
    """An expression of FTS5 that every block with all of the words meets; "" where the words have no gram."""
    wanted: dict[str, None] = {}
    for word in words:
        text = folded(clean(word))
        usable = dict.fromkeys(gram for i in range(len(text) - GRAM + 1) if _usable(gram := text[i : i + GRAM]))
        wanted.update(dict.fromkeys(_spread([*usable])))
    return " AND ".join('"' + gram.replace('"', '""') + '"' for gram in list(wanted)[:MOST_GRAMS])


def _spread(grams: Sequence[str]) -> Iterator[str]:
    """At most so many of them, from everywhere in the word."""
    few = min(len(grams), FEW_GRAMS)
    return (grams[i * (len(grams) - 1) // max(few - 1, 1)] for i in range(few))


def _usable(gram: str) -> bool:
    return "\0" not in gram and not any(character.isspace() for character in gram)
