"""What a Python that the model's code starts can import: what the instance itself can.

Pools that begin their workers anew (`spawn`, `forkserver`, joblib's), and programs that a script runs with its own
interpreter, get from the environment:

    PYTHONPATH           the package, then what we offer there (`log`), then what was there before
    MODELYARD_CHILDREN   whose children: another Python, which may read the same PYTHONPATH, is left alone
    MODELYARD_SCRIPT     which is a package of its siblings in them as well

The rest is done by `offered/first/sitecustomize.py`, which every Python runs that finds it: `adopt`.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from modelyard_runtime.loading.imports import FIRST, importable

_WHOSE = "MODELYARD_CHILDREN"
_SCRIPT = "MODELYARD_SCRIPT"


def variables(script: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What children need beside `environ`."""
    before = environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [str(script.parent), str(FIRST), *(path for path in before if path)]
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONUNBUFFERED": environ.get(
            "PYTHONUNBUFFERED", "1"
        ),  # what a worker printed is not lost when it is killed
        _WHOSE: sys.prefix,
        _SCRIPT: str(script),
    }


def adopt(environ: Mapping[str, str]) -> None:
    """In a child, before anything else of it."""
    packages = environ.get("MODELYARD_ENVIRONMENT")
    if packages:
        from modelyard_runtime.loading.imports import lay_over

        lay_over(Path(packages))
    script = environ.get(_SCRIPT)
    if script:
        importable(Path(script))
    from modelyard_runtime.logs import speak

    speak()
