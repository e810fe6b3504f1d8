"""XGBoost models in its own formats, JSON and UBJSON.

Promises what the library answers: a file that `XGBClassifier` saved answers classes, as its `predict` does, and
its probabilities as `predict_proba`; any other answers what `Booster.predict` does. scikit-learn is not needed.
"""

import itertools
import json
from pathlib import Path
from typing import Any

from modelyard_runtime.errors import LoadError, needs
from modelyard_runtime.formats.tables import Table
from modelyard_runtime.stopwatch import Stopwatch


def load_xgboost(path: Path, watch: Stopwatch) -> Table:
    """Raises LoadError."""
    with watch.importing():
        try:
            import xgboost  # type: ignore[import-untyped,import-not-found,unused-ignore]
        except ImportError as error:
            raise LoadError(needs(path.name, "xgboost")) from error
    try:
        return booster_table(xgboost.Booster(model_file=str(path)))
    except Exception as error:
        raise LoadError(f"{path.name} is not an XGBoost model: {type(error).__name__}: {error}") from error


def booster_table(booster: Any) -> Table:
    scores = _scores(booster)
    classifier = '"classifier"' in (booster.attr("scikit_learn") or "")
    return Table(
        platform="xgboost",
        predict=(lambda matrix: _classes(scores(matrix))) if classifier else scores,
        columns=tuple(booster.feature_names or ()),
        width=booster.num_features(),
        missing=True,
        categories=_categories(booster),
        more={"predict_proba": lambda matrix: _probabilities(scores(matrix))} if classifier else {},
    )


def _categories(booster: Any) -> dict[int, dict[Any, int] | None]:
    """By column: the number of each category, as the file has them since XGBoost 3.1; None in older ones."""
    kinds = booster.feature_types or ()
    places = [n for n, kind in enumerate(kinds) if kind == "c"]
    if not places:
        return {}
    model = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"].get("model", {})
    encoded = (model.get("cats") or {}).get("enc") or []
    return {n: _names(encoded[n]) if n < len(encoded) else None for n in places}


def _names(encoded: dict[str, Any]) -> dict[Any, int] | None:
    """Text is one run of bytes with offsets; numbers are themselves."""
    values = encoded.get("values") or []
    if "offsets" in encoded:
        raw = bytes(value & 0xFF for value in values)
        cuts = encoded["offsets"]
        values = [raw[start:end].decode() for start, end in itertools.pairwise(cuts)]
    return {value: n for n, value in enumerate(values)} or None


def _scores(booster: Any) -> Any:
    """What the booster itself predicts, with the trees that early stopping chose, as the library does."""
    best = booster.attr("best_iteration")
    trees = (0, int(best) + 1) if best is not None else (0, 0)
    names = booster.feature_names
    linear = json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "gblinear"

    def predict(matrix: Any) -> Any:
        if linear:
            import xgboost

            data = xgboost.DMatrix(matrix, feature_names=names, feature_types=booster.feature_types)
            return booster.predict(data, iteration_range=trees)
        return booster.inplace_predict(matrix, iteration_range=trees, validate_features=False)

    return predict


def _classes(scores: Any) -> Any:
    """`XGBClassifier.predict`: the likeliest class; of two classes, the second when it is likelier than not."""
    import numpy as np

    if scores.ndim > 1:
        return np.argmax(scores, axis=1) if scores.shape[1] > 2 else (scores > 0.5).astype(int)
    return (scores > 0.5).astype(int)


def _probabilities(scores: Any) -> Any:
    import numpy as np

    return scores if scores.ndim > 1 else np.stack([1.0 - scores, scores], axis=1)
