"""TensorFlow scripts: `model_path` is the model directory."""

from typing import ClassVar

from model_service.model_service import SingleNodeService


class TfServingBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = False
