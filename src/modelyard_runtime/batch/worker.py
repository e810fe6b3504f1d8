"""A split at a time: one thread reads rows, the main thread predicts them, one sends what comes of them.

Promises: a row's outcome is published at most once on a connection, in the order of the rows; when the connection
is over or the split abandoned, no further row is begun; whatever happens to one split, the next is served. What
was predicted and not published when the process ends is predicted again by whoever gets the split.
"""

import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from modelyard_runtime.batch import wire
from modelyard_runtime.batch.answered import Answered, Predictor
from modelyard_runtime.batch.bundle_rows import bundle_chunks
from modelyard_runtime.batch.link import Link, LostError, UnreadableError, Window
from modelyard_runtime.batch.pace import Pace
from modelyard_runtime.batch.results import Outcomes, Results
from modelyard_runtime.batch.rows import Chunk, Context, SourceError, Wanted, chunks_of
from modelyard_runtime.errors import LoadError
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.logs import tell

_MOST_ANSWER_BYTES = 16 * 1024 * 1024  # of one call
_CHUNKS = 2  # read ahead of those that are predicted
_log = logging.getLogger(__name__)

Predicting = Callable[[wire.Split], Predictor]
"""Raises SourceError."""


class Worker:
    """`ledger` counts rows as answers: 200 those with one, 500 those that failed. `busy`: some are being
    predicted."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.perf_counter) -> None:
        self._ledger = ledger
        self._clock = clock
        self._splits: queue.SimpleQueue[tuple[Link, wire.Split] | None] = queue.SimpleQueue()
        self._pace = Pace(1)
        self.busy = False

    def begin(self, link: Link, split: wire.Split) -> None:
        """Any thread."""
        self._splits.put((link, split))

    def leave(self) -> None:
        """Make `work` return after the splits that are here. Any thread."""
        self._splits.put(None)

    def work(self, predicting: Predicting, most: int, least: int = 1) -> None:
        """Until `leave` between two splits. Raises LeaveError, LoadError when there is no model any more, or what
        a signal handler raises. `most`, `least`: how many rows the model takes at once."""
        self._pace = Pace(most, least)
        while (given := self._splits.get()) is not None:
            link, split = given
            try:
                self._serve(link, split, predicting)
            except LostError:
                continue
            except LoadError:  # there is no model any more
                raise
            except Exception:  # noqa: BLE001 - a bug here must not end the worker; the split is tried elsewhere
                tell(traceback.format_exc())
                link.close()

    def _serve(self, link: Link, split: wire.Split, predicting: Predicting) -> None:
        _log.debug("rows %d to %d of source %d", split.first_row, split.first_row + split.rows, split.source)
        total = split.rows if split.only is None else len(split.only)
        results = Results(link, split, total)
        reading = _Reading(link, split, 1 if split.careful else self._pace.size)
        try:
            done = self._predict(reading, results, link, predicting(split))
            if done < total and not link.abandoned:
                raise SourceError(f"it has {done} rows where {total} were counted: it is not what it was")
            results.flush()
        except (SourceError, UnreadableError) as error:
            reading.end()
            results.flush()
            link.failed(str(error))
        else:
            reading.end()
            link.over(abandoned=link.abandoned and done < total)
        finally:
            reading.end()
            results.end()

    def _predict(self, reading: "_Reading", results: Results, link: Link, predictor: Predictor) -> int:
        done = 0
        split, pace = reading.split, self._pace
        for chunk, numbers in reading:
            at = 0
            while at < len(chunk.items):
                if link.lost:
                    raise LostError
                if link.abandoned:
                    return done
                size = 1 if split.careful else min(pace.size, predictor.most)
                end = at + rows_of_call(len(chunk.items) - at, size, exact=not pace.settled)
                began_s = self._clock()
                self.busy = True
                answered = predictor.answer(chunk.items[at:end], numbers[at:end], plain=chunk.plain)
                self.busy = False
                if not split.careful:
                    self._learn(end - at, self._clock() - began_s, answered)
                    reading.wanted.rows = pace.size
                self._count(end - at, len(answered.failures))
                results.add(_outcomes(chunk, numbers, at, end, answered, sparse=split.only is not None))
                if split.careful:
                    results.flush()
                done += end - at
                at = end
        return done

    def _learn(self, rows: int, took_s: float, answered: Answered) -> None:
        if answered.broken or sum(map(len, answered.lines)) > _MOST_ANSWER_BYTES:
            self._pace.shrink(rows)
        else:
            self._pace.record(rows, took_s)

    def _count(self, rows: int, failed: int) -> None:
        self._ledger.begun += rows
        tally = self._ledger.mine
        tally.answers[2] += rows - failed
        tally.answers[5] += failed
        tally.batch_rows.add(rows)
        tally.finished += rows


def rows_of_call(left: int, size: int, *, exact: bool) -> int:
    """How many of the rows that are left the next call takes: `size`, as long as it is tried out (`exact`); later
    equal parts at the end, rather than a last one of a few rows."""
    calls = -(-left // size)
    return min(size, left) if exact or calls > 2 else -(-left // calls)


def _outcomes(
    chunk: Chunk, numbers: Sequence[int], start: int, end: int, answered: Answered, *, sparse: bool
) -> Outcomes:
    return Outcomes(
        numbers[start] if sparse else chunk.first + start,
        end - start,
        answered.lines,
        answered.failures,
        lambda place: chunk.begins(start + place),
        list(numbers[start:end]) if sparse else None,
    )


class _Reading:
    """The thread that reads the rows of a split, and what it has read: chunks, and the numbers of their rows."""

    def __init__(self, link: Link, split: wire.Split, rows: int) -> None:
        """`rows`: of a call, as far as that is known."""
        self.split = split
        self.wanted = Wanted(rows)
        self._link = link
        self._ended = False
        self._chunks: queue.Queue[tuple[Chunk, Sequence[int]] | Exception | None] = queue.Queue(_CHUNKS)
        self._thread = threading.Thread(target=self._read, name="rows", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[tuple[Chunk, Sequence[int]]]:
        """Raises what reading raised."""
        while (chunk := self._chunks.get()) is not None:
            if isinstance(chunk, LostError) and self._link.abandoned:
                return
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def end(self) -> None:
        """Nothing is read any more. Any number of times."""
        if self._ended:
            return
        self._ended = True
        self._link.wake()
        while self._thread.is_alive():
            with suppress(queue.Empty):
                self._chunks.get_nowait()
            self._thread.join(0.001)

    def _read(self) -> None:
        last: Exception | None = None
        try:
            for chunk in self._wanted_rows():
                if self._ended:
                    return
                self._chunks.put(chunk)
        except Exception as error:  # noqa: BLE001 - raised where the chunks are taken
            last = error
        self._chunks.put(last)

    def _wanted_rows(self) -> Iterator[tuple[Chunk, Sequence[int]]]:
        split = self.split
        if split.members:
            yield from bundle_chunks(Context(split, Window(self._link), self.wanted))
            return
        only = None if split.only is None else frozenset(split.only)
        end = split.first_row + split.rows
        chunks = chunks_of(Context(split, Window(self._link), self.wanted))
        if split.job.format == "file":
            end = split.source + split.rows
        for chunk in chunks:
            numbers = range(chunk.first, chunk.first + len(chunk.items))
            if numbers.stop > end:
                raise SourceError(
                    f"it has more rows than the {split.rows} that were counted: it is not what it was"
                )
            if only is None:
                yield chunk, numbers
            elif places := [n for n, number in enumerate(numbers) if number in only]:
                yield _Picked(chunk, places), [numbers[n] for n in places]


class _Picked:
    """Some rows of a chunk."""

    def __init__(self, chunk: Chunk, places: list[int]) -> None:
        self.first = chunk.first + places[0]
        self.items = [chunk.items[n] for n in places]
        self.plain = chunk.plain
        self._chunk = chunk
        self._places = places

    def begins(self, place: int) -> tuple[int, int]:
        """Behind the last one that is wanted before it."""
        return self._chunk.begins(self._places[place - 1] + 1 if place else self._places[0])
