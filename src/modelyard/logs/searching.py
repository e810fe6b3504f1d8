"""A search over the segments of one service: blocks that may have it by the index, then each line by itself.

Time is bounded, and so is memory: one block at a time, and a page of so many lines and characters. A search that
is cut short says up to where it looked. It always looks at one block at least, so that whoever goes on from there
gets to the end.
"""

import json
import sqlite3
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace

import msgspec

from modelyard.core.logs import folded, matches
from modelyard.domain.logs import Found, Line, LogQuery, Origin
from modelyard.logs.blocks import clean, grams, released, unpacked
from modelyard.logs.segment import Facts, origins_of

PAGE_CHARACTERS = 8 * 1024 * 1024
Rows = Generator[tuple[int, int, bytes], None, None]
"""The number of the first line, how many there are, and they themselves."""
FARTHEST = 1 << 62


@dataclass(slots=True)
class Search:
    """One of them: what was found so far, and up to where (`looked_to`). `deadline`: in seconds of `clock`.
    `ended`: the page is full, or there is no time left (`late`). `dropped`: nobody waits for it any more."""

    query: LogQuery
    clock: Callable[[], float]
    deadline: float
    found: list[Line] = field(default_factory=list)
    looked_to: int | None = None
    characters: int = 0
    ended: bool = False
    late: bool = False
    dropped: bool = False
    damaged_blocks: int = 0
    _words: tuple[str, ...] = ()
    _plain: tuple[bytes, ...] = ()
    _expression: str = ""

    def __post_init__(self) -> None:
        query = self.query
        self.query = replace(
            query,
            words=tuple(clean(word) for word in query.words if word),
            reference=clean(query.reference),
            after=_number(query.after),
            before=_number(query.before),
            since_ms=_number(query.since_ms),
            until_ms=_number(query.until_ms),
        )
        self._words = tuple(map(folded, self.query.words))
        self._plain = tuple(word.encode() for word in self._words if word.isascii())
        self._expression = grams([*self.query.words, self.query.reference])

    def answer(self) -> Found:
        return Found(tuple(self.found), complete=not self.late, cursor=self.looked_to if self.ended else None)

    def wants(self, facts: Facts) -> bool:
        """Whether what is looked for can be in a segment."""
        query = self.query
        if facts.from_ms is None or facts.until_ms is None:
            return False
        return not (
            (query.after is not None and facts.last <= query.after)
            or (query.before is not None and facts.first >= query.before)
            or (query.since_ms is not None and facts.until_ms < query.since_ms)
            or (query.until_ms is not None and facts.from_ms > query.until_ms)
        )

    def within(self, connection: sqlite3.Connection) -> None:
        """Look at a segment. Raises sqlite3.Error; what was found until then stays."""
        connection.execute("BEGIN")
        try:
            origins = origins_of(connection)
            meant = {number for number, origin in origins.items() if self._meant(origin)}
            if not meant:
                return
            parts = [
                (self._tail(connection), False),
                (self._blocks(connection, meant if len(meant) < len(origins) else set()), True),
            ]
            for rows, compressed in parts if self.query.newest_first else reversed(parts):
                self._look_at(rows, compressed, origins)
        finally:
            connection.execute("ROLLBACK")

    def fresh(self) -> "Search":
        """The same one, for another segment."""
        return Search(self.query, self.clock, self.deadline)

    def take(self, other: "Search") -> None:
        """What the one for the next segment found."""
        self.damaged_blocks += other.damaged_blocks
        for line in other.found:
            self._add(line)
            if self.ended:
                return
        if other.ended:
            self.looked_to, self.ended, self.late = other.looked_to, True, other.late

    def done_to(self, number: int) -> None:
        """Everything up to this line was looked at."""
        self.looked_to = number
        if self.dropped or self.clock() > self.deadline:
            self.ended = self.late = True

    def _add(self, line: Line) -> None:
        self.found.append(line)
        self.characters += len(line.text)
        if len(self.found) >= self.query.limit or self.characters > PAGE_CHARACTERS:
            self.looked_to, self.ended = line.number, True

    def _look_at(self, rows: Rows, compressed: bool, origins: dict[int, Origin]) -> None:
        with closing(rows):
            while not self.ended and (row := next(rows, None)):
                number, count, body = row
                try:
                    self._take(number, released(body) if compressed else body, origins)
                except (zlib.error, msgspec.MsgspecError, LookupError):
                    self.damaged_blocks += 1
                if not self.ended:
                    self.done_to(number if self.query.newest_first else number + count - 1)

    def _take(self, number: int, raw: bytes, origins: dict[int, Origin]) -> None:
        if not self._may_have(raw):
            return
        for line in self._in(number, raw, origins):
            self._add(line)
            if self.ended:
                return

    def _may_have(self, raw: bytes) -> bool:
        """Without taking it apart. What is plain ASCII folds to itself, a byte for a byte."""
        if not self._words or not raw.isascii():
            return True
        lower = raw.lower()
        return len(self._plain) == len(self._words) and all(word in lower for word in self._plain)

    def _in(self, number: int, raw: bytes, origins: dict[int, Origin]) -> Iterator[Line]:
        lines = [
            Line(number + i, piece.at_ms, piece.text, origins[piece.origin], piece.reference, piece.cut)
            for i, piece in enumerate(unpacked(raw))
        ]
        ordered = reversed(lines) if self.query.newest_first else lines
        return (line for line in ordered if matches(self.query, line))

    def _meant(self, origin: Origin) -> bool:
        query = self.query
        return query.instance_id in ("", origin.instance_id) and query.revision in (None, origin.revision)

    def _blocks(self, connection: sqlite3.Connection, meant: set[int]) -> Rows:
        """Those that may have it. `meant`: with lines of these origins (none: of any)."""
        query, following = self.query, _following(self.query)
        where = [
            "b.number < ?",
            "b.number + b.lines > ?",
            "b.number >= coalesce((SELECT max(number) FROM blocks WHERE number <= ?), 0)",
        ]
        values: list[int | str] = [_before(query), following, following]
        if query.since_ms is not None:
            where.append("b.until_ms >= ?")
            values.append(query.since_ms)
        if query.until_ms is not None:
            where.append("b.from_ms <= ?")
            values.append(query.until_ms)
        if meant:
            where.append(
                "EXISTS (SELECT 1 FROM block_origins o WHERE o.number = b.number"
                " AND o.origin IN (SELECT value FROM json_each(?)))"
            )
            values.append(json.dumps(sorted(meant)))
        source, order = "blocks b", "b.number"
        if self._expression:
            source, order = "words w CROSS JOIN blocks b ON b.number = w.rowid", "w.rowid"
            where.insert(0, "words MATCH ?")
            values.insert(0, self._expression)
        statement = f"""
            SELECT b.number, b.lines, y.body FROM {source} CROSS JOIN bodies y ON y.number = b.number
            WHERE {" AND ".join(where)} ORDER BY {order} {self._direction()}"""  # noqa: S608 - our own words
        with closing(connection.execute(statement, values)) as rows:
            yield from rows

    def _tail(self, connection: sqlite3.Connection) -> Rows:
        statement = f"""
            SELECT number, lines, body FROM tail WHERE number < ? AND number + lines > ?
            ORDER BY number {self._direction()}"""  # noqa: S608 - our own words
        with closing(connection.execute(statement, (_before(self.query), _following(self.query)))) as rows:
            yield from rows

    def _direction(self) -> str:
        return "DESC" if self.query.newest_first else "ASC"


def _number(value: int | None) -> int | None:
    """What the database can compare; there are no lines beyond it."""
    return None if value is None else max(-FARTHEST, min(value, FARTHEST))


def _following(query: LogQuery) -> int:
    return query.after + 1 if query.after is not None else 1


def _before(query: LogQuery) -> int:
    return query.before if query.before is not None else FARTHEST
