"""PyTorch scripts: `model_path` is the weights file; the script assigns `self.model`."""

from typing import Any, ClassVar

from model_service.model_service import SingleNodeService


class PTServingBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = True

    def __init__(self, model_name: str = "", model_path: str = "") -> None:
        super().__init__(model_name, model_path)
        self.model: Any = None

    def _inference(self, data: Any) -> Any:
        if self.model is None:
            raise RuntimeError("self.model is not set: the constructor of a PyTorch script loads it")
        return {name: self.model(value) for name, value in data.items()}
