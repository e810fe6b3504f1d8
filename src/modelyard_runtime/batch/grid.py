"""Rows of numbers from their cells to the model's matrix, and predictions to lines, without a request for each.

The outcomes are those of requests. A probe goes the long way once for a split, and shows which cell becomes which
column and what an answer looks like; where it does not come out as one row of numbers, there is no short way. A
row that is unusual (a cell that is no number, another count of columns) takes the long way itself, and so does a
batch that the model does not answer with a prediction for each.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgspec

from modelyard_runtime.batch.answered import Answered, Predictor
from modelyard_runtime.batch.mapping import Leaf, Make, cells_of
from modelyard_runtime.batch.results import lines_of
from modelyard_runtime.batch.wire import Split
from modelyard_runtime.ending import LeaveError
from modelyard_runtime.errors import RequestError
from modelyard_runtime.model import Model, Question
from modelyard_runtime.protocols.answers import encode, encode_lines

_CONVERT: dict[str, Callable[[str], Any]] = {"number": float, "integer": int}
_SCALARS = frozenset({int, float, bool})
_SIGN = 720_720_001  # in the place of a prediction
_encode = msgspec.json.Encoder().encode


def grid_of(model: Model, split: Split, make: Make | None, long_way: Predictor) -> Predictor | None:
    """None: there is no short way. `make` is that of the split's mapping rule."""
    rows = model.rows
    if rows is None or rows.run_matrix is None or model.joint is None or model.wraps_lists or make is None:
        return None
    if split.job.format != "csv" or split.job.mapping is None:
        return None
    header = split.header if split.job.csv.header else None
    if header is not None and not header:
        return None
    layout = _layout(cells_of(split.job.mapping, header), make, rows.read, len(header or ()))
    if layout is None:
        return None
    return _Grid(layout, rows.run_matrix, long_way)


@dataclass(frozen=True, slots=True)
class Layout:
    """`columns`: for each of the matrix, the index of its cell and what reads it. A row has `least` cells, or
    exactly `count` (0: any number from `least` on). `question` makes the answer to one row."""

    columns: tuple[tuple[int, Callable[[str], Any]], ...]
    least: int
    count: int
    question: Question


def _layout(leaves: Sequence[Leaf], make: Make, read: Callable[[Any], Question], count: int) -> Layout | None:
    """From a probe in which each leaf has a value of its own."""
    if not leaves or any(leaf.type not in _CONVERT for leaf in leaves):
        return None
    least = max(int(leaf.place) for leaf in leaves) + 1
    cells = ["0"] * max(count, least)
    values: dict[float, Leaf] = {}
    for n, leaf in enumerate(leaves):
        value = n + 2 if leaf.type == "integer" else n + 2.5
        cells[int(leaf.place)] = str(value)
        values[float(value)] = leaf
    if len({leaf.place for leaf in leaves}) != len(leaves):  # one cell for two leaves
        return None
    try:
        probe = make(cells, 0)
        question = read(probe)
    except RequestError:
        return None
    if (isinstance(probe, dict) and "meta" in probe) or len(question.rows) != 1:
        return None
    row = question.rows[0]
    if not isinstance(row, list) or not row or any(type(value) not in (int, float) for value in row):
        return None
    if len(row) != len(leaves) or {float(value) for value in row} != values.keys():
        return None  # a value is not the cell's, or one that is checked is not used
    columns = tuple((int(leaf.place), _CONVERT[leaf.type]) for leaf in (values[float(value)] for value in row))
    return Layout(columns, least, count, question)


