"""A model of tables: a matrix of rows in, one prediction a row out. scikit-learn, XGBoost, LightGBM.

Rows come as objects by the declared schema (`tabular`), or as tensors: one matrix, or one tensor a column.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from modelyard_runtime.errors import LoadError, bad_input, input_refused
from modelyard_runtime.formats.tabular import Answers, Column, columns, reader, rows_of, shown
from modelyard_runtime.loading.package import Package
from modelyard_runtime.model import Model, Question, Rows, Tensor, Tensors

_PREDICT = "predict"
_MATRIX = "input"
_DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "string": "BYTES", "": "FP64"}


@dataclass(frozen=True, slots=True)
class Table:
    """What a format found in its file.

    `predict` takes a matrix (rows × `width`), or a data frame if `by_name`. `columns` are the names that the model
    was fitted with, () if none. `more` are further outputs that a caller can ask for by name. `missing`: the model
    knows missing values (NaN). `categories`: columns that hold numbers of categories, with the number of each name
    (None: the file does not know the names). `faults`: what the library raises when it refuses the values of a
    call; its sentence is told to the caller. A model that takes text may raise TypeError for that too.
    """

    platform: str
    predict: Callable[[Any], Any]
    columns: tuple[str, ...] = ()
    width: int | None = None
    by_name: bool = False
    missing: bool = False
    categories: Mapping[int, Mapping[Any, int] | None] = field(default_factory=dict)
    faults: tuple[type[Exception], ...] = (ValueError,)
    more: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


def table_model(package: Package, table: Table, threads: int) -> Model:
    """Raises LoadError."""
    table = _telling(table)
    schema = columns(package.schema("request"))
    declared, by_place = _in_order(schema, table)
    _check_kinds(schema, declared, table)
    if table.missing:
        declared = tuple(replace(column, nullable=True) for column in declared)
    answers = Answers([c.name for c in columns(package.schema("response"), "resp_data")])
    to_matrix = _matrix(table, declared)
    predict_matrix = table.predict

    row = reader(declared)

    def read(body: Any) -> Question:
        if not by_place and isinstance(body, dict) and "instances" in body:
            raise bad_input("config.json and the model order the columns differently: send req_data, with names.")
        return rows_of(body, answers, row)

    def run(rows: Sequence[Any]) -> Sequence[Any]:
        return _listed(predict_matrix(to_matrix(rows)) if rows else [])

    def run_matrix(matrix: Any) -> Sequence[Any]:
        if table.width is not None and matrix.shape[1] != table.width:
            raise ValueError(matrix.shape)
        return _listed(predict_matrix(matrix))

    numbers = not table.by_name and not table.categories and all(column.numeric for column in declared)

    def predict(body: Any) -> Any:
        asked = read(body)
        return asked.answer(run(asked.rows))

    return Model(
        routes=package.routes,
        predict=predict,
        threads=threads,
        example=package.config.get("example") or _example(table, declared),
        rows=Rows(read, run, run_matrix if numbers else None),
        tensors=_tensors(table, declared, by_place=by_place),
        columns=tuple(column.name for column in declared),
    )


def _listed(result: Any) -> Sequence[Any]:
    listed: Sequence[Any] = result.tolist() if hasattr(result, "tolist") else list(result)
    return listed


def _telling(table: Table) -> Table:
    """The same table; what its library says about the values of a call is told to the caller."""
    return replace(
        table,
        predict=_told(table.predict, table.faults),
        more={name: _told(call, table.faults) for name, call in table.more.items()},
    )


def _told(call: Callable[[Any], Any], faults: tuple[type[Exception], ...]) -> Callable[[Any], Any]:
    def told(matrix: Any) -> Any:
        try:
            return call(matrix)
        except faults as error:
            raise input_refused(error) from error
        except TypeError as error:
            if getattr(matrix, "dtype", None) in (None, object):  # text and numbers mixed, as the caller sent them
                raise input_refused(error) from error
            raise

    return told


def _in_order(schema: tuple[Column, ...], table: Table) -> tuple[tuple[Column, ...], bool]:
    """The columns in the order of the model, and whether a row without names can be trusted to have it.

        schema a, b    model a, b    as they are
        schema a, b    model b, a    the model's order; rows without names are refused
        schema a, b    model x, y    other names for the same columns: the schema's order is the model's
        schema a, b    model b, y    LoadError: one of the two is wrong

    Raises LoadError.
    """
    if not schema or not table.columns:
        return schema or tuple(Column(name) for name in table.columns), True
    names = tuple(column.name for column in schema)
    if names == table.columns:
        return schema, True
    if set(names) == set(table.columns) and len(names) == len(table.columns):
        place = {column.name: column for column in schema}
        return tuple(place[name] for name in table.columns), False
    moved = [n for n in set(names) & set(table.columns) if names.index(n) != table.columns.index(n)]
    if table.by_name or moved:
        raise LoadError(
            f"config.json declares the columns {', '.join(names)}; "
            f"the model was fitted with {', '.join(table.columns)}"
        )
    return schema, True


def _check_kinds(schema: Sequence[Column], declared: Sequence[Column], table: Table) -> None:
    """Libraries that take numbers only would fail at each call of a column of text. Raises LoadError."""
    if table.platform not in ("xgboost", "lightgbm"):
        return
    for n, column in enumerate(declared):
        if column.kind == "string" and not table.categories.get(n):
            why = "the file does not hold its categories" if n in table.categories else "the model takes a number"
            raise LoadError(f"config.json declares {column.name} as a string, and {why}")


def _coded(table: Table, rows: Sequence[Any]) -> Sequence[Any]:
    """Rows with numbers in place of categories. Raises RequestError (400)."""
    if not table.categories:
        return rows
    coded = []
    for n, row in enumerate(rows):
        cells = list(row)
        for place, known in table.categories.items():
            if place < len(cells):
                cells[place] = _code(cells[place], known, f"row {n}, column {_named(table, place)}")
        coded.append(cells)
    return coded


def _code(value: Any, known: Mapping[Any, int] | None, where: str) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):  # missing
        return value
    if known is None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value) or value < 0:
            raise bad_input(f"{where}: the category must be given by its number, not {shown(value)}.")
        return value
    code = known.get(value)
    if code is not None and not isinstance(value, bool):
        return code
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if number and value in range(len(known)) and not any(isinstance(name, (int, float)) for name in known):
        return value
    names = ", ".join(map(str, list(known)[:20]))
    raise bad_input(f"{where}: {shown(value)} is no category of it; they are {names}.")


def _named(table: Table, place: int) -> str:
    return table.columns[place] if place < len(table.columns) else str(place)


def _matrix(table: Table, declared: Sequence[Column]) -> Callable[[Any], Any]:
    """Numbers go in as one float array; a model that picks columns by name, or takes text, gets a frame."""
    import numpy as np

    if table.by_name:
        return _frame(table, declared)
    numeric = all(column.numeric or n in table.categories for n, column in enumerate(declared))
    dtype: Any = np.float64 if numeric else object

    def to_array(rows: Sequence[Any]) -> Any:
        try:
            array = np.array(_coded(table, rows), dtype=dtype)
        except (TypeError, ValueError, OverflowError) as error:
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
    if table.by_name or table.categories or not all(column.numeric for column in declared):
        return None
    if declared:
        return {"req_data": [dict.fromkeys((column.name for column in declared), 0)]}
    return {"instances": [[0.0] * table.width]} if table.width is not None else None


def _tensors(table: Table, declared: Sequence[Column], *, by_place: bool) -> Tensors:
    inputs: tuple[Tensor, ...] = (Tensor(_MATRIX, "FP64", (-1, table.width or len(declared) or -1)),)
    if table.by_name or not by_place or not all(column.numeric for column in declared):
        inputs = tuple(Tensor(c.name, _DATATYPES.get(c.kind, "FP64"), (-1,)) for c in declared)

    to_matrix = _matrix(table, declared) if table.by_name else _only

    def fit(given: dict[str, Any]) -> dict[str, Any]:
        if not by_place and len(given) == 1 and len(declared) > 1:
            raise bad_input("config.json and the model order the columns differently: send a tensor for each.")
        return _assembled(table, declared, given)

    def run(fitted: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
        import numpy as np

        matrix = to_matrix(fitted)
        outputs = {}
        for name in wanted or (_PREDICT,):
            call = table.predict if name == _PREDICT else table.more.get(name)
            if call is None:
                raise bad_input(f"The model has no output {name}; it has {', '.join((_PREDICT, *table.more))}.")
            outputs[name] = np.asarray(call(matrix)) if len(matrix) else _nothing(table, call)
        return outputs

    # The datatype of a prediction is known only once it is made: labels may be text. Metadata say what is usual.
    return Tensors(table.platform, inputs, (Tensor(_PREDICT, "FP64", (-1,)),), run, fit)


def _nothing(table: Table, call: Callable[[Any], Any]) -> Any:
    """The answer to no rows, which libraries refuse: of the shape and type that a row would have had."""
    import numpy as np

    if table.width is not None and not table.by_name:
        try:
            return np.asarray(call(np.zeros((1, table.width))))[:0]
        except Exception:  # noqa: BLE001 - it may not take a row of zeros; the answer is still no rows
            return np.empty((0,))
    return np.empty((0,))


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
    unknown = [name for name in given if name not in names] if names else []
    if unknown:
        raise bad_input(f"The model has no input {unknown[0]}; it has {', '.join(names)}.")
    missing = [name for name in names if name not in given]
    if missing or not names:
        raise bad_input(f"The inputs must be one matrix, or a tensor for each column; missing: {missing}.")
    picked = [given[name].reshape(-1) for name in names]
    if len({len(each) for each in picked}) != 1:
        raise bad_input("All columns must have the same number of rows.")
    if table.by_name:
        return dict(zip(names, picked, strict=True))
    if table.categories:
        rows = _coded(table, list(zip(*(each.tolist() for each in picked), strict=True)))
        return {_MATRIX: np.array(rows, dtype=np.float64).reshape(len(rows), len(names))}
    return {_MATRIX: np.stack(picked, axis=1)}
