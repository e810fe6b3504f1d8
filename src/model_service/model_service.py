"""The root of all services: preprocess, infer, postprocess, each replaceable."""

from typing import Any, ClassVar


class SingleNodeService:
    """What every inference script derives from, directly (MindSpore, Custom) or through its framework's class.

    `inference(data)` is what the server calls for each request. A script overrides any of the three steps;
    a step may be a coroutine function.
    """

    takes_file: ClassVar[bool | None] = None  # model_path is a file, a directory, or it depends on the script

    def __init__(self, model_name: str = "", model_path: str = "") -> None:
        self.model_name = model_name
        self.model_path = model_path

    def inference(self, data: Any) -> Any:
        return self._postprocess(self._inference(self._preprocess(data)))

    def _preprocess(self, data: Any) -> Any:
        return data

    def _inference(self, data: Any) -> Any:
        return data

    def _postprocess(self, data: Any) -> Any:
        return data

    def ping(self) -> None:
        """Part of the interface that older scripts override; the server does not call it."""

    def signature(self) -> Any:
        """Part of the interface that older scripts override; the server does not call it."""
        return None


class ModelService(SingleNodeService):
    """The older name of the root class."""
