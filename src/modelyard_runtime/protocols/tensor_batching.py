"""Models of tensors under the Open Inference Protocol, and which of its requests share a call.

The tensors of several requests are put end to end along their first axis, the model is called once, and each
request gets its rows of every output. Two requests can share a call when

    they have inputs of the same names, and of each the same datatype and the same shape but for the first axis
    they ask for the same outputs
    the first axis of all inputs of a request is of one size, which is not zero: its rows

Any other request has a call of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from modelyard_runtime.execution.job import Asked, Call
from modelyard_runtime.execution.sharing import end_to_end, shares
from modelyard_runtime.model import Tensors


@dataclass(frozen=True, slots=True)
class Fitted:
    """What `Tensors.fit` returned for one request, and the outputs that it wants."""

    inputs: dict[str, Any]
    wanted: tuple[str, ...]

    @property
    def rows(self) -> int | None:
        """None when it has no rows."""
        sizes = {array.shape[0] if array.ndim else 0 for array in self.inputs.values()}
        return (sizes.pop() or None) if len(sizes) == 1 else None


class ByTensor:
    """The items of its calls are `Fitted`, their results arrays by output name (`v2.Addressed`)."""

    def __init__(self, tensors: Tensors, *, shared: bool) -> None:
        """`shared`: the model answers several requests in one call."""
        self.platform, self.inputs, self.outputs = tensors.platform, tensors.inputs, tensors.outputs
        self._tensors = tensors
        self._shared = shared
        self._call = Call(self._one, self._many)

    def asked(self, inputs: dict[str, Any], wanted: tuple[str, ...], about: Any) -> Asked:
        fitted = Fitted(self._tensors.fit(inputs), wanted)
        if not self._shared:
            return Asked(fitted, self._call, 1, about)
        rows = fitted.rows
        kinds = frozenset([(name, each.dtype, each.shape[1:]) for name, each in fitted.inputs.items()])
        key = object() if rows is None else (kinds, wanted)
        return Asked(fitted, Call(self._one, self._many, key), rows or 1, about)

    def arrays(self, _asked: Asked, result: Any, _wanted: tuple[str, ...]) -> dict[str, Any]:
        arrays: dict[str, Any] = result
        return arrays

    def _one(self, fitted: Fitted) -> dict[str, Any]:
        return self._tensors.run(fitted.inputs, fitted.wanted)

    def _many(self, asked: Sequence[Fitted]) -> list[dict[str, Any]]:
        """Of requests of equal calls, the outputs of each."""
        wanted = asked[0].wanted
        inputs = [each.inputs for each in asked]
        return end_to_end(lambda given: self._tensors.run(given, wanted), inputs, _joined, _rows, _cut)


def _joined(inputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    import numpy as np

    return {name: np.concatenate([each[name] for each in inputs]) for name in inputs[0]}


def _rows(inputs: dict[str, Any]) -> int:
    rows: int = next(iter(inputs.values())).shape[0]
    return rows


def _cut(outputs: dict[str, Any], counts: Sequence[int]) -> list[dict[str, Any]]:
    for name, array in outputs.items():
        if not array.ndim or len(array) != sum(counts):
            raise ValueError(f"the output {name} has the shape {list(array.shape)} for {sum(counts)} rows")
    parts = {name: shares(array, counts) for name, array in outputs.items()}
    return [{name: part[n] for name, part in parts.items()} for n in range(len(counts))]
