"""scikit-learn and XGBoost scripts: `model_path` is the model file, and the steps below are the defaults.

Rows go by the names that config.json declares, else by those that the model was fitted with, else in the order of
their fields, as the published class has it. A list that `_postprocess` returns becomes
`{"data": {"resp_data": [...]}}`, as the published scripts expect.
"""

import json
from typing import Any, ClassVar

from model_service import BadRequest
from model_service.model_service import SingleNodeService


class XgSklServingBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = True

    def __init__(self, model_path: str) -> None:
        super().__init__("", model_path)
        self._loaded: Any = None

    def _preprocess(self, data: Any) -> Any:
        body = json.loads(data) if isinstance(data, (str, bytes)) else data
        rows = body["data"]["req_data"] if "data" in body else body["req_data"]
        names = self.__dict__.get("_declared_columns") or ()
        if (
            not names and type(self)._inference is XgSklServingBaseService._inference
        ):  # else the model is the script's
            names = _fitted_names(self._model())
        return (
            [_ordered(row, names, n) for n, row in enumerate(rows)] if names else [[*row.values()] for row in rows]
        )

    def _inference(self, data: Any) -> Any:
        return _predicted(self._model(), data).tolist()

    def _model(self) -> Any:
        loaded = self.__dict__.get("_loaded")  # a script may not call the base constructor
        if loaded is None:
            loaded = self._loaded = _load(self.model_path)
        return loaded

    def _postprocess(self, data: Any) -> Any:
        return [{"predictresult": element} for element in data]


def _fitted_names(loaded: Any) -> tuple[str, ...]:
    names = getattr(loaded, "feature_names_in_", None)
    return tuple(names if names is not None else getattr(loaded, "feature_names", None) or ())


def _ordered(row: Any, names: tuple[str, ...], n: int) -> list[Any]:
    try:
        return [row[name] for name in names]
    except KeyError as error:
        raise BadRequest(f"req_data[{n}].{error.args[0]} is missing.") from None


def _load(model_path: str) -> Any:
    """What joblib or pickle wrote, or an XGBoost model in its own format."""
    with open(model_path, "rb") as file:  # noqa: PTH123 - scripts and servers pass text
        pickled = file.read(1) != b"{"
    if pickled:
        import joblib

        return joblib.load(model_path)
    import xgboost  # type: ignore[import-untyped,import-not-found,unused-ignore]

    return xgboost.Booster(model_file=model_path)


def _predicted(loaded: Any, rows: Any) -> Any:
    """A Booster, as the published XGBoost scripts use it, takes its own kind of matrix."""
    bases = {(each.__module__.split(".")[0], each.__name__) for each in type(loaded).__mro__}
    if ("xgboost", "Booster") not in bases:
        return loaded.predict(rows)
    import xgboost

    return loaded.predict(xgboost.DMatrix(rows, feature_names=loaded.feature_names))
