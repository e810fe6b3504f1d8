"""A model that takes its time: LOAD_SECONDS to load, PREDICT_SECONDS to answer, and says who it is (MODEL_TAG)."""

import os
import time

from model_service.model_service import SingleNodeService


class SlowService(SingleNodeService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
        time.sleep(float(os.environ.get("LOAD_SECONDS", "0")))
        self.predict_s = float(os.environ.get("PREDICT_SECONDS", "0"))
        self.tag = os.environ.get("MODEL_TAG", "")

    def _inference(self, data):
        time.sleep(self.predict_s)
        return {"tag": self.tag, "input": data}
