"""Secret values out of text: each is replaced by `***`, also as other writers spell it.

    Masker.of({"s3cret/pass"}).text("password=s3cret%2Fpass")  ->  "password=***"

Found: the value itself; as JSON and Python's `repr` escape it; as a URL does (`%2F`, `%2f`, `+`); in base64, alone
or inside of something longer, in both alphabets; of a value of several lines, each line of eight characters or
more (what is masked comes line by line). Values below four characters are left alone: they would take ordinary
words apart. Case matters. Of overlapping ones the longest is taken. Pure, and cheap: a text is scanned for each
spelling as memory is compared, and only one that has any is rewritten, by one expression.
"""

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MASK = "***"
SHORTEST = 4
SHORTEST_LINE = 8
SHORTEST_CODED = 6
"""Below so many bytes what base64 leaves in every alignment is too short to mean the value."""
FEW = 256
"""Spellings up to which looking for one after the other is quicker than one expression."""


@dataclass(frozen=True, slots=True)
class Masker:
    """Made by `of`. One without secrets changes nothing and costs nothing."""

    _spellings: tuple[str, ...] = ()
    _octets: tuple[bytes, ...] = ()
    _pattern: re.Pattern[str] | None = None
    _octet_pattern: re.Pattern[bytes] | None = None

    @staticmethod
    def of(secrets: Iterable[str]) -> "Masker":
        found = {spelling for secret in set(secrets) for spelling in _spellings(secret)}
        ordered = tuple(sorted(found, key=lambda spelling: (-len(spelling), spelling)))
        if not ordered:
            return Masker()
        octets = tuple(spelling.encode("utf-8", "surrogatepass") for spelling in ordered)
        try:
            text = _expression(ordered)
            re.compile(text)
        except RecursionError:  # hundreds of values of which each begins with the one before
            text = "|".join(map(re.escape, ordered))
        return Masker(ordered, octets, re.compile(text), re.compile(text.encode("utf-8", "surrogatepass")))

    def __bool__(self) -> bool:
        return self._pattern is not None

    def __repr__(self) -> str:
        return f"Masker({len(self._spellings)} spellings)"

    def text(self, text: str) -> str:
        if self._pattern is None or (len(self._spellings) <= FEW and not any(s in text for s in self._spellings)):
            return text
        return self._pattern.sub(MASK, text)

    def data(self, data: bytes) -> bytes:
        if self._octet_pattern is None or (len(self._octets) <= FEW and not any(s in data for s in self._octets)):
            return data
        return self._octet_pattern.sub(MASK.encode(), data)


def _spellings(secret: str) -> Iterator[str]:
    """Also without the white space around it: files end with a line, and who reads them takes that off."""
    bare = secret.strip()
    if bare != secret:
        yield from _spellings(bare)
    if len(secret) < SHORTEST:
        return
    octets = secret.encode("utf-8", "surrogatepass")
    yield from _escaped(secret)
    yield from _of_urls(octets)
    yield from _coded(octets)
    lines = secret.splitlines()
    if len(lines) > 1:
        for line in lines:
            if len(line.strip()) >= SHORTEST_LINE:
                yield from _escaped(line.strip())


def _escaped(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(secret).replace("/", "\\/")[1:-1]
    yield repr(secret)[1:-1]
    yield ascii(secret)[1:-1]


def _of_urls(secret: bytes) -> Iterator[str]:
    for spelled in (
        urllib.parse.quote(secret, safe=""),
        urllib.parse.quote(secret),
        urllib.parse.quote_plus(secret),
        urllib.parse.quote_plus(secret, safe="/"),
    ):
        yield spelled
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), spelled)


def _coded(secret: bytes) -> Iterator[str]:
    """What base64 makes of it whatever is before and after it: its own characters in each of three alignments."""
    if len(secret) < SHORTEST_CODED:
        return
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret).decode().rstrip("=")
        first = (before * 8 + 5) // 6
        last = (before + len(secret)) * 8 // 6
        own = coded[first:last]
        yield own
        yield own.replace("+", "-").replace("/", "_")


def _expression(spellings: tuple[str, ...]) -> str:
    """An alternation of all of them, longest first where one begins with another; common beginnings are shared, so
    that a place in the text is looked at once for each first character, not once for each spelling."""
    if len(spellings) == 1:
        return re.escape(spellings[0])
    branches: dict[str, list[str]] = {}
    for spelling in spellings:
        branches.setdefault(spelling[:1], []).append(spelling)
    parts = []
    for first, those in branches.items():
        if not first:
            continue
        common = _common(those)
        rests = tuple(spelling[len(common) :] for spelling in those)
        ends = "" in rests
        inner = "" if rests == ("",) else f"(?:{_expression(tuple(rest for rest in rests if rest))})"
        parts.append(re.escape(common) + (f"{inner}?" if ends and inner else inner))
    return parts[0] if len(parts) == 1 else "|".join(parts)


def _common(spellings: list[str]) -> str:
    first, last = min(spellings), max(spellings)
    for i, (a, b) in enumerate(zip(first, last, strict=False)):
        if a != b:
            return first[:i]
    return first[: len(last)]