class _Grid:
    def __init__(self, layout: Layout, run: Callable[[Any], Sequence[Any]], long_way: Predictor) -> None:
        import numpy as np

        self.most = long_way.most
        self._np = np
        self._layout = layout
        self._run = run
        self._long_way = long_way
        self._before, self._after = _around(layout.question)
        self._named: dict[str, bytes] = {}
        self._pick = itemgetter(*(place for place, _ in layout.columns))

    def answer(self, items: Sequence[Any], numbers: Sequence[int], *, plain: bool = False) -> Answered:
        matrix = self._matrix(items) if plain else None
        if matrix is not None:
            lines = self._lines(matrix)
            if lines is not None:
                return Answered([lines], [])
            return self._long_way.answer(items, numbers)
        usual = [place for place, cells in enumerate(items) if self._is_usual(cells)]
        matrix = self._matrix([items[place] for place in usual]) if len(usual) > 1 else None
        lines = None if matrix is None else self._lines(matrix)
        if lines is None:
            return self._long_way.answer(items, numbers)
        if len(usual) == len(items):
            return Answered([lines], [])
        return self._merged(items, numbers, usual, lines)

    def _merged(self, items: Sequence[Any], numbers: Sequence[int], usual: list[int], lines: bytes) -> Answered:
        """The long way for those that are not usual."""
        others = sorted(set(range(len(items))) - set(usual))
        answered = self._long_way.answer([items[n] for n in others], [numbers[n] for n in others])
        merged = [b""] * len(items)
        for place, line in zip(usual, lines_of(lines), strict=True):
            merged[place] = line
        for place, line in zip(others, answered.lines, strict=True):
            merged[place] = line
        return Answered(merged, [(others[place], cause) for place, cause in answered.failures])

    def _is_usual(self, cells: Any) -> bool:
        if not isinstance(cells, list) or not self._fits(len(cells)):
            return False
        try:
            for place, convert in self._layout.columns:
                cell = cells[place]
                value = convert(cell)
                if value - value != 0 or "_" in cell or not cell.isascii():
                    return False
        except (ValueError, OverflowError):
            return False
        return True

    def _fits(self, count: int) -> bool:
        layout = self._layout
        return count == layout.count if layout.count else count >= layout.least

    def _matrix(self, items: Sequence[Any]) -> Any:
        """None: not all of them are usual."""
        try:
            columns = list(zip(*items, strict=True))
            if not self._fits(len(columns)):
                return None
            matrix = self._np.empty((len(items), len(self._layout.columns)))
            for n, (place, convert) in enumerate(self._layout.columns):
                matrix[:, n] = self._np.fromiter(map(convert, columns[place]), self._np.float64, len(items))
        except (TypeError, ValueError, OverflowError):
            return None
        return matrix if self._np.isfinite(matrix).all() else None

    def _lines(self, matrix: Any) -> bytes | None:
        try:
            predictions = self._run(matrix)
            if len(predictions) != len(matrix):
                return None
            return self._written(predictions)
        except LeaveError:
            raise
        except BaseException:  # noqa: BLE001 - the long way tells what is wrong, and with which row
            return None

    def _written(self, predictions: Sequence[Any]) -> bytes:
        kinds = set(map(type, predictions))
        if kinds <= _SCALARS and self._before:
            between = self._after + b"\n" + self._before
            written = _encode(predictions)[1:-1].replace(b",", between)
            return self._before + written + self._after + b"\n"
        answer = self._layout.question.answer
        if kinds == {str}:
            return b"".join([self._named_line(name, answer) for name in predictions])
        return encode_lines([answer([prediction]) for prediction in predictions])

    def _named_line(self, name: str, answer: Callable[[Sequence[Any]], Any]) -> bytes:
        """Classes are few."""
        line = self._named.get(name)
        if line is None:
            if len(self._named) >= 1024:
                self._named.clear()
            line = self._named[name] = encode_lines([answer([name])])
        return line


def _around(question: Question) -> tuple[bytes, bytes]:
    """What stands before and behind a number in the line of its row; nothing, where that is not all."""
    sign = str(_SIGN).encode()
    before, found, after = encode(question.answer([_SIGN])).partition(sign)
    return (before, after) if found and sign not in after else (b"", b"")
