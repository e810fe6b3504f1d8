"""The segments of one service: which there are, the newest one open for appending, the oldest cut.

Used by one thread. Numbers go on whatever happens to files: a fresh segment begins after all that the one before
held, and where that cannot be read, after all that it could have held. A file that is damaged gets another name
(`damaged-…`), is said in the log, and is removed with its age.
"""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from modelyard.domain.logs import Kept, Origin
from modelyard.logs import segment
from modelyard.logs.incoming import Incoming
from modelyard.logs.segment import DamagedSegmentError, Facts, Segment

log = logging.getLogger(__name__)

DAMAGED = "damaged-"
DAY_MS = 24 * 3600 * 1000
LINES_PER_BYTE = 520
"""More than a byte of a compressed block can stand for: zlib makes at most 1032 of one, and a line takes two."""
MOST_LINES = 1 << 38
"""More than the largest segment can have held, however little of it is left."""
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Closed:
    """A segment that is not written any more."""

    path: Path
    facts: Facts
    size: int


class Shelf:
    """Every call may raise sqlite3.Error, OSError: then nothing was stored, and the next call begins anew."""

    def __init__(
        self,
        directory: Path,
        segment_bytes: int,
        closed: Callable[[Path], None] = lambda _path: None,
        gone: Callable[[Path], None] = lambda _path: None,
    ) -> None:
        """`closed` is told of each segment that is not written any more, `gone` of each whose file was removed or
        has another name: whoever has it open keeps its room on the disk."""
        self.directory = directory
        self._tell_closed = closed
        self._tell_gone = gone
        self._segment_bytes = segment_bytes
        self._closed: list[Closed] = []
        self._newest: Segment | None = None
        self._newest_known: Closed | None = None
        self._positions: dict[str, str] = {}
        self._set_aside = 0
        self._load()

    def position(self, origin: Origin) -> str:
        return self._positions.get(origin.instance_id, "")

    def segments(self) -> Sequence[Closed]:
        """All that can be searched, oldest first."""
        return (*self._closed, self._newest_known) if self._newest_known else tuple(self._closed)

    def append(self, batches: Sequence[Incoming], most_bytes: int) -> int:
        """The last number. `most_bytes`: what the service may keep (0: no bound)."""
        earliest = min((line.at_ms for batch in batches for line in batch.lines), default=None)
        self._rotate_if_full(earliest, most_bytes)
        newest = self._open()
        try:
            newest.append(batches)
        except (DamagedSegmentError, sqlite3.Error) as error:
            self._failed(error)
            if not segment.damaged(error):
                raise
            self._open().append(batches)
        for batch in batches:
            self._positions.pop(batch.origin.instance_id, None)
            self._positions[batch.origin.instance_id] = batch.position
        self._know()
        return self._open().facts.last

    def cut(self, most_bytes: int, oldest_ms: int) -> None:
        """Whole segments, oldest first: beyond `most_bytes` (0: no bound), or with nothing from `oldest_ms` on."""
        self._closed = [_measured(each) for each in self._closed]
        known = self.segments()
        if known and _old(known[-1], oldest_ms):
            self._rotate()
        gone = 0
        kept = sum(each.size for each in self.segments())
        for each in self._closed:
            if not _old(each, oldest_ms) and (not most_bytes or kept <= most_bytes):
                break
            kept -= each.size
            gone += 1
        self._cut(gone)
        self._remove_damaged(oldest_ms)

    def kept(self) -> Kept:
        known = self.segments()
        facts = known[-1].facts if known else Facts(1, 0)
        times = [each.facts.from_ms for each in known if each.facts.from_ms is not None]
        return Kept(
            lines=sum(each.facts.lines for each in known),
            bytes=sum(each.size for each in known),
            oldest_ms=min(times, default=None),
            cut_lines=facts.cut_lines,
            cut_bytes=facts.cut_bytes,
            cut_until_ms=facts.cut_until_ms,
            set_aside=self._set_aside,
        )

    def close(self) -> None:
        """What is open; it is opened again when it is needed."""
        if self._newest:
            newest, self._newest = self._newest, None
            newest.close()

    def set_aside(self, path: Path, why: object) -> None:
        """A file that does not hold what it must."""
        if self._newest_known and path == self._newest_known.path:
            self.close()
            self._carry_over(path)
        else:
            self._closed = [each for each in self._closed if each.path != path]
            self._put_away(path)
        log.warning("%s is damaged and set aside as %s%s: %s", path, DAMAGED, path.name, why)

    def _load(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = sorted(
            path for path in self.directory.iterdir() if path.name[0].isdigit() and path.suffix == ".db"
        )
        self._set_aside = len(list(self.directory.glob(f"{DAMAGED}*.db")))
        for path in paths:
            self._closed = [each for each in (*self._closed, self._looked_at(path)) if each]
        if paths and self._closed and self._closed[-1].path == paths[-1]:
            self._newest_known = self._closed.pop()
            self._positions = _read(self._newest_known.path, _positions)
        elif paths:
            self._carry_over(paths[-1])
        if self._newest_known:
            through = self._newest_known.facts.cut_through
            for each in self._closed:
                if each.facts.last <= through:  # it was counted, and then we were killed
                    self._remove(each.path)
            self._closed = [each for each in self._closed if each.facts.last > through]

    def _looked_at(self, path: Path) -> Closed | None:
        try:
            facts = _read(path, lambda connection: segment.facts_of(connection, path))
        except (DamagedSegmentError, sqlite3.DatabaseError) as error:
            if not segment.damaged(error):
                raise
            self._put_away(path)
            log.warning("%s is damaged and set aside as %s%s: %s", path, DAMAGED, path.name, error)
            return None
        return Closed(path, facts, path.stat().st_size)

    def _put_away(self, path: Path) -> None:
        for each in (path, *segment.beside(path)):
            if each.exists():
                each.rename(each.with_name(DAMAGED + each.name))
        self._set_aside += 1
        self._tell_gone(path)

    def _carry_over(self, lost: Path) -> None:
        """The newest was lost: the next begins after all that it could have held."""
        away = lost if lost.exists() else lost.with_name(DAMAGED + lost.name)
        size = sum(each.stat().st_size for each in (away, *segment.beside(away)) if each.exists())
        known, self._newest_known = self._newest_known, None
        held = max(size * LINES_PER_BYTE, MOST_LINES)
        first = max(int(lost.stem) + held, known.facts.last + 1 if known else 1)
        if away is lost:
            self._put_away(lost)
        before = known.facts if known else self._closed[-1].facts if self._closed else Facts(1, 0)
        if not self._positions and self._closed:
            self._positions = _read(self._closed[-1].path, _positions)
        self._begin(_empty(before, first))

    def _open(self) -> Segment:
        if self._newest is None:
            if self._newest_known is None:
                self._begin(Facts(1, 0))
            elif not self._newest_known.path.exists():  # somebody took it away
                self._begin(_empty(self._newest_known.facts, self._newest_known.facts.last + 1))
            else:
                try:
                    self._newest = Segment.open(self._newest_known.path)
                except (DamagedSegmentError, sqlite3.DatabaseError) as error:
                    if not segment.damaged(error):
                        raise
                    self.set_aside(self._newest_known.path, error)
        assert self._newest is not None
        return self._newest

    def _begin(self, facts: Facts) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._newest = Segment.create(self.directory, facts, self._positions)
        self._know()

    def _know(self) -> None:
        assert self._newest is not None
        self._newest_known = Closed(self._newest.path, self._newest.facts, self._newest.size())

    def _failed(self, error: Exception) -> None:
        """Whatever state the connection is in: it is done with."""
        assert self._newest_known is not None
        if segment.damaged(error):
            self.set_aside(self._newest_known.path, error)
        else:
            self.close()

    def _rotate_if_full(self, earliest_ms: int | None, most_bytes: int) -> None:
        known = self._newest_known
        if known is None or not known.facts.lines:
            return
        spans = earliest_ms is not None and known.facts.from_ms is not None and earliest_ms - known.facts.from_ms
        if known.size < self._segment_bytes and (not spans or spans < DAY_MS):
            return
        self._rotate()
        if most_bytes:
            self.cut(max(most_bytes - self._segment_bytes, 1), 0)  # 0 would be no bound

    def _rotate(self) -> None:
        newest = self._open()
        newest.seal()
        self.close()
        assert self._newest_known is not None
        known = replace(self._newest_known, size=self._newest_known.path.stat().st_size)
        self._begin(_empty(known.facts, known.facts.last + 1))
        self._closed.append(known)
        self._tell_closed(known.path)

    def _cut(self, count: int) -> None:
        gone, newest = self._closed[:count], None
        if gone:
            newest = self._open()
            before = newest.facts
            times = [each.facts.until_ms for each in gone if each.facts.until_ms is not None]
            counted = replace(
                before,
                cut_through=gone[-1].facts.last,
                cut_lines=before.cut_lines + sum(each.facts.lines for each in gone),
                cut_bytes=before.cut_bytes + sum(each.size for each in gone),
                cut_until_ms=max(times, default=before.cut_until_ms),
            )
            try:
                newest.count_cut(counted)
                self._know()
            except sqlite3.OperationalError as error:  # a full disk must not keep what would make room on it
                self.close()
                log.warning(
                    "%s: %d lines are cut without being counted: %s", self.directory, counted.cut_lines, error
                )
        for each in gone:
            self._remove(each.path)
        self._closed = self._closed[count:]

    def _remove(self, path: Path) -> None:
        segment.remove(path)
        self._tell_gone(path)

    def _remove_damaged(self, oldest_ms: int) -> None:
        for path in self.directory.glob(f"{DAMAGED}*"):
            if path.stat().st_mtime * 1000 < oldest_ms:
                path.unlink(missing_ok=True)
                self._set_aside -= path.suffix == ".db"


def _measured(closed: Closed) -> Closed:
    """It may have been settled since."""
    return replace(closed, size=closed.path.stat().st_size) if closed.path.exists() else closed


def _old(closed: Closed, oldest_ms: int) -> bool:
    return closed.facts.until_ms is not None and closed.facts.until_ms < oldest_ms


def _empty(before: Facts, first: int) -> Facts:
    """Those of the segment after `before`."""
    return replace(before, first=first, last=first - 1, lines=0, from_ms=None, until_ms=None)


def _positions(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT instance, position FROM positions ORDER BY touched"))


def _read(path: Path, what: Callable[[sqlite3.Connection], Read]) -> Read:
    connection = segment.connect(path)
    try:
        return what(connection)
    finally:
        connection.close()
