"""A model package on disk: config.json, an optional script, weights (contract §3, "Model package").

Reads and checks; runs nothing of the model.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelyard_runtime.errors import LoadError
from modelyard_runtime.loading import kinds
from modelyard_runtime.loading.kinds import CONFIG, SCRIPT


@dataclass(frozen=True, slots=True)
class Package:
    """`directory` holds config.json. `config` is its content, a JSON object."""

    directory: Path
    config: dict[str, Any]

    @property
    def model_type(self) -> str:
        return str(self.config.get("model_type") or "")

    @property
    def script(self) -> Path | None:
        path = self.directory / SCRIPT
        return path if path.is_file() else None

    @property
    def candidates(self) -> tuple[str, ...]:
        """Names of what may be the model file (`kinds`). Of several, without a script: not those whose suffix says
        little and whose content is no model (`label.json`, `readme.txt`); then the one named `model`."""
        with os.scandir(self.directory) as entries:
            names = [entry.name for entry in entries if entry.is_file()]
        script = self.script is not None
        candidates = kinds.candidates(names, self.model_type, script=script)
        if script or len(candidates) < 2:
            return candidates
        from modelyard_runtime.formats.sniff import kind

        plain = tuple(n for n in candidates if Path(n).suffix not in kinds.SAYS_LITTLE or kind(self.directory / n))
        return kinds.named(plain or candidates)

    @property
    def weights(self) -> Path | None:
        """The model file: `model_file` of config.json, or the candidate; None when there is none. Of several a
        script gets the first by suffix and name; without a script nobody guesses: LoadError names them."""
        chosen = self.config.get("model_file")
        if chosen:
            return self.directory / str(chosen)
        candidates = self.candidates
        if not candidates:
            return None
        if len(candidates) > 1 and self.script is None:
            raise LoadError(kinds.ambiguous(candidates))
        return self.directory / kinds.first(candidates, self.model_type)

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
                data = read_json(data)
            except ValueError:
                data = None
        return data if isinstance(data, dict) else {}

    @property
    def routes(self) -> dict[str, frozenset[str]]:
        """Path to methods. `/` with POST is always there."""
        methods_of: dict[str, set[str]] = {"/": {"POST"}}
        for api in _list(self.config.get("apis")):
            if isinstance(api, dict):
                method = str(api.get("method") or "POST").upper()
                methods_of.setdefault(str(api.get("url") or "/"), set()).add(method)
        return {url: frozenset(methods) for url, methods in methods_of.items()}


def open_package(directory: Path) -> Package:
    """`directory` is the package's `model/` or the directory that holds it. Raises LoadError."""
    if not directory.is_dir():
        raise LoadError(f"the model directory {directory} does not exist")
    home = next((d for d in (directory, directory / "model") if (d / CONFIG).is_file()), None)
    if home is None:
        raise LoadError(f"config.json is missing in {directory}")
    try:
        config = read_config((home / CONFIG).read_bytes())
    except ValueError as error:
        raise LoadError(f"config.json {error}") from error
    return Package(home, config)


MAX_CONFIG_BYTES = 4 * 1024**2
"""Of a config.json: a description, not data."""
MAX_DEPTH = 100


def read_config(text: bytes | str) -> dict[str, Any]:
    """The JSON object of a config.json or of what stands for it. Raises ValueError that says what is wrong."""
    value = read_json(text)
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")
    return value


def read_json(text: bytes | str) -> Any:
    """UTF-8, with or without a byte order mark; JSON as its RFC says: no comments, no NaN, no half of a surrogate
    pair; in bounds. Raises ValueError that says what is wrong.
    """
    if len(text) > MAX_CONFIG_BYTES:
        raise ValueError(f"has {len(text)} bytes, at most {MAX_CONFIG_BYTES} are read")
    try:
        given = text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not JSON: it must be UTF-8 text, and byte {error.start} is none") from None
    try:
        value = json.loads(given, parse_constant=_no_number)
        if _depth(value) > MAX_DEPTH:
            raise RecursionError
        json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        comment = given.startswith(("//", "/*", "#"), error.pos)
        why = "comments are not part of it" if comment else error.msg
        raise ValueError(f"is not JSON: {why} (line {error.lineno}, column {error.colno})") from None
    except UnicodeEncodeError:
        raise ValueError("is not JSON: a text in it has half of a surrogate pair") from None
    except RecursionError:
        raise ValueError("is not JSON: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"is not JSON: {error}") from None
    return value


def _depth(value: object) -> int:
    """How deep lists and objects lie in each other, counted level by level."""
    depth, level = 0, [value]
    while level := [each for each in level if isinstance(each, (dict, list))]:
        depth += 1
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a number of it")


def _list(value: Any) -> list[Any]:
    if isinstance(value, str):  # `apis` also travels as a JSON string
        try:
            value = read_json(value)
        except ValueError:
            return []
    return value if isinstance(value, list) else []
