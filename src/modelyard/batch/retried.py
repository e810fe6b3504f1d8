"""What workers told of the failed rows of one split that are tried again, until all of them have been.

It outlives an attempt, so that a worker's death costs no more than what it was at. The lines are in a temporary
file, since nobody knows how long they are.
"""

import tempfile
from collections.abc import Sequence

from modelyard.core.batch.outcomes import Failures, Outcomes, failed_line, lines_of


class SpoolError(Exception):
    """The temporary file cannot be written or read; the text says why."""


class Retried:
    """What was told of one split so far. `left`: the rows that are still to be tried."""

    def __init__(self, only: Sequence[int]) -> None:
        self.left = [*only]
        self.fresh = False
        """Whether something was told in this attempt."""
        self._spool = tempfile.TemporaryFile(prefix="modelyard-retry-")  # noqa: SIM115 - closed by `close`
        self._places: dict[int, tuple[int, int]] = {}
        self._causes: dict[int, str] = {}

    def begin(self) -> None:
        """Another attempt."""
        self.fresh = False

    def take(self, told: Outcomes) -> None:
        self.fresh = True
        for row, line in zip(told.numbers, lines_of(told.lines), strict=True):
            self._put(row, line)
        self._causes.update(told.failures)
        del self.left[: told.rows]

    def fail_first(self, cause: str) -> None:
        row = self.left.pop(0)
        self._put(row, failed_line(cause))
        self._causes[row] = cause

    def fail_all(self, cause: str) -> None:
        """Those that are left cannot be tried."""
        while self.left:
            self.fail_first(cause)

    def line(self, row: int) -> bytes | None:
        """None: it was not tried again."""
        place = self._places.get(row)
        if place is None:
            return None
        try:
            self._spool.seek(place[0])
            return self._spool.read(place[1])
        except OSError as error:
            raise SpoolError(f"rows that were tried again cannot be read: {error}") from error

    @property
    def failures(self) -> Failures:
        return tuple(sorted(self._causes.items()))

    def close(self) -> None:
        self._spool.close()

    def _put(self, row: int, line: bytes) -> None:
        try:
            self._places[row] = (self._spool.seek(0, 2), len(line))
            self._spool.write(line)
        except OSError as error:
            raise SpoolError(f"rows that are tried again cannot be kept: {error}") from error
