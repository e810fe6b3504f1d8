"""One file of kept lines: an SQLite database with blocks of lines, an index of what is in them, and what the
service's next segment must know.

New lines wait in `tail`, as they came, until there are enough of them for whole blocks (`SEAL_BYTES`): an append
of one line writes one row. A block is compressed, and its grams are indexed under the number of its first line
(FTS5, contentless, without places: measured in docs/decisions). Lines, the position of who appended them, and the
facts of the segment are one transaction.

Its first line's number names the file. Only the newest segment gets lines; one behind it is written once
more, when its index is made one tree (`settle`), which changes nothing that it holds.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import msgspec

from modelyard.domain.logs import Origin
from modelyard.logs.blocks import Piece, blocks, full, indexed, packed, pieces, squeezed, unpacked
from modelyard.logs.incoming import Incoming

SEAL_BYTES = 64 * 1024
VERSION = 1
MERGE_PAGES = 1000
POSITIONS = 4096
"""Instances whose position goes on to the next segment, those that were heard of last."""
CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA}

SCHEMA = """
CREATE TABLE facts(id INTEGER PRIMARY KEY, first, last, lines, from_ms, until_ms,
                   cut_through, cut_lines, cut_bytes, cut_until_ms);
CREATE TABLE origins(id INTEGER PRIMARY KEY, project, service, instance, revision, model);
CREATE TABLE positions(instance TEXT PRIMARY KEY, position, touched) WITHOUT ROWID;
CREATE TABLE tail(number INTEGER PRIMARY KEY, lines, size, body);
CREATE TABLE blocks(number INTEGER PRIMARY KEY, lines, from_ms, until_ms);
CREATE TABLE bodies(number INTEGER PRIMARY KEY, body);
CREATE TABLE block_origins(origin, number, PRIMARY KEY(origin, number)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0, detail=none,
                                      tokenize='trigram case_sensitive 1');
"""


class DamagedSegmentError(Exception):
    """The file does not hold what it must; it names it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`first`, `last`: numbers (`last` below `first`: no lines). `cut_*`: of the service, up to the line
    `cut_through`."""

    first: int
    last: int
    lines: int = 0
    from_ms: int | None = None
    until_ms: int | None = None
    cut_through: int = 0
    cut_lines: int = 0
    cut_bytes: int = 0
    cut_until_ms: int | None = None

    def after(self, lines: Sequence[Piece]) -> "Facts":
        times = [line.at_ms for line in lines]
        return replace(
            self,
            last=self.last + len(lines),
            lines=self.lines + len(lines),
            from_ms=min(times) if self.from_ms is None else min(self.from_ms, *times),
            until_ms=max(times) if self.until_ms is None else max(self.until_ms, *times),
        )


def damaged(error: Exception) -> bool:
    """Whether it tells of the file, not of the disk or of who else has it open."""
    if not isinstance(error, sqlite3.DatabaseError):
        return isinstance(error, DamagedSegmentError)
    return (getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF) in CORRUPT


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Raises sqlite3.Error."""
    if create:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return sqlite3.connect(
        f"file:{_quoted(path)}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=5
    )


def facts_of(connection: sqlite3.Connection, path: Path) -> Facts:
    """Raises DamagedSegmentError, sqlite3.Error."""
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        raise DamagedSegmentError(f"{path} is no segment of logs that this version reads")
    names = ", ".join(each.name for each in fields(Facts))
    row = connection.execute(f"SELECT {names} FROM facts").fetchone()  # noqa: S608 - our own names
    if row is None or not all(value is None or isinstance(value, int) for value in row):
        raise DamagedSegmentError(f"{path} does not say what it holds")
    return Facts(*row)


def origins_of(connection: sqlite3.Connection) -> dict[int, Origin]:
    rows = connection.execute("SELECT id, project, service, instance, revision, model FROM origins")
    return {row[0]: Origin(*row[1:]) for row in rows}


