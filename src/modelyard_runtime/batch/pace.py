"""How many rows the next call takes: the decision, without a clock.

    calls get faster for a row the more it takes     twice as many, up to `most`
    they do not any more                             the size that was fastest
    a call lasts longer than `LONG_S`                half as many, and never so many again
    a call failed as a whole                         likewise

A size is tried for `TRIES` calls or `TRIED_S`, and is faster than another by a tenth or not at all, so that noise
decides nothing. What was learned holds for the next split too.
"""

LONG_S = 0.5
TRIED_S = 0.05
TRIES = 3
_FASTER = 1.05
_WEIGHT = 0.25


class Pace:
    """`size` is what the next call takes. One thread uses it."""

    def __init__(self, most: int) -> None:
        self.size = 1
        self._most = max(most, 1)
        self._speeds: dict[int, float] = {}  # rows a second, by size
        self._calls = 0
        self._spent_s = 0.0
        self._settled = False

    def record(self, rows: int, took_s: float) -> None:
        """A call has ended. Of one that took fewer rows than `size`, since there were no more, only its length
        says something."""
        if took_s > LONG_S:
            if rows > 1:
                self.shrink(rows)
            return
        if rows != self.size or self._settled:
            return
        speed = rows / max(took_s, 1e-9)
        before = self._speeds.get(rows)
        self._speeds[rows] = speed if before is None else before + (speed - before) * _WEIGHT
        self._calls += 1
        self._spent_s += took_s
        if self._calls >= TRIES or self._spent_s >= TRIED_S:
            self._decide(took_s)

    def shrink(self, rows: int) -> None:
        """Calls of as many rows are too large."""
        self._most = max(rows // 2, 1)
        self._move(min(self.size, self._most))
        self._settled = self._settled or self.size == self._most

    def _decide(self, took_s: float) -> None:
        size = self.size
        fastest = max(self._speeds, key=lambda each: self._speeds[each])
        # Two steps without a gain may be chance, or an overhead that is paid only once more; three are none.
        vain = self._speeds[size] < _FASTER * self._speeds.get(size // 4, 0.0)
        if size < self._most and 2 * took_s <= LONG_S and not vain:
            self._move(min(2 * size, self._most))
        else:
            self._settled = True
            self._move(fastest)

    def _move(self, size: int) -> None:
        self.size = size
        self._calls, self._spent_s = 0, 0.0
