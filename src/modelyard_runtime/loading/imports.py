"""Importing a script and what lies beside it, in the instance and in what it starts (`children`).

Siblings import absolutely and relatively, `import log` and `mms.model_service.…` work as in published scripts, and
nothing is written into the package: it is a snapshot with a digest, shared by instances. (Elsewhere bytecode is
cached as usual: an environment that was installed without it would otherwise be compiled at every start.)

What we offer lies in directories below `offered`. A module of the package goes before ours; ours goes before an
installed one of the same name in `first`, after it in `last`.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import ModuleType
from typing import Any

from modelyard_runtime.errors import LoadError, hint

_OFFERED = Path(__file__).parents[1] / "offered"
FIRST, LAST = _OFFERED / "first", _OFFERED / "last"


class _Reader(SourceFileLoader):
    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Where bytecode would be written."""


def import_script(script: Path) -> ModuleType:
    """The script's module. Raises LoadError that says what is wrong with it."""
    importable(script)
    name = script.stem
    spec = _spec(script)
    if spec is None or spec.loader is None:
        raise LoadError(f"{script.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        where = Path(error.filename or script).name
        raise LoadError(f"syntax error in {where}, line {error.lineno}: {error.msg}") from error
    except ModuleNotFoundError as error:
        name = error.name or "a module"
        raise LoadError(f"{script.name} imports {name!r}, which is not installed: {hint(name)}") from error
    except Exception as error:
        raise LoadError(f"importing {script.name} failed: {type(error).__name__}: {error}") from error
    return module


def importable(script: Path) -> None:
    """The script by its name, what lies beside it, and what we offer."""
    directory = str(script.parent)
    if directory not in sys.path:
        sys.path.insert(0, directory)
    if str(FIRST) not in sys.path:
        sys.path.insert(sys.path.index(directory) + 1, str(FIRST))
    if str(LAST) not in sys.path:
        sys.path.append(str(LAST))
    _leave_no_bytecode(directory)
    sys.meta_path.insert(0, _Finder(script))


def _spec(script: Path) -> ModuleSpec | None:
    """The script is a package of its siblings, so that they may import each other relatively."""
    return importlib.util.spec_from_file_location(
        script.stem,
        script,
        loader=_Reader(script.stem, str(script)),
        submodule_search_locations=[str(script.parent)],
    )


class _Finder:
    """Whoever imports the script by name, like a worker that is sent a function of it, gets it as we do."""

    def __init__(self, script: Path) -> None:
        self._script = script

    def find_spec(self, name: str, path: Sequence[str] | None, _target: Any = None) -> ModuleSpec | None:
        return _spec(self._script) if path is None and name == self._script.stem else None


def _leave_no_bytecode(directory: str) -> None:
    """Searches directories of the package as Python's own finder does, but writes nothing. Files are left to the
    other hooks: a program is a file (Python asks what is in it, and runs it when no hook knows), and so is a zip
    of modules."""
    loaders = (
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (_Reader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )

    def hook(path: str) -> FileFinder:
        whole = os.path.abspath(path)  # noqa: PTH100 - a link stays what it is
        if not Path(whole).is_relative_to(directory) or not os.path.isdir(whole):  # noqa: PTH112 - which never raises
            raise ImportError(path)
        return FileFinder(path, *loaders)

    sys.path_hooks.insert(0, hook)
    for path in [p for p in sys.path_importer_cache if Path(p).is_relative_to(directory)]:
        del sys.path_importer_cache[path]


def lay_over(packages: Path) -> None:
    """Imports find `packages`, the environment of a model's dependencies, before whatever else is installed; so do
    the metadata of distributions.

    It goes behind the standard library, which PYTHONPATH would not: a backport of a module of ours must not
    take its place. What the model server had imported before stays as it is.
    """
    if str(packages) in sys.path:
        return
    installed = (i for i, path in enumerate(sys.path) if Path(path).name in ("site-packages", "dist-packages"))
    sys.path.insert(next(installed, len(sys.path)), str(packages))
    importlib.invalidate_caches()
