"""Every Python that a model's code starts runs this, because its PYTHONPATH names this directory.

It must do no harm in any: another release of Python, or another environment.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path


def _others() -> None:
    """What this file hides: the machine's own `sitecustomize`, if it has one."""
    here = Path(__file__).resolve().parent
    spec = PathFinder.find_spec("sitecustomize", [path for path in sys.path if Path(path).resolve() != here])
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


try:
    if os.environ.get("MODELYARD_CHILDREN") == sys.prefix:
        from modelyard_runtime.loading.children import adopt

        adopt(os.environ)
finally:
    _others()
