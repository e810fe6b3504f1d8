"""The environment of a model's dependencies, laid over the interpreter's own packages.

It goes behind the standard library, which PYTHONPATH would not: a backport of a module of ours must not take its
place. What the model server had imported before stays as it is.
"""

import importlib
import sys
from pathlib import Path


def lay_over(packages: Path) -> None:
    """Imports find `packages` before whatever else is installed; so do the metadata of distributions."""
    if str(packages) in sys.path:
        return
    installed = (i for i, path in enumerate(sys.path) if Path(path).name in ("site-packages", "dist-packages"))
    sys.path.insert(next(installed, len(sys.path)), str(packages))
    importlib.invalidate_caches()
