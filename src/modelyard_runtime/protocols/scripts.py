"""Scripts under the Open Inference Protocol: tensors become the request that the script knows, its answer tensors.

Request, by whether config.json declares the columns of `req_data`:

    declared        {"data": {"req_data": [row, …]}}   rows from one tensor a column, or one matrix of all columns
    not declared    {input name: nested list, …}

Answer: rows of `resp_data` (or a list of objects) give a tensor for each field; an object gives a tensor for each
field whose value is a number, a text or a regular array; anything else is one BYTES element, its JSON.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from modelyard_runtime.errors import bad_input
from modelyard_runtime.execution.job import Asked, Call
from modelyard_runtime.model import Model, Tensor
from modelyard_runtime.protocols.answers import encode, walked
from modelyard_runtime.protocols.plane import answer_of, asked_of, call_of


class ByRequest:
    """The items of its calls are whole requests, their results whole answers (`v2.Addressed`)."""

    def __init__(self, model: Model) -> None:
        self.platform = "python"
        self.inputs = tuple(Tensor(name, "BYTES", (-1,)) for name in model.columns)
        self.outputs: tuple[Tensor, ...] = ()
        self._model = model
        self._call = call_of(model) if model.predict_async is None else Call(_collecting(model.predict_async))

    def asked(self, inputs: dict[str, Any], wanted: tuple[str, ...], about: Any) -> Asked:
        data: Any = request(self._model, inputs)
        text = encode(data).decode() if self._model.wants_text else data
        return asked_of(self._model, self._call, text, about)

    def arrays(self, asked: Asked, result: Any, wanted: tuple[str, ...]) -> dict[str, Any]:
        return chosen(arrays(answer_of(self._model, asked, result)), wanted)


def _collecting(predict: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    """The items of an asynchronous generator as a list, read on its event loop: tensors are not streamed."""

    async def whole(data: Any) -> Any:
        answer = await predict(data)
        return [item async for item in answer] if isinstance(answer, AsyncGenerator) else answer

    return whole


def request(model: Model, given: dict[str, Any]) -> dict[str, Any]:
    """Raises RequestError (400)."""
    names = model.columns
    if not names:
        return {name: array.tolist() for name, array in given.items()}
    only = next(iter(given.values()))
    if len(given) == 1 and only.ndim == 2 and only.shape[1] == len(names):
        rows = [dict(zip(names, row, strict=True)) for row in only.tolist()]
    else:
        missing = [name for name in names if name not in given]
        if missing:
            raise bad_input(f"The inputs must be one matrix, or a tensor for each column; missing: {missing}.")
        values = [given[name].reshape(-1).tolist() for name in names]
        if len({len(each) for each in values}) != 1:
            raise bad_input("All columns must have the same number of rows.")
        rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
    return {"data": {"req_data": rows}}


def arrays(answer: Any) -> dict[str, Any]:
    """The answer of a script as named arrays."""
    import numpy as np

    inner = answer.get("data", answer) if isinstance(answer, dict) else answer
    rows = inner.get("resp_data") if isinstance(inner, dict) else inner
    if (
        isinstance(rows, list)
        and rows
        and all(isinstance(row, dict) and row.keys() == rows[0].keys() for row in rows)
    ):
        return {str(name): _array([row[name] for row in rows]) for name in rows[0]}
    if isinstance(answer, dict):
        return {str(name): _array(value) for name, value in answer.items()}
    if isinstance(answer, np.ndarray):
        return {"output": answer}
    return {"output": _array(answer)}


def chosen(results: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    unknown = [name for name in wanted if name not in results]
    if unknown:
        raise bad_input(f"The model has no output {unknown[0]}; it has {', '.join(results)}.")
    return {name: results[name] for name in wanted} if wanted else results


def _array(value: Any) -> Any:
    """At least one axis; text and whatever is irregular are objects: text itself, or JSON."""
    import numpy as np

    if isinstance(value, np.ndarray) and (value.dtype.kind in "biu" or value.dtype.str[1:] in _FLOATS):
        return np.atleast_1d(value)
    value = walked(value)
    try:
        array = np.array(value)
    except (ValueError, OverflowError):
        array = np.array(None)
    kinds = _kinds(value)
    if array.dtype.kind in "biuf" and kinds in _NUMBERS and not (array.dtype.kind == "f" and kinds == {int}):
        return np.atleast_1d(array)
    if array.dtype.kind == "U" and kinds == {str}:
        return np.atleast_1d(array).astype(object)
    text = np.empty(1, dtype=object)
    text[0] = encode(value).decode()
    return text


_FLOATS = ("f2", "f4", "f8")
_NUMBERS = ({bool}, {int}, {float}, {int, float})


def _kinds(value: Any) -> set[type]:
    """The types of the leaves: numpy would turn numbers among texts into texts, and truths into numbers."""
    if isinstance(value, list):
        return set().union(*map(_kinds, value)) if value else set()
    return {type(value)}
