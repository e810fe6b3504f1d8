"""Names of older releases of a framework that published scripts use, added where the installed one lacks them.

Scripts of TensorFlow 1 (`tf.Session`, `tf.saved_model.loader`) run on TensorFlow 2 by its own compatibility
module. Nothing that exists is replaced, and scripts that use none of these names see no difference.
"""

import sys
from pathlib import Path
from typing import Any

_TENSORFLOW_1 = (
    "Session",
    "placeholder",
    "get_default_graph",
    "global_variables_initializer",
    "ConfigProto",
    "GPUOptions",
)
_SAVED_MODEL_1 = ("loader", "tag_constants", "signature_constants")


def complete(script: Path) -> None:
    """After the imports of the script, before its constructor."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or not _is_older(script):
        return
    before: Any = getattr(getattr(tensorflow, "compat", None), "v1", None)
    if before is None:
        return
    _add(tensorflow, before, _TENSORFLOW_1)
    _add(tensorflow.saved_model, before.saved_model, _SAVED_MODEL_1)


def _is_older(script: Path) -> bool:
    text = script.read_text(errors="replace")
    return any(f"tf.{name}" in text for name in _TENSORFLOW_1) or "saved_model.loader" in text


def _add(module: Any, source: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if not hasattr(module, name) and hasattr(source, name):
            setattr(module, name, getattr(source, name))
