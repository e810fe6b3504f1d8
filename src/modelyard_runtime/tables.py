"""A model of tables: a matrix of rows in, one prediction a row out. scikit-learn, XGBoost, LightGBM.

Rows come as objects by the declared schema (`tabular`), or as tensors: one matrix, or one tensor a column.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from modelyard_runtime.errors import LoadError, bad_input
from modelyard_runtime.model import Model, Question, Rows, Tensor, Tensors
from modelyard_runtime.package import Package
from modelyard_runtime.tabular import Answers, Column, columns, reader, rows_of

_PREDICT = "predict"
_MATRIX = "input"
_DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES", "": "FP64"}


@dataclass(frozen=True, slots=True)
class Table:
    """What a format found in its file.

    `predict` takes a matrix (rows × `width`), or a data frame if `by_name`. `columns` are the names that the model
    was fitted with, () if none. `more` are further outputs that a caller can ask for by name. `missing`: the model
    knows missing values (NaN).
    """

    platform: str
    predict: Callable[[Any], Any]
    columns: tuple[str, ...] = ()
    width: int | None = None
    by_name: bool = False
    missing: bool = False
    more: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


def table_model(package: Package, table: Table, threads: int) -> Model:
    """Raises LoadError."""
    declared = columns(package.schema("request")) or tuple(Column(name) for name in table.columns)
    if table.missing:
        declared = tuple(replace(column, nullable=True) for column in declared)
    answers = Answers([c.name for c in columns(package.schema("response"), "resp_data")])
    to_matrix = _matrix(table, declared)
    predict_matrix = table.predict

    row = reader(declared)

    def read(body: Any) -> Question:
        return rows_of(body, answers, row)

    def run(rows: Sequence[Any]) -> Sequence[Any]:
        result = predict_matrix(to_matrix(rows)) if rows else []
        return result.tolist() if hasattr(result, "tolist") else list(result)

    def predict(body: Any) -> Any:
        asked = read(body)
        return asked.answer(run(asked.rows))

    return Model(
        routes=package.routes,
        predict=predict,
        threads=threads,
        example=package.config.get("example") or _example(table, declared),
        rows=Rows(read, run),
        tensors=_tensors(table, declared),
        columns=tuple(column.name for column in declared),
    )


def _matrix(table: Table, declared: Sequence[Column]) -> Callable[[Any], Any]:
    """Numbers go in as one float array; a model that picks columns by name, or takes text, gets a frame."""
    import numpy as np

    if table.by_name:
        return _frame(table, declared)
    dtype: Any = np.float64 if all(column.numeric for column in declared) else object

    def to_array(rows: Sequence[Any]) -> Any:
        try:
            array = np.array(rows, dtype=dtype)
        except (TypeError, ValueError) as error:
            raise bad_input(f"The rows are not a table of numbers: {error}.") from None
        if table.width is not None and array.shape[1:] != (table.width,):
            raise bad_input(f"Each row must have {table.width} values.")
        return array

    return to_array


def _frame(table: Table, declared: Sequence[Column]) -> Callable[[Any], Any]:
    try:
        import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError as error:
        raise LoadError("this model selects columns by name and needs pandas, which is not installed") from error
    names = [c.name for c in declared] or list(table.columns)

    def to_frame(rows: Any) -> Any:
        try:
            return pd.DataFrame(rows, columns=names)
        except ValueError as error:
            raise bad_input(f"The rows do not have the columns {', '.join(names)}: {error}.") from None

    return to_frame


def _example(table: Table, declared: Sequence[Column]) -> Any:
    """A row of zeros for the warm-up, as a caller would send it; None where text is asked for."""
    if table.by_name or not all(column.numeric for column in declared):
        return None
    if declared:
        return {"req_data": [dict.fromkeys((column.name for column in declared), 0)]}
    return {"instances": [[0.0] * table.width]} if table.width is not None else None


def _tensors(table: Table, declared: Sequence[Column]) -> Tensors:
    inputs: tuple[Tensor, ...] = (Tensor(_MATRIX, "FP64", (-1, table.width or len(declared) or -1)),)
    if table.by_name or not all(column.numeric for column in declared):
        inputs = tuple(Tensor(c.name, _DATATYPES.get(c.kind, "FP64"), (-1,)) for c in declared)

    to_matrix = _matrix(table, declared) if table.by_name else _only

    def fit(given: dict[str, Any]) -> dict[str, Any]:
        return _assembled(table, declared, given)

    def run(fitted: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
        import numpy as np

        matrix = to_matrix(fitted)
        found = {}
        for name in wanted or (_PREDICT,):
            call = table.predict if name == _PREDICT else table.more.get(name)
            if call is None:
                raise bad_input(f"The model has no output {name}; it has {', '.join((_PREDICT, *table.more))}.")
            found[name] = np.asarray(call(matrix))
        return found

    # The datatype of a prediction is known when it is made: labels may be text. Metadata say what is usual.
    return Tensors(table.platform, inputs, (Tensor(_PREDICT, "FP64", (-1,)),), run, fit)


def _only(fitted: dict[str, Any]) -> Any:
    return fitted[_MATRIX]


def _assembled(table: Table, declared: Sequence[Column], given: dict[str, Any]) -> dict[str, Any]:
    """One matrix, as it is or from one tensor for each column; for a model that picks columns by name, one array
    for each. Raises RequestError."""
    import numpy as np

    names = [column.name for column in declared] or list(table.columns)
    if len(given) == 1 and not table.by_name:
        (matrix,) = given.values()
        if matrix.ndim == 1:
            matrix = matrix[None, :] if len(matrix) == table.width else matrix[:, None]
        if matrix.ndim != 2 or (table.width is not None and matrix.shape[1] != table.width):
            raise bad_input(f"The input must have the shape [-1, {table.width}], not {list(matrix.shape)}.")
        return {_MATRIX: matrix}
    missing = [name for name in names if name not in given]
    if missing or not names:
        raise bad_input(f"The inputs must be one matrix, or a tensor for each column; missing: {missing}.")
    picked = [given[name].reshape(-1) for name in names]
    if len({len(each) for each in picked}) != 1:
        raise bad_input("All columns must have the same number of rows.")
    if table.by_name:
        return dict(zip(names, picked, strict=True))
    return {_MATRIX: np.stack(picked, axis=1)}
