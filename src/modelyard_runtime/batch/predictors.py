"""Rows through the model, as requests go through it in a real-time service: the same data, the same answers.

    a model that batches      one call for many rows; if it fails as a whole, its halves are tried
    a model of coroutines     many rows at once, on its event loop
    any other                 a row at a time; `"threads": N` of the package: on N threads at once

All of the model's code runs on the thread that calls, but for those N threads (`execution.executors`).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from modelyard_runtime.batch import wire
from modelyard_runtime.batch.answered import Answered, Predictor
from modelyard_runtime.batch.crew import Crew
from modelyard_runtime.batch.file_rows import Upload
from modelyard_runtime.batch.grid import grid_of
from modelyard_runtime.batch.mapping import Make, of_cells, of_values
from modelyard_runtime.batch.results import cause_of, failed_line
from modelyard_runtime.batch.rows import RowError
from modelyard_runtime.ending import LeaveError
from modelyard_runtime.errors import RequestError
from modelyard_runtime.execution.job import Asked
from modelyard_runtime.model import Model
from modelyard_runtime.protocols.codec import decode
from modelyard_runtime.protocols.modelarts import ModelArts
from modelyard_runtime.protocols.multipart import UploadedFile
from modelyard_runtime.protocols.plane import Plane, Reply, reported

MOST_TASKS = 64
WAVES = 2
"""How many rows there are for each that is predicted beside others, so that few wait for the last one."""
MOST_LINE_BYTES = 32 * 1024 * 1024 - 1
"""Of an answer: the control plane takes no longer ones."""
_MOST_ROWS = 16384
_STREAMS = "The model streams its answer, which a batch service does not gather."


Ask = Callable[[Any, int], Asked]
"""(row, its number) → the decoded request. Raises RowError, RequestError, or what the model raises."""


def make_of(split: wire.Split) -> Make | None:
    """What makes requests of rows, where the task has a mapping rule. Raises SourceError."""
    job = split.job
    if job.mapping is None:
        return None
    if job.format == "csv":
        return of_cells(job.mapping, split.header if job.csv.header else None)
    return of_values(job.mapping)


class Requests:
    """How rows of a split become decoded requests."""

    def __init__(self, protocol: ModelArts, split: wire.Split) -> None:
        """Raises SourceError."""
        self._protocol = protocol
        self._field = split.job.file_field
        self.make = make_of(split)
        self.ask: Ask = self._plain if self.make is None else self._mapped
        if split.job.format == "jsonl" and self.make is not None:
            self.ask = self._picked

    def _mapped(self, item: Any, number: int) -> Asked:
        if isinstance(item, RowError):
            raise item
        assert self.make is not None
        return self._protocol.asked(self.make(item, number))

    def _picked(self, item: Any, number: int) -> Asked:
        if isinstance(item, RowError):
            raise item
        return self._mapped(_object(item, number), number)

    def _plain(self, item: Any, number: int) -> Asked:
        if isinstance(item, RowError):
            raise item
        if isinstance(item, bytes):
            if not item.strip():
                raise RowError(f"row {number}: the line is empty")
            return self._protocol.decode(item, _json)
        if isinstance(item, Upload):
            if not self._field:
                return self._protocol.decode(
                    item.content, lambda name: item.content_type * (name == "content-type")
                )
            file = UploadedFile(item.content, item.name, item.content_type)
            return self._protocol.asked({self._field: {item.name: file}}, form=True)
        return self._protocol.asked(item)


def _object(line: bytes, number: int) -> Any:
    """A line of JSON. Raises RowError."""
    if not line.strip():
        raise RowError(f"row {number}: the line is empty")
    try:
        return decode(line, _json)
    except RequestError as error:
        raise RowError(f"row {number}: {error.message}") from None


def _json(name: str) -> str:
    """The headers of a line, which is JSON by its format."""
    return "application/json" if name == "content-type" else ""


class InProcess:
    """One loaded model. `leaving`: the process is about to end, and what is raised then is no outcome."""

    def __init__(self, model: Model, name: str, leaving: Callable[[], bool] = lambda: False) -> None:
        self._model = model
        self._traces = Traces()
        self.protocol = ModelArts(model, name, self._traces)
        self._plane = Plane(self.protocol)
        self._leaving = leaving
        self._crew = Crew(model.threads) if model.threads > 1 and model.predict_async is None else None
        joint = model.joint
        self.most = _MOST_ROWS
        self.least = MOST_TASKS if model.predict_async is not None else 1
        if self._crew is not None:
            self.least = WAVES * model.threads
        if joint is not None and (joint.limits.stated or model.rows is None):
            self.most = joint.limits.max_size

    def predictor(self, split: wire.Split) -> Predictor:
        """Raises SourceError."""
        self._traces.clear()
        requests = Requests(self.protocol, split)
        rows = _Rows(self, requests.ask)
        return grid_of(self._model, split, requests.make, rows) or rows

    def results(self, asked: Sequence[Asked]) -> tuple[Sequence[Any], bool]:
        """A result or an exception for each, and whether a common call failed."""
        model = self._model
        if model.joint is not None:
            return self._together(asked)
        if model.predict_async is not None:
            from modelyard_runtime.execution.event_loop import prepared

            return prepared().run_until_complete(_at_once(asked)), False
        if self._crew is not None:
            return self._crew.each(_one, asked), False
        return [_one(each) for each in asked], False

    def _together(self, asked: Sequence[Asked]) -> tuple[Sequence[Any], bool]:
        many = asked[0].call.many
        assert many is not None
        items = [each.item for each in asked]
        if self._crew is None:
            return _shared(many, items)
        size = -(-len(items) // self._crew.count)
        shares = self._crew.each(
            lambda part: _shared(many, part), [items[n : n + size] for n in range(0, len(items), size)]
        )
        return [result for results, _ in shares for result in results], any(broken for _, broken in shares)

    def line(self, asked: Asked, result: Any) -> bytes | Reply:
        """The line of an answer, or what a caller would be told instead. Raises LeaveError."""
        if isinstance(result, LeaveError):
            raise result
        reply = self._plane.encode(asked, result)
        if reply.status != 200 or not isinstance(reply.body, bytes):
            return reply
        if len(reply.body) > MOST_LINE_BYTES:
            return self.protocol.refused(_too_long(len(reply.body)))
        return (reply.body if b"\n" not in reply.body else reply.body.replace(b"\n", b" ")) + b"\n"

    def cause(self, error: BaseException | Reply) -> str:
        """What a caller would be told. Raises LeaveError."""
        if isinstance(error, RowError):
            return cause_of(str(error))
        if self._leaving() or isinstance(error, LeaveError):
            raise LeaveError
        reply = error if isinstance(error, Reply) else self.protocol.refused(error)
        if not isinstance(reply.body, bytes):
            self._close(reply.body)
            return _STREAMS
        return cause_of(msgspec.json.decode(reply.body)["error_msg"])

    def _close(self, items: Any) -> None:
        try:
            if hasattr(items, "close"):
                items.close()
        except BaseException:  # noqa: BLE001 - it has no answer either way
            return


def _too_long(length: int) -> RequestError:
    text = f"The answer has {length} bytes; {MOST_LINE_BYTES} are allowed."
    return RequestError(500, "ModelArts.4204", text)


class _Rows:
    def __init__(self, model: InProcess, ask: Ask) -> None:
        self.most = model.most
        self._model = model
        self._ask = ask

    def answer(self, items: Sequence[Any], numbers: Sequence[int], *, plain: bool = False) -> Answered:
        lines: list[bytes] = [b""] * len(items)
        failures: list[tuple[int, str]] = []
        asked: list[Asked] = []
        places: list[int] = []

        def fail(place: int, error: BaseException | Reply) -> None:
            cause = self._model.cause(error)
            failures.append((place, cause))
            lines[place] = failed_line(cause)

        for place, (item, number) in enumerate(zip(items, numbers, strict=True)):
            try:
                asked.append(self._ask(item, number))
                places.append(place)
            except BaseException as error:  # noqa: BLE001 - it is the outcome of this row
                fail(place, error)
        broken = False
        if asked:
            results, broken = self._model.results(asked)
            for place, each, result in zip(places, asked, results, strict=True):
                line = self._model.line(each, result)
                if isinstance(line, bytes):
                    lines[place] = line
                else:
                    fail(place, line)
        failures.sort()
        return Answered(lines, failures, broken)


def _shared(many: Callable[[list[Any]], Sequence[Any]], items: list[Any]) -> tuple[Sequence[Any], bool]:
    """One result or exception for each item. A call that fails is tried in halves, so that a few bad rows among
    many cost little. Also whether it failed for its size alone, as if memory was short: each row has a result."""
    try:
        results = many(items)
        if len(results) != len(items):
            raise ValueError(f"the model answered {len(results)} results for {len(items)} rows")
    except BaseException as error:  # noqa: BLE001 - it becomes the outcome of the rows
        if len(items) == 1 or isinstance(error, LeaveError):
            return [error] * len(items), False
        half = len(items) // 2
        halves = [_shared(many, items[:half]), _shared(many, items[half:])]
        results = [*halves[0][0], *halves[1][0]]
        return results, not any(isinstance(result, BaseException) for result in results)
    return results, False


def _one(asked: Asked) -> Any:
    try:
        return asked.call.one(asked.item)
    except BaseException as error:  # noqa: BLE001 - sys.exit() in a script must not end the worker
        return error


async def _at_once(asked: Sequence[Asked]) -> list[Any]:
    places = asyncio.Semaphore(MOST_TASKS)

    async def one(each: Asked) -> Any:
        async with places:
            try:
                return await each.call.one(each.item)
            except Exception as error:  # noqa: BLE001 - it is the outcome of this row
                return error

    return await asyncio.gather(*map(one, asked))


class Traces:
    """Writes failures of the model to the log: those of one kind at one place once for a split, since a million
    rows may fail alike. Called with an exception; returns the reference that stands beside it there."""

    def __init__(self) -> None:
        self._known: dict[tuple[type, str, int], str] = {}

    def clear(self) -> None:
        self._known.clear()

    def __call__(self, error: BaseException) -> str:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        file, line = ("", 0) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        key = (type(error), file, line)
        if key not in self._known:
            self._known[key] = reported(error)
        return self._known[key]
