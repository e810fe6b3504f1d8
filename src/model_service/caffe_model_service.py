"""Caffe scripts: `model_path` is the model directory, `self.net` the loaded network."""

from pathlib import Path
from typing import Any, ClassVar

from model_service.model_service import SingleNodeService


class CaffeBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = False

    def __init__(self, model_name: str = "", model_path: str = "") -> None:
        super().__init__(model_name, model_path)
        import caffe  # type: ignore[import-not-found]

        directory = Path(model_path)
        self.net: Any = caffe.Net(
            str(_only(directory, "*deploy*.prototxt", "*.prototxt")),
            str(_only(directory, "*.caffemodel")),
            caffe.TEST,
        )

    def _inference(self, data: Any) -> Any:
        return self.net.forward()


def _only(directory: Path, *patterns: str) -> Path:
    for pattern in patterns:
        matching = sorted(directory.glob(pattern))
        if matching:
            return matching[0]
    raise FileNotFoundError(f"no {patterns[-1]} in {directory}")
