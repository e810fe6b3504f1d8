"""A model of named tensors: ONNX, TorchScript, torch.export. Tensors in, tensors out; the first axis is the batch.

How requests by the declared schema become tensors (one object of `req_data` is one row):

    one input of two axes       the declared columns, in their order, are the row
    any other                   a field for each input: `{"image": [[…], …]}`, of the shape without the first axis
    {"instances": [row, …]}     the rows of the only input, or objects with a field for each input

and back: each output gives one value a row. Of one output, it is named as the declared response names it; of
several, the declared names that are outputs are given, or all of them if none is declared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelyard_runtime.errors import RequestError, bad_input, input_refused
from modelyard_runtime.formats.tabular import Answers, Column, columns, reader, rows_of
from modelyard_runtime.loading.package import Package
from modelyard_runtime.model import Model, Question, Rows, Tensor, Tensors
from modelyard_runtime.protocols.datatypes import numpy_dtype


@dataclass(frozen=True, slots=True)
class Network:
    """What a format found in its file. `run` takes arrays of the declared datatypes, returns arrays by name.
    `faults`: what the library raises when it refuses the values of a call; its sentence is told to the caller."""

    platform: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    run: Callable[[Mapping[str, Any]], dict[str, Any]]
    faults: tuple[type[Exception], ...] = (ValueError, IndexError)


def _telling(network: Network) -> Network:
    """The same network; what its library says about the values of a call is told to the caller."""

    def run(given: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return network.run(given)
        except network.faults as error:
            raise input_refused(error) from error

    return replace(network, run=run)


def network_model(package: Package, network: Network, threads: int) -> Model:
    network = _telling(network)
    declared = columns(package.schema("request"))
    names = [c.name for c in columns(package.schema("response"), "resp_data")]
    outputs = [o.name for o in network.outputs]
    chosen = [name for name in names if name in outputs] or (outputs if not names else outputs[:1])
    answers = Answers(names if len(chosen) == 1 else ())
    as_table = _is_table(network, declared)
    if as_table and not network.inputs[0].shape:
        network = replace(network, inputs=(replace(network.inputs[0], shape=(-1, len(declared))),))

    row = reader(declared) if declared or not as_table else _whole_row(network.inputs[0])

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
        return predictions(network.run(_stacked(rows, network.inputs)), len(rows))

    def run_matrix(matrix: Any) -> Sequence[Any]:
        only = network.inputs[0]
        return predictions(network.run({only.name: _fitted(_narrowed(matrix, only), only)}), len(matrix))

    def predictions(results: dict[str, Any], count: int) -> Sequence[Any]:
        columns_ = [results[name].tolist() for name in chosen]
        if len(chosen) == 1:
            return columns_[0] if isinstance(columns_[0], list) else [columns_[0]] * count
        return [dict(zip(chosen, values, strict=True)) for values in zip(*columns_, strict=True)]

    def predict(body: Any) -> Any:
        asked = read(body)
        return asked.answer(run(asked.rows))

    return Model(
        routes=package.routes,
        predict=predict,
        threads=threads,
        example=package.config.get("example") or _example(network),
        rows=Rows(read, run, run_matrix if as_table else None),
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


def _whole_row(only: Tensor) -> Callable[[dict[str, Any], int], Any]:
    """An object that holds the row of the only input under its name: the file knows no names of columns."""
    read = reader(())

    def row(given: dict[str, Any], n: int) -> Any:
        value = given.get(only.name)
        return value if len(given) == 1 and isinstance(value, list) else read(given, n)

    return row


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

    arrays = {}
    for position, each in enumerate(inputs):
        values = rows if len(inputs) == 1 else [row[position] for row in rows]
        try:
            arrays[each.name] = _fitted(_exact(values, each), each)
        except (TypeError, ValueError, OverflowError) as error:
            raise bad_input(f"The values of {each.name} do not make a tensor {each.shape}: {error}.") from None
    return arrays


def _exact(values: Sequence[Any], declared: Tensor) -> Any:
    """Numbers in the declared datatype; text that is a number counts as one. Raises ValueError, TypeError or
    OverflowError for values that would change: a fraction in a whole number, null, what is out of range."""
    import numpy as np

    dtype = numpy_dtype(declared.datatype)
    array = np.array(values, dtype=dtype)
    if dtype.kind == "f":
        if np.isnan(array).any() and _has_null(values):
            raise ValueError("null is no number")
        if not np.isfinite(array).all() and np.isfinite(np.array(values, dtype=np.float64)).all():
            raise OverflowError(f"a value is out of the range of {declared.datatype}")
    elif dtype.kind in "iub":
        given = np.array(values)
        if given.dtype.kind == "f" and (given != array).any():
            raise ValueError(f"a value is no {declared.datatype}")
        if dtype.kind == "b" and given.dtype.kind not in "b" and not np.isin(given, (0, 1)).all():
            raise ValueError(f"a value is no {declared.datatype}")
    return array


def _narrowed(matrix: Any, declared: Tensor) -> Any:
    """A matrix of finite numbers in the declared datatype. Raises ValueError where `_exact` must say what is
    wrong, or whether anything is."""
    import numpy as np

    dtype = numpy_dtype(declared.datatype)
    if dtype.kind != "f":
        raise ValueError(dtype)
    with np.errstate(over="ignore"):
        narrowed = matrix.astype(dtype)
    if not np.isfinite(narrowed).all():
        raise ValueError(dtype)
    return narrowed


def _has_null(values: Any) -> bool:
    return values is None or (isinstance(values, (list, tuple)) and any(_has_null(each) for each in values))


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
        unknown = [name for name in given if name not in {each.name for each in network.inputs}]
        if unknown and len(network.inputs) > 1:
            raise bad_input(
                f"The model has no input {unknown[0]}; it has {', '.join(each.name for each in network.inputs)}."
            )
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
        results = (
            network.run(fitted) if all(_rows(each) for each in fitted.values()) else _nothing(network, fitted)
        )
        unknown = [name for name in wanted if name not in results]
        if unknown:
            raise bad_input(f"The model has no output {unknown[0]}; it has {', '.join(results)}.")
        return {name: results[name] for name in wanted} if wanted else results

    return run


def _rows(array: Any) -> int:
    return array.shape[0] if array.ndim else 1


def _nothing(network: Network, fitted: dict[str, Any]) -> dict[str, Any]:
    """The answer to no rows: what a row of zeros gives, without that row; else as the outputs are declared."""
    import numpy as np

    if all(each.dtype != object for each in fitted.values()):
        one = {name: np.zeros((1, *each.shape[1:]), dtype=each.dtype) for name, each in fitted.items()}
        try:
            return {name: array[:0] for name, array in network.run(one).items()}
        except Exception:  # noqa: BLE001 - it may not take a row of zeros; the answer is still no rows
            return _declared_nothing(network)
    return _declared_nothing(network)


def _declared_nothing(network: Network) -> dict[str, Any]:
    import numpy as np

    return {
        each.name: np.empty((0, *(max(size, 0) for size in each.shape[1:])), dtype=numpy_dtype(each.datatype))
        for each in network.outputs
    }


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
    cast = array.astype(dtype)
    lost = not np.isfinite(cast).all() and np.isfinite(array).all() if dtype.kind == "f" else (cast != array).any()
    if lost:
        raise bad_input(f"A value of {declared.name} is out of the range of {declared.datatype}.")
    return cast


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
