"""Names of older releases of a framework that published scripts use, added where the installed one lacks them.

Scripts of TensorFlow 1 (`tf.Session`, `tf.saved_model.loader`) run on TensorFlow 2 by its own compatibility
module. Nothing that exists is replaced, and scripts that use none of these names see no difference.
"""

import ast
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
    """Whether the script uses one of the names, as its syntax tree says: `tf.Session`, under whatever name
    tensorflow was imported. A comment or a string that mentions one does not count."""
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name == "tensorflow"
    }
    used = {f"{tf}.{name}" for tf in imported for name in _TENSORFLOW_1}
    used |= {f"{tf}.saved_model.{name}" for tf in imported for name in _SAVED_MODEL_1}
    return any(isinstance(node, ast.Attribute) and ast.unparse(node) in used for node in ast.walk(tree))


def _add(module: Any, source: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if not hasattr(module, name) and hasattr(source, name):
            setattr(module, name, getattr(source, name))