class Segment:
    """The newest one of a service, open for appending. Every call may raise sqlite3.Error, after which it is to be
    closed and opened again; what was not committed did not happen."""

    def __init__(self, path: Path, connection: sqlite3.Connection, facts: Facts) -> None:
        self.path = path
        self.facts = facts
        self._connection = connection
        self._origins = {origin: number for number, origin in origins_of(connection).items()}
        self._waiting = int(connection.execute("SELECT coalesce(sum(size), 0) FROM tail").fetchone()[0])

    @classmethod
    def create(cls, directory: Path, facts: Facts, positions: Mapping[str, str]) -> "Segment":
        """Whole or not at all: a fresh one gets its name last."""
        path = directory / f"{facts.first:016d}.db"
        fresh = directory / f".{path.name}"
        remove(fresh)
        connection = connect(fresh, create=True)
        try:
            connection.executescript(SCHEMA)
            connection.execute("BEGIN")
            few = list(positions.items())[-POSITIONS:]
            connection.executemany(
                "INSERT INTO positions VALUES(?, ?, ?)", [(name, text, i) for i, (name, text) in enumerate(few)]
            )
            _record(connection, facts)
            connection.execute(f"PRAGMA user_version={VERSION}")
            connection.execute("COMMIT")
        finally:
            connection.close()
        fresh.rename(path)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> "Segment":
        """Raises DamagedSegmentError, sqlite3.Error."""
        connection = connect(path)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA cache_size=-4096")
            connection.execute("PRAGMA wal_autocheckpoint=2000")
            connection.execute("PRAGMA journal_size_limit=8388608")
            return cls(path, connection, facts_of(connection, path))
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def size(self) -> int:
        """Bytes on disk."""
        pages, of = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
        )
        return int(pages) * int(of)

    def append(self, batches: Sequence[Incoming]) -> None:
        with _Transaction(self):
            lines = [piece for batch in batches for piece in pieces(self._origin(batch.origin), batch.lines)]
            touched = self.facts.last + len(lines)
            self._connection.executemany(
                "INSERT OR REPLACE INTO positions VALUES(?, ?, ?)",
                [(batch.origin.instance_id, batch.position, touched) for batch in batches],
            )
            if lines:
                number = self.facts.last + 1
                self.facts = self.facts.after(lines)
                self._add(number, lines)
                _record(self._connection, self.facts)

    def count_cut(self, facts: Facts) -> None:
        """Write down what was cut from the service (`cut_*`)."""
        with _Transaction(self):
            self.facts = facts
            _record(self._connection, facts)

    def seal(self) -> None:
        """No line is appended any more: all of it into blocks."""
        with _Transaction(self):
            number, lines = self._take_tail()
            for block in blocks(lines):
                self._add_block(number, block)
                number += len(block)

    def _add(self, number: int, lines: list[Piece]) -> None:
        body = packed(lines)
        if self._waiting + len(body) < SEAL_BYTES:
            self._add_tail(number, lines, body)
            return
        before, waiting = self._take_tail()
        if waiting:
            number, lines = before, waiting + lines
        for block in blocks(lines):
            if full(block):
                self._add_block(number, block)
            else:
                self._add_tail(number, block, packed(block))
            number += len(block)

    def _add_tail(self, number: int, lines: Sequence[Piece], body: bytes) -> None:
        self._connection.execute("INSERT INTO tail VALUES(?, ?, ?, ?)", (number, len(lines), len(body), body))
        self._waiting += len(body)

    def _take_tail(self) -> tuple[int, list[Piece]]:
        rows = self._connection.execute("SELECT number, body FROM tail ORDER BY number").fetchall()
        self._connection.execute("DELETE FROM tail")
        self._waiting = 0
        try:
            return (rows[0][0] if rows else 0), [piece for _, body in rows for piece in unpacked(body)]
        except (msgspec.MsgspecError, LookupError) as error:
            raise DamagedSegmentError(f"{self.path}: the lines that were appended last: {error}") from error

    def _add_block(self, number: int, lines: Sequence[Piece]) -> None:
        times = [line.at_ms for line in lines]
        execute = self._connection.execute
        execute("INSERT INTO blocks VALUES(?, ?, ?, ?)", (number, len(lines), min(times), max(times)))
        execute("INSERT INTO bodies VALUES(?, ?)", (number, squeezed(packed(lines))))
        execute("INSERT INTO words(rowid, text) VALUES(?, ?)", (number, indexed(lines)))
        self._connection.executemany(
            "INSERT INTO block_origins VALUES(?, ?)",
            [(origin, number) for origin in {line.origin for line in lines}],
        )

    def _origin(self, origin: Origin) -> int:
        if origin not in self._origins:
            number = len(self._origins) + 1
            self._connection.execute("INSERT INTO origins VALUES(?, ?, ?, ?, ?, ?)", (number, *astuple(origin)))
            self._origins[origin] = number
        return self._origins[origin]


class _Transaction:
    def __init__(self, segment: Segment) -> None:
        self._segment = segment

    def __enter__(self) -> None:
        self._before = self._segment.facts
        self._segment._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        connection = self._segment._connection
        try:
            if error is None:
                connection.execute("COMMIT")
                return
        except BaseException:
            self._undo()
            raise
        self._undo()

    def _undo(self) -> None:
        self._segment.facts = self._before
        if self._segment._connection.in_transaction:
            self._segment._connection.execute("ROLLBACK")


def _record(connection: sqlite3.Connection, facts: Facts) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(facts))


def settle(path: Path, stopped: Callable[[], bool]) -> None:
    """Make one tree of the index of a segment that is not written any more, and one file of it, in small steps
    that hold up no search. Not needed, but with some ten trees a search reads several times as much from the disk.
    Raises sqlite3.Error."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA synchronous=NORMAL")
        pages, before = -MERGE_PAGES, -2
        while not stopped() and connection.total_changes - before > 1:
            before = connection.total_changes
            connection.execute("INSERT INTO words(words, rank) VALUES('merge', ?)", (pages,))
            pages = MERGE_PAGES
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:
            pass  # somebody reads it now: the log beside it stays for as long
    finally:
        connection.close()


def beside(path: Path) -> Iterable[Path]:
    """What SQLite lays beside a file."""
    return (path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))


def remove(path: Path) -> None:
    for each in (path, *beside(path)):
        each.unlink(missing_ok=True)


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
