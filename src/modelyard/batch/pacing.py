"""How fast a task goes: rows a second over the last half minute, and how long what is left takes at that pace.

How long is said only when it means something: all of the input is counted, and rows have been done for some
seconds. What came before the first of them (workers start, models grow quick) does not count.
"""

from collections import deque

from modelyard.batch.runner import Pace
from modelyard.domain.batch import Task

WINDOW_MS = 30_000
STEP_MS = 500
SETTLED_MS = 5_000
"""From the first row that was done on."""


class Pacing:
    """Is told of a task whenever its counts have changed."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int]] = deque()
        self._task: Task | None = None
        self._first: tuple[int, int] | None = None

    def note(self, task: Task, now_ms: int) -> None:
        done = task.counts.rows_done + task.counts.rows_failed
        if self._task is None or done < self._marks[-1][1]:  # rows of a source that is given up no longer count
            self._marks.clear()
            self._first = None
        elif self._first is None and done > self._marks[-1][1]:
            self._first = now_ms, done
        self._task = task
        if len(self._marks) > 1 and now_ms - self._marks[-2][0] < STEP_MS:
            self._marks.pop()
        self._marks.append((now_ms, done))
        self._forget(now_ms)

    def pace(self, now_ms: int) -> Pace:
        if self._task is None:
            return Pace()
        self._forget(now_ms)
        (since_ms, before), (_, done) = self._marks[0], self._marks[-1]
        passed_ms = now_ms - since_ms
        if done == before or passed_ms <= 0:
            return Pace()
        rows_per_s = (done - before) * 1000 / passed_ms
        return Pace(rows_per_s, self._left_s(now_ms))

    def _left_s(self, now_ms: int) -> float | None:
        if self._task is None or not self._task.planned or self._first is None:
            return None
        since_ms, before = max(self._first, self._marks[0])
        done = self._marks[-1][1]
        if now_ms - self._first[0] < SETTLED_MS or done == before:
            return None
        return (self._task.counts.rows - done) * (now_ms - since_ms) / (done - before) / 1000

    def _forget(self, now_ms: int) -> None:
        """What is older than the window, but for the last mark before it, which is where the window begins."""
        while len(self._marks) > 1 and self._marks[1][0] <= now_ms - WINDOW_MS:
            self._marks.popleft()
