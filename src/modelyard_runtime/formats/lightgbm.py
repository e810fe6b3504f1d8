"""LightGBM models in its own text format. Answers what `Booster.predict` does."""

import re
from pathlib import Path

from modelyard_runtime.errors import LoadError
from modelyard_runtime.stopwatch import Stopwatch
from modelyard_runtime.tables import Table

_NO_NAME = re.compile(r"Column_\d+")


def load_lightgbm(path: Path, watch: Stopwatch) -> Table:
    """Raises LoadError."""
    with watch.importing():
        try:
            import lightgbm  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise LoadError(
                f"{path.name} needs lightgbm, which is not installed: add it to dependencies in config.json"
            ) from error
    try:
        booster = lightgbm.Booster(model_file=str(path))
    except Exception as error:
        raise LoadError(f"{path.name} is not a LightGBM model: {type(error).__name__}: {error}") from error
    names = tuple(booster.feature_name())
    return Table(
        platform="lightgbm",
        predict=booster.predict,
        columns=() if all(_NO_NAME.fullmatch(name) for name in names) else names,
        width=booster.num_feature(),
        missing=True,
    )
