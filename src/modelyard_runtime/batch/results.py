"""Outcomes of a split, gathered and published: every so often, when they are many, and at its end.

Rows are published in their order, and only whole ones. The thread that predicts adds; another one sends, also
while a long prediction runs, so that what is done does not wait for it.
"""

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from modelyard_runtime.batch import wire
from modelyard_runtime.batch.link import Link, LostError
from modelyard_runtime.logs import tell

MOST_CAUSE = 1000
_WAITING_BYTES = 4 * 1024 * 1024  # of results beyond a publication, before predicting waits
_failed = msgspec.json.Encoder().encode


def failed_line(cause: str) -> bytes:
    return _failed({"result": "FAILED", "error_message": cause}) + b"\n"


def lines_of(joined: bytes) -> list[bytes]:
    """With their ends."""
    return [line + b"\n" for line in joined.split(b"\n")[:-1]]


def cause_of(text: str) -> str:
    """Within bounds, and such that it can be written."""
    text = text if len(text) <= MOST_CAUSE else text[: MOST_CAUSE - 1] + "…"
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of `rows` rows from `first` on: a line each, or all lines in one. `failures`: (place of the row, cause).
    `begins` says where a row begins, by its place; behind the last one: where the next does. `numbers`, if they
    are not consecutive."""

    first: int
    rows: int
    lines: list[bytes]
    failures: list[tuple[int, str]]
    begins: Callable[[int], tuple[int, int]]
    numbers: list[int] | None = None

    @property
    def size(self) -> int:
        return sum(map(len, self.lines)) + sum([len(cause) for _, cause in self.failures])

    def number(self, place: int) -> int:
        return self.first + place if self.numbers is None else self.numbers[place]

    def parts(self, most_bytes: int) -> Iterator["Outcomes"]:
        """Of about as many bytes."""
        if self.size <= most_bytes:
            yield self
            return
        lines = self.lines if len(self.lines) == self.rows else lines_of(b"".join(self.lines))
        start = size = 0
        for n, line in enumerate(lines):
            size += len(line)
            if size >= most_bytes or n + 1 == self.rows:
                yield self._part(lines, start, n + 1)
                start, size = n + 1, 0

    def _part(self, lines: list[bytes], start: int, end: int) -> "Outcomes":
        return Outcomes(
            self.first + start,
            end - start,
            lines[start:end],
            [(place - start, cause) for place, cause in self.failures if start <= place < end],
            lambda place: self.begins(start + place),
            None if self.numbers is None else self.numbers[start:end],
        )


class Results:
    """Of one split, on one connection. `total`: the rows that it has, or that are asked for."""

    def __init__(
        self, link: Link, split: wire.Split, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._link = link
        self._split = split
        self._total = total
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[Outcomes] = deque()
        self._bytes = 0
        self._since_s = 0.0
        self._flushing = self._ended = self._sending = False
        self._done = 0
        self._thread = threading.Thread(target=self._write, name="results", daemon=True)
        self._thread.start()

    def add(self, outcomes: Outcomes) -> None:
        """Waits while too much waits to be sent. Raises LostError."""
        with self._changed:
            if not self._waiting:
                self._since_s = self._clock()
            self._waiting.append(outcomes)
            self._bytes += outcomes.size
            self._changed.notify_all()
            while self._bytes > self._split.flush_bytes + _WAITING_BYTES and not self._link.lost:
                self._changed.wait()
        if self._link.lost:
            raise LostError

    def flush(self) -> None:
        """All of it has been handed to the connection. Raises LostError."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            while (self._waiting or self._sending) and not self._link.lost:
                self._changed.wait()
            self._flushing = False
        if self._link.lost:
            raise LostError

    def end(self) -> None:
        """No more is added or sent. Any number of times."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _write(self) -> None:
        try:
            while (taken := self._due()) is not None:
                self._publish(taken)
                with self._changed:
                    self._sending = False
                    self._changed.notify_all()
        except LostError:
            pass
        except Exception:  # noqa: BLE001 - a bug here must not leave a split that never ends
            tell(traceback.format_exc())
            self._link.close()
        with self._changed:
            self._sending = False
            self._changed.notify_all()

    def _due(self) -> list[Outcomes] | None:
        """What is to be published now; None at the end."""
        with self._changed:
            while not self._ended and not self._link.lost:
                left_s = self._since_s + self._split.flush_s - self._clock()
                if self._waiting and (self._flushing or self._bytes >= self._split.flush_bytes or left_s <= 0):
                    taken = list(self._waiting)
                    self._waiting.clear()
                    self._bytes = 0
                    self._sending = True
                    self._changed.notify_all()
                    return taken
                self._changed.wait(left_s if self._waiting else None)
            return None

    def _publish(self, taken: list[Outcomes]) -> None:
        most = self._split.flush_bytes
        group: list[Outcomes] = []
        size = 0
        for outcomes in taken:
            for part in outcomes.parts(most):
                if group and size + part.size > most:
                    self._send(group)
                    group, size = [], 0
                group.append(part)
                size += part.size
        self._send(group)

    def _send(self, group: list[Outcomes]) -> None:
        rows = sum([each.rows for each in group])
        self._done += rows
        last = group[-1]
        following = None if self._done == self._total else last.begins(last.rows)
        failures = [(each.number(place), cause) for each in group for place, cause in each.failures]
        numbers = None
        if self._split.only is not None:
            numbers = [each.number(place) for each in group for place in range(each.rows)]
        lines = [line for each in group for line in each.lines]
        self._link.send(*wire.published(rows, failures, following, numbers, [b"".join(lines)]))
