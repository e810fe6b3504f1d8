"""Models without a script: which format a file is, and how it becomes a model.

Each module of this package knows one library, and imports it when a file needs it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from modelyard_runtime.errors import LoadError
from modelyard_runtime.formats.networks import Network, network_model
from modelyard_runtime.formats.sniff import RUNS_CODE, kind
from modelyard_runtime.formats.tables import Table, table_model
from modelyard_runtime.loading.package import Package
from modelyard_runtime.model import Model
from modelyard_runtime.stopwatch import Stopwatch

_TYPES = {"XGBoost": "xgboost", "LightGBM": "lightgbm", "ONNX": "onnx"}


def model_of(package: Package, path: Path, threads: int, watch: Stopwatch, *, safe_only: bool) -> Model:
    """Raises LoadError that names the file and what is wrong with it."""
    if not path.is_file():
        raise LoadError(f"the model file {path.name} does not exist in {path.parent}")
    loaded = _loaded(package, path, watch, safe_only=safe_only)
    if isinstance(loaded, Table):
        return table_model(package, loaded, threads)
    return network_model(package, loaded, threads)


def refuse_code(package: Package) -> None:
    """Only formats that run no code when they are loaded are let in. Raises LoadError naming one that is not.

    A script can unpickle any file of its package, so all files count.
    """
    for path, what in carriers(package):
        raise LoadError(
            f"{path.relative_to(package.directory)} is {what}, which runs code when it is loaded: "
            "this server takes only safe formats (MODELYARD_SAFE_FORMATS_ONLY)"
        )


def carriers(package: Package) -> Iterator[tuple[Path, str]]:
    """Files that run code when they are loaded, and what they are."""
    for path in sorted(_files(package.directory)):
        what = RUNS_CODE.get(kind(path))
        if what is not None:
            yield path, what


def _files(directory: Path) -> Iterator[Path]:
    """At any depth. Links to directories are not followed: a snapshot has none."""
    waiting = [directory]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file():
                    yield Path(entry.path)


def _loaded(package: Package, path: Path, watch: Stopwatch, *, safe_only: bool) -> Table | Network:
    format_name = kind(path) or _TYPES.get(package.model_type, "")
    match format_name:
        case "pickle":
            from modelyard_runtime.formats.pickled import load_pickle

            return load_pickle(path, watch)
        case "skops":
            from modelyard_runtime.formats.pickled import load_skops

            return load_skops(path, watch, safe_only=safe_only)
        case "xgboost":
            from modelyard_runtime.formats.xgboost import load_xgboost

            return load_xgboost(path, watch)
        case "lightgbm":
            from modelyard_runtime.formats.lightgbm import load_lightgbm

            return load_lightgbm(path, watch)
        case "onnx":
            from modelyard_runtime.formats.onnx import load_onnx

            return load_onnx(path, watch)
        case "torchscript":
            from modelyard_runtime.formats.torch import load_torchscript

            return load_torchscript(path, package, watch)
        case "torch-export":
            from modelyard_runtime.formats.torch import load_exported

            return load_exported(path, package, watch)
        case "torch-pickle":
            raise LoadError(
                f"{path.name} holds weights, not the code of their network: add a customize_service.py, "
                "or save the model as TorchScript or with torch.export"
            )
    raise LoadError(f"{path.name} cannot be served without a customize_service.py")
