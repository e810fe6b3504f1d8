"""A model of named tensors: ONNX, TorchScript, torch.export. Tensors in, tensors out; the first axis is the batch.

Requests by the declared schema become tensors so (one object of `req_data` is one row):

    one input of two axes       the declared columns, in their order, are the row
    any other                   a field for each input: `{"image": [[…], …]}`, of the shape without the first axis
    {"instances": [row, …]}     the rows of the only input, or objects with a field for each input

and back: each output gives one value a row. Of one output, it is named as the declared response names it; of
several, the declared names that are outputs are given, or all of them if none is declared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelyard_runtime.errors import RequestError, bad_input
from modelyard_runtime.model import Model, Question, Rows, Tensor, Tensors
from modelyard_runtime.package import Package
from modelyard_runtime.protocols.datatypes import numpy_dtype
from modelyard_runtime.tabular import Answers, Column, columns, reader, rows_of


@dataclass(frozen=True, slots=True)
class Network:
    """What a format found in its file. `run` takes arrays of the declared datatypes, returns arrays by name."""

    platform: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    run: Callable[[Mapping[str, Any]], dict[str, Any]]


def network_model(package: Package, network: Network, threads: int) -> Model:
    declared = columns(package.schema("request"))
    names = [c.name for c in columns(package.schema("response"), "resp_data")]
    outputs = [o.name for o in network.outputs]
    chosen = [name for name in names if name in outputs] or (outputs if not names else outputs[:1])
    answers = Answers(names if len(chosen) == 1 else ())
    as_table = _is_table(network, declared)
    if as_table and not network.inputs[0].shape:
        network = replace(network, inputs=(replace(network.inputs[0], shape=(-1, len(declared))),))

    row = reader(declared)

    def fields(row: dict[str, Any], n: int) -> Any:
        return _fields(row, n, network.inputs)

    def read(body: Any) -> Question:
        if as_table:
            return rows_of(body, answers, row)
        instances = body.get("instances") if isinstance(body, dict) else None
        if isinstance(instances, list) and instances and all(isinstance(each, dict) for each in instances):
            return Question([fields(each, n) for n, each in enumerate(instances)], answers.predictions)
        asked = rows_of(body, answers, fields)
        if len(network.inputs) > 1 and not all(isinstance(row, tuple) for row in asked.rows):
            raise bad_input(f"Each instance must be an object of {', '.join(i.name for i in network.inputs)}.")
        return asked

    def run(rows: Sequence[Any]) -> Sequence[Any]:
        if not rows:
            return []
        results = network.run(_stacked(rows, network.inputs))
        columns_ = [results[name].tolist() for name in chosen]
        if len(chosen) == 1:
            return columns_[0] if isinstance(columns_[0], list) else [columns_[0]] * len(rows)
        return [dict(zip(chosen, values, strict=True)) for values in zip(*columns_, strict=True)]

    def predict(body: Any) -> Any:
        asked = read(body)
        return asked.answer(run(asked.rows))

    return Model(
        routes=package.routes,
        predict=predict,
        threads=threads,
        example=package.config.get("example") or _example(network),
        rows=Rows(read, run),
        tensors=Tensors(network.platform, network.inputs, network.outputs, _tensors_run(network), _fit(network)),
        columns=tuple(column.name for column in declared),
    )


def _is_table(network: Network, declared: Sequence[Column]) -> bool:
    if len(network.inputs) != 1:
        return False
    only = network.inputs[0]
    if not only.shape:  # a TorchScript file does not say
        return len(declared) > 1
    return len(only.shape) == 2 and not (
        len(declared) == 1 and declared[0].name == only.name and only.shape[1] != 1
    )


def _fields(row: dict[str, Any], n: int, inputs: Sequence[Tensor]) -> Any:
    """A row: the value of the only input, or a tuple of one each."""
    if len(inputs) == 1 and len(row) == 1:  # of one input the name does not matter
        return next(iter(row.values()))
    try:
        values = tuple(row[each.name] for each in inputs)
    except KeyError as error:
        raise bad_input(f"req_data[{n}].{error.args[0]} is missing.") from None
    return values[0] if len(inputs) == 1 else values


def _stacked(rows: Sequence[Any], inputs: Sequence[Tensor]) -> dict[str, Any]:
    """Rows (see `_fields`) to one array an input."""
    import numpy as np

    found = {}
    for position, each in enumerate(inputs):
        values = rows if len(inputs) == 1 else [row[position] for row in rows]
        try:
            array = np.array(values, dtype=numpy_dtype(each.datatype))
            found[each.name] = _fitted(array, each)
        except (TypeError, ValueError, OverflowError) as error:
            raise bad_input(f"The values of {each.name} do not make a tensor {each.shape}: {error}.") from None
    return found


def _fitted(array: Any, declared: Tensor) -> Any:
    """The array in the declared shape: a column of scalars may come as [n] for [n, 1]. Raises RequestError."""
    shape = declared.shape
    if array.ndim + 1 == len(shape) and shape[-1] == 1:
        array = array[..., None]
    fits = array.ndim == len(shape) and all(
        want in (-1, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if shape and not fits:
        raise bad_input(f"{declared.name} must have the shape {list(shape)}, not {list(array.shape)}.")
    return array


def _fit(network: Network) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def fit(given: dict[str, Any]) -> dict[str, Any]:
        if len(given) == len(network.inputs) == 1:  # of one input the name does not matter
            given = {network.inputs[0].name: next(iter(given.values()))}
        fed = {}
        for each in network.inputs:
            if each.name not in given:
                raise bad_input(f"The input {each.name} is missing.")
            fed[each.name] = _fitted(_cast(given[each.name], each), each)
        return fed

    return fit


def _tensors_run(network: Network) -> Callable[[dict[str, Any], Sequence[str]], dict[str, Any]]:
    def run(fitted: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
        results = network.run(fitted)
        unknown = [name for name in wanted if name not in results]
        if unknown:
            raise bad_input(f"The model has no output {unknown[0]}; it has {', '.join(results)}.")
        return {name: results[name] for name in wanted} if wanted else results

    return run


def _cast(array: Any, declared: Tensor) -> Any:
    """Numbers become the declared kind of number when nothing but precision is lost."""
    import numpy as np

    dtype = numpy_dtype(declared.datatype)
    if array.dtype == dtype:
        return array
    if not np.can_cast(array.dtype, dtype, casting="same_kind"):
        raise RequestError(
            400, "ModelArts.4105", f"{declared.name} is of datatype {declared.datatype}, not {array.dtype}."
        )
    return array.astype(dtype)


def _example(network: Network) -> Any:
    """Zeros for the warm-up; None when a size is not known, or it takes text."""
    import math

    inner = [each.shape[1:] for each in network.inputs]
    if len(network.inputs) != 1 or network.inputs[0].datatype == "BYTES" or not network.inputs[0].shape:
        return None
    if any(size < 0 for shape in inner for size in shape) or math.prod(inner[0]) > 10_000_000:
        return None
    import numpy as np

    return {"instances": np.zeros((1, *inner[0])).tolist()}
