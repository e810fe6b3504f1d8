"""Parts of an object, and conditions on it (RFC 9110, 13 and 14). Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.domain.errors import DomainError

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


class UnsatisfiableRange(DomainError):
    """No byte of the object is in the range that was asked for. `size`: of the object."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The range is behind the end: the object has {size} bytes.")
        self.size = size


@dataclass(frozen=True, slots=True)
class Part:
    """`length` bytes from `offset` on."""

    offset: int
    length: int


def part(header: str, size: int) -> Part | None:
    """What `Range` asks for of an object of this size; None: all of it, as for every header that is no single
    range of bytes. Raises UnsatisfiableRange.

    >>> part("bytes=1-", 4), part("bytes=-1", 4), part("bytes=1-2", 4), part("bytes=0-1,3-3", 4)
    (Part(offset=1, length=3), Part(offset=3, length=1), Part(offset=1, length=2), None)
    """
    match = _RANGE.fullmatch(header)
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        if not length:
            raise UnsatisfiableRange(size)
        return Part(size - length, length)
    first = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if match[2] and last < first:
        return None
    if first >= size:
        raise UnsatisfiableRange(size)
    return Part(first, min(last, size - 1) - first + 1)


def etag(version: str) -> str:
    """A version as an entity tag; "" for none.

    >>> etag("a1"), etag('"a1"'), etag("")
    ('"a1"', '"a1"', '')
    """
    plain = version.strip('"')
    return f'"{plain}"' if plain else ""


def fits(headers: Sequence[str], tag: str) -> bool:
    """Whether a condition (`If-Match`, `If-None-Match`) names this tag, or any (`*`).

    >>> fits(['"a", W/"b"'], '"b"'), fits(["*"], '"b"'), fits(['"a"'], '"b"')
    (True, True, False)
    """
    members = [member.strip() for header in headers for member in header.split(",") if member.strip()]
    return "*" in members or (bool(tag) and tag in (member.removeprefix("W/") for member in members))
