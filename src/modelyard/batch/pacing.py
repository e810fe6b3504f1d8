"""How fast a task goes: rows a second over the last half minute, and how long what is left takes at that pace."""

from collections import deque

from modelyard.batch.runner import Pace
from modelyard.domain.batch import Task

WINDOW_MS = 30_000
STEP_MS = 500


class Pacing:
    """Is told of a task whenever its counts have changed."""

    def __init__(self) -> None:
        self._marks: deque[tuple[int, int]] = deque()
        self._task: Task | None = None

    def note(self, task: Task, now_ms: int) -> None:
        done = task.counts.rows_done + task.counts.rows_failed
        if self._task is None or done < self._marks[-1][1]:  # rows of a source that is given up no longer count
            self._marks.clear()
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
        left = self._task.counts.rows - done
        return Pace(rows_per_s, left / rows_per_s if self._task.planned else None)

    def _forget(self, now_ms: int) -> None:
        """What is older than the window, but for the last mark before it, which is where the window begins."""
        while len(self._marks) > 1 and self._marks[1][0] <= now_ms - WINDOW_MS:
            self._marks.popleft()
