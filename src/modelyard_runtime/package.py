"""A model package on disk: config.json, an optional script, weights (contract §3, "Model package").

Reads and checks; runs nothing of the model.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard_runtime.errors import LoadError

SCRIPT = "customize_service.py"
CONFIG = "config.json"

_FILE_SUFFIXES = {  # in the order in which a file is taken for the model
    "PyTorch": (".pt", ".pth", ".pt2", ".ts", ".pkl", ".bin", ".ckpt"),
    "XGBoost": (".m", ".ubj", ".json", ".model", ".bin", ".pkl", ".joblib"),
    "LightGBM": (".txt", ".lgb", ".model", ".m", ".pkl", ".joblib"),
    "Scikit_Learn": (".m", ".joblib", ".pkl", ".pickle", ".skops"),
    "ONNX": (".onnx",),
    "MindSpore": (".om", ".mindir", ".ckpt"),
}
_ANY_SUFFIX = (
    *(".m", ".joblib", ".pkl", ".pickle", ".skops", ".pt", ".pth", ".pt2", ".ts", ".ubj", ".onnx"),
    *(".lgb", ".om", ".mindir", ".ckpt"),
)


@dataclass(frozen=True, slots=True)
class Package:
    """`directory` holds config.json. `config` is its content, a JSON object."""

    directory: Path
    config: dict[str, Any]

    @property
    def model_type(self) -> str:
        return str(self.config.get("model_type", ""))

    @property
    def script(self) -> Path | None:
        path = self.directory / SCRIPT
        return path if path.is_file() else None

    @property
    def weights(self) -> Path | None:
        """The model file: `model_file` of config.json, or the one whose suffix fits the model type.

        Of a type that is not in the table, a file named `model` may have a suffix that says little (.json, .txt).
        """
        named = self.config.get("model_file")
        if named:
            return self.directory / str(named)
        suffixes = _FILE_SUFFIXES.get(self.model_type, _ANY_SUFFIX)
        files = [f for f in sorted(self.directory.iterdir()) if f.is_file() and f.name != CONFIG]
        for suffix in suffixes:
            found = [f for f in files if f.suffix == suffix]
            if found:
                return next((f for f in found if f.stem == "model"), found[0])
        if self.model_type in _FILE_SUFFIXES:
            return None
        return next((f for f in files if f.name in ("model.json", "model.txt")), None)

    @property
    def api(self) -> dict[str, Any]:
        """The declared prediction api: the one at `/`, else the first; {} when none is declared."""
        declared = [a for a in _list(self.config.get("apis")) if isinstance(a, dict)]
        return next((a for a in declared if a.get("url", "/") == "/"), declared[0] if declared else {})

    def schema(self, side: str) -> dict[str, Any]:
        """The JSON schema of `request` or `response`, {} when it is not declared."""
        part = self.api.get(side)
        data = part.get("data") if isinstance(part, dict) else None
        if isinstance(data, str):  # the table of the specification types it as a string
            try:
                data = json.loads(data)
            except ValueError:
                data = None
        return data if isinstance(data, dict) else {}

    @property
    def routes(self) -> dict[str, frozenset[str]]:
        """Path to methods. `/` with POST is always there."""
        found: dict[str, set[str]] = {"/": {"POST"}}
        for api in _list(self.config.get("apis")):
            if isinstance(api, dict):
                method = str(api.get("method") or "POST").upper()
                found.setdefault(str(api.get("url") or "/"), set()).add(method)
        return {url: frozenset(methods) for url, methods in found.items()}


def open_package(directory: Path) -> Package:
    """`directory` is the package's `model/` or the directory that holds it. Raises LoadError."""
    if not directory.is_dir():
        raise LoadError(f"the model directory {directory} does not exist")
    home = next((d for d in (directory, directory / "model") if (d / CONFIG).is_file()), None)
    if home is None:
        raise LoadError(f"config.json is missing in {directory}")
    try:
        config = json.loads((home / CONFIG).read_bytes())
    except (ValueError, UnicodeDecodeError) as error:
        raise LoadError(f"config.json is not valid JSON: {error}") from error
    if not isinstance(config, dict):
        raise LoadError(f"config.json must hold a JSON object, not {type(config).__name__}")
    return Package(home, config)


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):  # `apis` also travels as a JSON string
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return value if isinstance(value, list) else []
