"""MXNet scripts: `model_path` is the model directory. (Older scripts import this as `mms.model_service…`.)"""

from typing import ClassVar

from model_service.model_service import SingleNodeService


class MXNetBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = False
