"""Importing a script and what lies beside it.

Siblings import absolutely and relatively, `import log` works as in published scripts, and nothing is written into
the package: it is a snapshot with a digest, shared by instances. (Elsewhere bytecode is cached as usual: an
environment that was installed without it would otherwise be compiled at every start.)
"""

import importlib.util
import sys
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import ModuleType
from typing import Any

import model_service.log
from modelyard_runtime.errors import LoadError
from modelyard_runtime.missing import hint


class _Reader(SourceFileLoader):
    def set_data(self, path: str, data: Any, *, _mode: int = 0o666) -> None:
        """Where bytecode would be written."""


def import_script(script: Path) -> ModuleType:
    """The script's module. Raises LoadError that says what is wrong with it."""
    directory = str(script.parent)
    if directory not in sys.path:
        sys.path.insert(0, directory)
    _leave_no_bytecode(directory)
    _offer_published_names(script.parent)
    name = script.stem
    spec = importlib.util.spec_from_file_location(
        name, script, loader=_Reader(name, str(script)), submodule_search_locations=[directory]
    )
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


def _offer_published_names(directory: Path) -> None:
    """`import log` and `mms.model_service.…` of the older runtimes; a module of the package goes first."""
    if not (directory / "log.py").exists():
        sys.modules.setdefault("log", model_service.log)
    if "mms" not in sys.modules and importlib.util.find_spec("mms") is None:
        sys.modules["mms"] = ModuleType("mms")
        sys.modules["mms.model_service"] = sys.modules["model_service"]


def _leave_no_bytecode(directory: str) -> None:
    def hook(path: str) -> FileFinder:
        if not Path(path).is_relative_to(directory):
            raise ImportError(path)
        return FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (_Reader, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, hook)
    for path in [p for p in sys.path_importer_cache if Path(p).is_relative_to(directory)]:
        del sys.path_importer_cache[path]
