"""scikit-learn, and whatever else has `predict`: joblib and pickle files, and skops files, which run no code."""

import importlib
import pickle
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from modelyard_runtime.errors import LoadError, needs
from modelyard_runtime.formats.tables import Table
from modelyard_runtime.stopwatch import Stopwatch

_LIBRARY = re.compile(rb"(sklearn|xgboost|lightgbm)(\.[a-z_]+)*")
_METHODS = ("predict_proba", "decision_function", "predict_log_proba")


def load_pickle(path: Path, watch: Stopwatch) -> Table:
    """Unpickles, which runs whatever code the file carries: packages are trusted like code. Raises LoadError."""
    load: Callable[[Path], Any] = _unpickle
    with watch.importing():
        _import_first(path)
        try:
            import joblib
        except ImportError:
            pass
        else:
            load = joblib.load
    try:
        return table(path, load(path))
    except ModuleNotFoundError as error:
        raise LoadError(needs(path.name, error.name or "a module")) from error
    except LoadError:
        raise
    except Exception as error:
        raise LoadError(f"{path.name} cannot be unpickled: {type(error).__name__}: {error}") from error


def load_skops(path: Path, watch: Stopwatch, *, safe_only: bool) -> Table:
    """With `safe_only`, types that skops does not know by itself are refused; else the package is trusted."""
    with watch.importing():
        try:
            import skops.io
        except ImportError as error:
            raise LoadError(needs(path.name, "skops")) from error
    try:
        foreign = skops.io.get_untrusted_types(file=path)
        if foreign and safe_only:
            names = ", ".join(foreign)
            raise LoadError(f"{path.name} holds types that are not known to be safe: {names}")
        return table(path, skops.io.load(path, trusted=foreign))
    except LoadError:
        raise
    except Exception as error:
        raise LoadError(f"{path.name} is not a skops file: {type(error).__name__}: {error}") from error


def table(path: Path, estimator: Any) -> Table:
    kind = type(estimator)
    if any(each.__module__.split(".")[0] == "xgboost" and each.__name__ == "Booster" for each in kind.__mro__):
        from modelyard_runtime.formats.xgboost import booster_table

        return booster_table(estimator)
    if not hasattr(estimator, "predict"):
        raise LoadError(f"{path.name} holds a {kind.__name__}, which has no predict method")
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    width = getattr(estimator, "n_features_in_", None)
    return Table(
        platform="sklearn",
        predict=estimator.predict,
        columns=tuple(str(name) for name in getattr(estimator, "feature_names_in_", ())),
        width=int(width) if width is not None else None,
        by_name=_selects_by_name(estimator),
        missing=_knows_missing(estimator),
        more={name: getattr(estimator, name) for name in _METHODS if hasattr(estimator, name)},
    )


def _selects_by_name(estimator: Any) -> bool:
    if not len(getattr(estimator, "feature_names_in_", ())):
        return False
    steps = [step for _, step in getattr(estimator, "steps", ())]
    return any(hasattr(each, "transformers") for each in (estimator, *steps))


def _knows_missing(estimator: Any) -> bool:
    """What scikit-learn's own tags say; for other estimators null is an error, as it was before."""
    tags = getattr(estimator, "__sklearn_tags__", None)
    try:
        return bool(tags().input_tags.allow_nan) if tags is not None else False
    except Exception:  # noqa: BLE001 - an estimator whose tags are broken still predicts
        return False


def _import_first(path: Path) -> None:
    """The library that the file names first. Loading would import it anyway; here its time is measured apart."""
    with path.open("rb") as file:
        named = _LIBRARY.search(file.read(512))
    if named is not None:
        with suppress(ImportError):  # whatever is wrong, loading will say so
            importlib.import_module(named[0].decode())


def _unpickle(path: Path) -> Any:
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - see load_pickle
