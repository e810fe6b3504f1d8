"""Requests of the Open Inference Protocol that share a call of a model of tensors.

The tensors of several requests are put end to end along their first axis, the model is called once, and each
request gets its rows of every output. Two requests can share a call when

    they have inputs of the same names, and of each the same datatype and the same shape but for the first axis
    they ask for the same outputs
    the first axis of all inputs of a request is of one size, which is not zero: its rows

Any other request has a call of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard_runtime.execution.batching import Call
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


class TensorCalls:
    """Which call takes what."""

    def __init__(self, tensors: Tensors) -> None:
        self._predict = shared(tensors)

    def of(self, fitted: Fitted) -> Call:
        if fitted.rows is None:
            return Call(self._predict, object())
        inputs = frozenset([(name, each.dtype, each.shape[1:]) for name, each in fitted.inputs.items()])
        return Call(self._predict, (inputs, fitted.wanted))


def shared(tensors: Tensors) -> Callable[[Sequence[Fitted]], list[dict[str, Any]]]:
    """Takes requests of equal calls, returns the outputs of each."""

    def predict(asked: Sequence[Fitted]) -> list[dict[str, Any]]:
        first = asked[0]
        if len(asked) == 1:
            return [tensors.run(first.inputs, first.wanted)]
        import numpy as np

        counts = [each.rows or 0 for each in asked]
        joined = {name: np.concatenate([each.inputs[name] for each in asked]) for name in first.inputs}
        outputs = tensors.run(joined, first.wanted)
        total = sum(counts)
        for name, array in outputs.items():
            if not array.ndim or len(array) != total:
                raise ValueError(f"the output {name} has the shape {list(array.shape)} for {total} rows")
        shares, start = [], 0
        for count in counts:
            shares.append({name: array[start : start + count] for name, array in outputs.items()})
            start += count
        return shares

    return predict
