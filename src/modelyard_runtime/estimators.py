"""A bare scikit-learn file, served without a script."""

import pickle
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modelyard_runtime.errors import LoadError, bad_input
from modelyard_runtime.model import Model
from modelyard_runtime.package import Package
from modelyard_runtime.tabular import Column, columns, question

SUFFIXES = (".m", ".joblib", ".pkl", ".pickle")


def estimator_model(package: Package, path: Path, threads: int) -> Model:
    """Raises LoadError."""
    estimator = load_estimator(path)
    if not hasattr(estimator, "predict"):
        raise LoadError(f"{path.name} holds a {type(estimator).__name__}, which has no predict method")
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    declared = columns(package.schema("request")) or _fitted_columns(estimator)
    names = [c.name for c in columns(package.schema("response"), "resp_data")]
    return Model(
        routes=package.routes,
        predict=predictor(estimator, declared, names),
        threads=threads,
        example=_example(estimator, declared),
    )


def load_estimator(path: Path) -> Any:
    """Unpickles, which runs whatever code the file carries: packages are trusted like code."""
    if not path.is_file():
        raise LoadError(f"the model file {path.name} does not exist in {path.parent}")
    try:
        import joblib
    except ImportError:
        load: Callable[[Path], Any] = _unpickle
    else:
        load = joblib.load
    try:
        return load(path)
    except ModuleNotFoundError as error:
        raise LoadError(f"{path.name} needs the Python package {error.name!r}, which is not installed") from error
    except Exception as error:
        raise LoadError(f"{path.name} cannot be unpickled: {type(error).__name__}: {error}") from error


def predictor(estimator: Any, declared: Sequence[Column], names: Sequence[str]) -> Callable[[Any], Any]:
    predict = estimator.predict
    to_matrix = _matrix(estimator, declared)

    def answer(body: Any) -> Any:
        asked = question(body, declared)
        result = predict(to_matrix(asked.rows)) if asked.rows else []
        return asked.answer(result.tolist() if hasattr(result, "tolist") else list(result), names)

    return answer


def _matrix(estimator: Any, declared: Sequence[Column]) -> Callable[[list[list[Any]]], Any]:
    """Numbers go in as one float array; a model that picks columns by name, or takes text, gets a frame."""
    import numpy as np

    fitted = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    by_name = bool(fitted) and _selects_by_name(estimator)
    if by_name:
        try:
            import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise LoadError(
                "this model selects columns by name and needs pandas, which is not installed"
            ) from error
        names = [c.name for c in declared] or fitted
        return lambda rows: pd.DataFrame(rows, columns=names)

    dtype: Any = np.float64 if all(column.numeric for column in declared) else object
    width = getattr(estimator, "n_features_in_", None)

    def to_array(rows: list[list[Any]]) -> Any:
        try:
            array = np.array(rows, dtype=dtype)
        except (TypeError, ValueError) as error:
            raise bad_input(f"The rows are not a table of numbers: {error}.") from None
        if width is not None and array.shape[1:] != (width,):
            raise bad_input(f"Each row must have {width} values.")
        return array

    return to_array


def _selects_by_name(estimator: Any) -> bool:
    steps = [step for _, step in getattr(estimator, "steps", ())]
    return any(hasattr(each, "transformers") for each in (estimator, *steps))


def _fitted_columns(estimator: Any) -> tuple[Column, ...]:
    return tuple(Column(str(name)) for name in getattr(estimator, "feature_names_in_", ()))


def _example(estimator: Any, declared: Sequence[Column]) -> Any:
    """A row of zeros for the warm-up, as a caller would send it; None where text is asked for."""
    if _selects_by_name(estimator) or not all(column.numeric for column in declared):
        return None
    if declared:
        return {"req_data": [dict.fromkeys((column.name for column in declared), 0)]}
    width = getattr(estimator, "n_features_in_", None)
    return {"instances": [[0.0] * int(width)]} if width is not None else None


def _unpickle(path: Path) -> Any:
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - see load_estimator
