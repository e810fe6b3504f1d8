"""scikit-learn and XGBoost scripts: `model_path` is the model file, and the steps below are the defaults.

A list that `_postprocess` returns becomes `{"data": {"resp_data": [...]}}`, as the published scripts expect.
"""

import json
from typing import Any, ClassVar

from model_service.model_service import SingleNodeService


class XgSklServingBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = True

    def __init__(self, model_path: str) -> None:
        super().__init__("", model_path)
        self._loaded: Any = None

    def _preprocess(self, data: Any) -> Any:
        body = json.loads(data) if isinstance(data, (str, bytes)) else data
        rows = body["data"]["req_data"] if "data" in body else body["req_data"]
        return [list(row.values()) for row in rows]

    def _inference(self, data: Any) -> Any:
        if self._loaded is None:
            self._loaded = _load(self.model_path)
        return self._loaded.predict(data).tolist()

    def _postprocess(self, data: Any) -> Any:
        return [{"predictresult": element} for element in data]


def _load(model_path: str) -> Any:
    import joblib

    return joblib.load(model_path)
