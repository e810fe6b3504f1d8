"""TensorFlow scripts: `model_path` is the model directory, which holds a SavedModel.

`_inference` runs the model unless the script replaces it: a dict of arrays by the input names of its signature in,
a dict of nested lists by output name out, as the published scripts expect. The signature is `serving_default`, or
the only one there is. A script that brings its own `_inference` loads nothing.
"""

import threading
from pathlib import Path
from typing import Any, ClassVar

from model_service.model_service import SingleNodeService

_INTERNAL = "__saved_model_init_op"
_DEFAULT = "serving_default"


class TfServingBaseService(SingleNodeService):
    takes_file: ClassVar[bool | None] = False

    def __init__(self, model_name: str = "", model_path: str = "") -> None:
        super().__init__(model_name, model_path)
        if type(self)._inference is TfServingBaseService._inference and _saved_model(model_path):
            self._signature()

    def _inference(self, data: Any) -> Any:
        signature = self._signature()
        inputs = signature.structured_input_signature[1]
        unknown = [name for name in data if name not in inputs]
        if unknown:
            raise ValueError(f"the model has no input {unknown[0]!r}; it has {sorted(inputs)}")
        results = signature(**{name: _tensor(value, inputs[name]) for name, value in data.items()})
        return {name: value.numpy().tolist() for name, value in results.items()}

    def _signature(self) -> Any:
        """Loaded once; the model stays referenced, or its variables would go."""
        with _LOADING:
            loaded = self.__dict__.get("_loaded_model")
            if loaded is None:
                loaded = self.__dict__["_loaded_model"] = _load(self.model_path)
        return loaded[1]


_LOADING = threading.Lock()


def _saved_model(path: str) -> bool:
    return any((Path(path) / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))


def _load(path: str) -> tuple[Any, Any]:
    import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]

    if not _saved_model(path):
        raise FileNotFoundError(
            f"no saved_model.pb in {path}: a SavedModel is needed where _inference is not replaced"
        )
    model = tf.saved_model.load(path)
    names = [name for name in model.signatures if name != _INTERNAL]
    if _DEFAULT not in names and len(names) != 1:
        raise ValueError(
            f"the SavedModel must have one signature, or {_DEFAULT!r} among several, not {sorted(names)}"
        )
    return model, model.signatures[_DEFAULT if _DEFAULT in names else names[0]]


def _tensor(value: Any, spec: Any) -> Any:
    import tensorflow as tf

    return tf.constant(value, dtype=spec.dtype) if not tf.is_tensor(value) else tf.cast(value, spec.dtype)
