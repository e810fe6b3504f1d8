"""How many rows the next call takes: the decision, without a clock.

    calls are much faster for a row than before      several times as many, up to `most`: what a call costs
                                                     however many rows it has is all that there is yet
    calls get faster for a row the more it takes     twice as many
    they do not any more                             the size that was fastest
    a call lasts longer than `LONG_S`, twice in      half as many; twice as many again after `CALM` calls that
    a row, or much longer                            were short
    a call failed for its size                       half as many, and never so many again

A size that is much faster than all before is passed by after one call. Any other is tried for `TRIES` calls or
`TRIED_S`, the fastest of which counts, and is faster than another by a twentieth or not at all, so that noise
decides little; where a leap led to a slower one, the sizes that it passed by are tried. What it decided all the
same is tried anew after `CALM` short calls. What was learned holds for the next split too.
"""

LONG_S = 0.5
MUCH_LONGER_S = 2.0
TRIED_S = 0.05
TRIES = 3
CALM = 100
_FASTER = 1.05
_MUCH_FASTER = 1.5
_LEAP = 8
_NEARLY = 0.8


class Pace:
    """`size` is what the next call takes, never fewer than `least`: as many are predicted beside each other. One
    thread uses it."""

    def __init__(self, most: int, least: int = 1) -> None:
        self.size = self._least = max(min(least, most), 1)
        self._most = max(most, 1)
        self._most_now = self._most
        self._speeds: dict[int, float] = {}  # rows a second, by size
        self._calls = self._calm = self._long = 0
        self._spent_s = 0.0
        self._settled = False
        self._leaping = True

    @property
    def settled(self) -> bool:
        """Whether it is known which size is fastest."""
        return self._settled

    def record(self, rows: int, took_s: float) -> None:
        """A call has ended. Of one that took far fewer rows than `size`, since there were no more, only its length
        says something."""
        self._long = self._long + 1 if took_s > LONG_S else 0
        if self._long > 1 or took_s > MUCH_LONGER_S:
            self._long = 0
            self._slow_down(rows)
        elif _NEARLY * self.size <= rows <= self.size and not self._settled:
            self._try(rows, took_s)
        else:
            self._calm_down(took_s)

    def shrink(self, rows: int) -> None:
        """Calls of as many rows are too large, however long they last."""
        self._most = max(rows // 2, self._least)
        self._slow_down(rows)

    def _slow_down(self, rows: int) -> None:
        if rows > self._least:
            self._most_now = max(rows // 2, self._least)
            self._settled = True
            self._move(min(self.size, self._most_now))

    def _calm_down(self, took_s: float) -> None:
        if took_s > LONG_S / 4 or self.size >= self._most:
            self._calm = 0
            return
        self._calm += 1
        if self._calm >= CALM:
            if self.size >= self._most_now:
                self._most_now = min(2 * self._most_now, self._most)
            self._settled = False
            self._speeds.clear()
            self._move(max(self.size // 2, self._least))

    def _try(self, rows: int, took_s: float) -> None:
        speed = rows / max(took_s, 1e-9)
        self._speeds[self.size] = max(speed, self._speeds.get(self.size, 0.0))  # what slows a call is often others
        self._calls += 1
        self._spent_s += took_s
        if self._leaping and speed > _MUCH_FASTER * self._best_until(self.size - 1):
            self._leap(took_s)
        elif self._calls >= TRIES or self._spent_s >= TRIED_S:
            self._decide(took_s)

    def _leap(self, took_s: float) -> None:
        """As far as calls are short, if they last as many times as long."""
        times = _LEAP
        while times > 1 and 2 * times * took_s > LONG_S:
            times //= 2
        if times > 1 and self.size < self._most_now:
            self._move(min(times * self.size, self._most_now))
        else:
            self._decide(took_s)

    def _decide(self, took_s: float) -> None:
        size = self.size
        leaping, self._leaping = self._leaping, False
        before = max((each for each in self._speeds if each < size), default=0)
        if leaping and before and 2 * before < size and self._speeds[size] < _FASTER * self._speeds[before]:
            self._move(2 * before)
            return
        # One step without a gain may be chance; two are none.
        vain = self._speeds[size] < _FASTER * self._best_until(size // 4)
        if 2 * size not in self._speeds and size < self._most_now and 2 * took_s <= LONG_S and not vain:
            self._move(min(2 * size, self._most_now))
        else:
            self._settled = True
            known = {each: speed for each, speed in self._speeds.items() if each <= self._most_now}
            enough = max(known.values()) / _FASTER
            self._move(min(each for each, speed in known.items() if speed >= enough))

    def _best_until(self, size: int) -> float:
        return max((speed for each, speed in self._speeds.items() if each <= size), default=0.0)

    def _move(self, size: int) -> None:
        self.size = size
        self._calls = self._calm = 0
        self._spent_s = 0.0
