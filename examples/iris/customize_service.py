"""Iris by scikit-learn; each answer says which version gave it."""

import json
from pathlib import Path

import joblib

from model_service.python_model_service import XgSklServingBaseService

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
SPECIES = ("setosa", "versicolor", "virginica")


class IrisService(XgSklServingBaseService):
    def __init__(self, model_path):
        super().__init__(model_path)
        loaded = joblib.load(model_path)
        self.classifier = loaded["classifier"]
        self.features = FEATURES[loaded["first"] : loaded["last"]]
        self.version = json.loads(Path(model_path).with_name("config.json").read_text())["model_version"]

    def _preprocess(self, data):
        return [[float(row[name]) for name in self.features] for row in data["data"]["req_data"]]

    def _inference(self, data):
        return self.classifier.predict(data).tolist()

    def _postprocess(self, data):
        rows = [{"predictresult": SPECIES[each]} for each in data]
        return {"model_version": self.version, "data": {"resp_data": rows}}
