"""LightGBM models in LightGBM's own text format. Answers what `Booster.predict` does."""

import re
from pathlib import Path
from typing import Any

from modelyard_runtime.errors import LoadError, needs
from modelyard_runtime.formats.tables import Table
from modelyard_runtime.stopwatch import Stopwatch

_NO_NAME = re.compile(r"Column_\d+")


def load_lightgbm(path: Path, watch: Stopwatch) -> Table:
    """Raises LoadError."""
    with watch.importing():
        try:
            import lightgbm  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise LoadError(needs(path.name, "lightgbm")) from error
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
        categories=_categories(booster),
        faults=(ValueError, lightgbm.basic.LightGBMError),
    )


def _categories(booster: Any) -> dict[int, dict[Any, int] | None]:
    """By column: the number of each category, where it was fitted with a data frame; None where with numbers.

    The file lists the categories of a column as `1:0:2`, the range of any other as `[0:39]`.
    """
    infos = next(
        (line for line in booster.model_to_string(0, 0).splitlines() if line.startswith("feature_infos=")), ""
    )
    kinds = infos.removeprefix("feature_infos=").split()
    places = [n for n, kind in enumerate(kinds) if kind != "none" and not kind.startswith("[")]
    named = booster.pandas_categorical or []
    if len(named) != len(places):  # a column that no tree uses is not listed: whose names they are is not known
        return dict.fromkeys(places)
    return {place: {name: n for n, name in enumerate(names)} for place, names in zip(places, named, strict=True)}
