"""A split at a time: one thread reads rows, the main thread predicts them, one sends what comes of them.

When all rows of a split have been read, those of the next one are, if it is here already, while the model still
predicts: so it need not wait between two. No more of the next is read than waits for the model of any split.

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
from modelyard_runtime.batch.link import LostError, Turn, UnreadableError, Window
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
        self._turns: queue.SimpleQueue[Turn | None] = queue.SimpleQueue()
        self._readings: queue.SimpleQueue[_Reading | None] = queue.SimpleQueue()
        self._pace = Pace(1)
        self._wanted = Wanted()
        self.busy = False

    def begin(self, turn: Turn) -> None:
        """Any thread."""
        self._turns.put(turn)

    def leave(self) -> None:
        """Make `work` return after the splits that are here. Any thread."""
        self._turns.put(None)

    def work(self, predicting: Predicting, most: int, least: int = 1) -> None:
        """Until `leave` between two splits. Raises LeaveError, LoadError when there is no model any more, or what
        a signal handler raises. `most`, `least`: how many rows the model takes at once."""
        self._pace = Pace(most, least)
        self._wanted.rows = self._pace.size
        threading.Thread(target=self._read, name="rows", daemon=True).start()
        while (reading := self._readings.get()) is not None:
            try:
                self._serve(reading, predicting)
            except LostError:
                continue
            except LoadError:  # there is no model any more
                raise
            except Exception:  # noqa: BLE001 - a bug here must not end the worker; the split is tried elsewhere
                tell(traceback.format_exc())
                reading.turn.link.close()

    def _read(self) -> None:
        """Splits one after the other."""
        while (turn := self._turns.get()) is not None:
            reading = _Reading(turn, Wanted(1) if turn.split.careful else self._wanted)
            self._readings.put(reading)
            reading.read()
        self._readings.put(None)

    def _serve(self, reading: "_Reading", predicting: Predicting) -> None:
        turn, split = reading.turn, reading.turn.split
        _log.debug("rows %d to %d of source %d", split.first_row, split.first_row + split.rows, split.source)
        total = split.rows if split.only is None else len(split.only)
        results = Results(turn, total)
        try:
            done = self._predict(reading, results, predicting(split))
            if done < total and not turn.abandoned:
                raise SourceError(f"it has {done} rows where {total} were counted: it is not what it was")
            results.flush()
        except (SourceError, UnreadableError) as error:
            reading.end()
            results.flush()
            turn.failed(str(error))
        else:
            reading.end()
            turn.over(abandoned=turn.abandoned and done < total)
        finally:
            reading.end()
            results.end()

    def _predict(self, reading: "_Reading", results: Results, predictor: Predictor) -> int:
        done = 0
        turn, split, pace = reading.turn, reading.turn.split, self._pace
        for chunk, numbers in reading:
            at = 0
            while at < len(chunk.items):
                if turn.link.lost:
                    raise LostError
                if turn.abandoned:
                    return done
                size = 1 if split.careful else min(pace.size, predictor.most)
                end = at + rows_of_call(len(chunk.items) - at, size, exact=not pace.settled)
                began_s = self._clock()
                self.busy = True
                answered = predictor.answer(chunk.items[at:end], numbers[at:end], plain=chunk.plain)
                self.busy = False
                if not split.careful:
                    self._learn(end - at, self._clock() - began_s, answered)
                    self._wanted.rows = pace.size
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
    """What has been read of a split: chunks, and the numbers of their rows."""

    def __init__(self, turn: Turn, wanted: Wanted) -> None:
        """`wanted.rows`: of a call, as far as that is known."""
        self.turn = turn
        self._wanted = wanted
        self._unwanted = threading.Event()
        self._over = threading.Event()
        self._chunks: queue.Queue[tuple[Chunk, Sequence[int]] | Exception | None] = queue.Queue(_CHUNKS)

    def __iter__(self) -> Iterator[tuple[Chunk, Sequence[int]]]:
        """Raises what reading raised."""
        while (chunk := self._chunks.get()) is not None:
            if isinstance(chunk, LostError) and self.turn.abandoned:
                return
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def end(self) -> None:
        """Nothing is read any more. Any number of times."""
        if self._unwanted.is_set():
            return
        self._unwanted.set()
        self.turn.wake()
        while not self._over.wait(0.001):
            with suppress(queue.Empty):
                self._chunks.get_nowait()

    def read(self) -> None:
        """All of its rows, as fast as they are used."""
        last: Exception | None = None
        try:
            for chunk in self._wanted_rows():
                if self._unwanted.is_set():
                    return
                self._chunks.put(chunk)
        except Exception as error:  # noqa: BLE001 - raised where the chunks are taken
            last = error
        finally:
            if not self._unwanted.is_set():
                self._chunks.put(last)
            self._over.set()

    def _wanted_rows(self) -> Iterator[tuple[Chunk, Sequence[int]]]:
        split = self.turn.split
        context = Context(split, Window(self.turn), self._wanted)
        if split.members:
            yield from bundle_chunks(context)
            return
        only = None if split.only is None else frozenset(split.only)
        end = split.first_row + split.rows
        chunks = chunks_of(context)
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
