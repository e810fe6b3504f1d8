"""What a model package must be (contract §3, Model package): pure checks over its file names and config.json.

    <source_location>/model/config.json            optional when the request says what it would say
                            customize_service.py   optional for engines that load a bare model file
                            weights and other files

The effective configuration is config.json, overlaid by what the request says of the same things, overlaid by
`initial_config`. It is what goes into the snapshot.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import cast

from modelyard.core import health, requirements
from modelyard.domain.errors import Violation

CONFIG = "config.json"
CODE = "customize_service.py"
BARE_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "Scikit_Learn": (".pkl", ".joblib", ".m", ".pickle", ".skops"),
    "XGBoost": (".m", ".ubj", ".json", ".model", ".bin", ".pkl", ".joblib"),
    "LightGBM": (".txt", ".lgb", ".model", ".m", ".pkl", ".joblib"),
    "ONNX": (".onnx",),
    "PyTorch": (".pt", ".pth", ".pt2", ".ts"),
}
"""Model types that are served without inference code, and how their model file's name ends."""

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
REQUEST_KEYS = ("model_algorithm", "runtime", "apis", "dependencies", *health.KEYS, "metrics")
"""Keys of config.json that the request to publish may also say."""

PYTHON = re.compile(r"py(?:thon)?[_-]?(\d)\.?(\d+)")
"""In the name of a runtime: `python3.7`, `tf1.13-python3.6-cpu`, `pytorch_1.8.0-cuda_10.2-py_3.7-…`."""


def config(
    text: bytes | None, request: Mapping[str, object], initial: str | None
) -> tuple[Mapping[str, object], tuple[Violation, ...]]:
    """The effective configuration and every rule it breaks. `text`: config.json (None: there is none)."""
    merged: dict[str, object] = {}
    violations: list[Violation] = []
    for name, source in ((f"model/{CONFIG}", text), ("initial_config", initial or None)):
        if name == "initial_config":
            merged.update({key: request[key] for key in REQUEST_KEYS if request.get(key) is not None})
        if source is None:
            continue
        try:
            value = json.loads(source)
        except (ValueError, RecursionError) as error:
            violations.append(Violation(name, f"is not JSON: {error}", "3016"))
            continue
        if not isinstance(value, dict):
            violations.append(Violation(name, "must be a JSON object", "3015"))
            continue
        merged.update(value)
    for key in ("apis", "metrics", "dependencies", *health.KEYS):  # they also travel as JSON strings (contract §3)
        if isinstance(inner := merged.get(key), str):
            merged[key] = _read(inner)
    return merged, (*violations, *_rules(merged))


def _read(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def layout(names: Collection[str], model_type: str) -> tuple[Violation, ...]:
    """Rules over the file names below `model/` (relative, with `/`)."""
    if not names:
        return (Violation("source_location", "there is no directory model/ with files in it", "3017"),)
    if CODE in names:
        return ()
    suffixes = BARE_SUFFIXES.get(model_type)
    if suffixes is None:
        return (Violation("source_location", f"model/{CODE} is missing; {model_type} models need it", "3017"),)
    if not any(name.endswith(suffixes) for name in names if name != CONFIG):
        wanted = ", ".join(suffixes)
        text = f"neither model/{CODE} nor a model file ({wanted}) is there"
        return (Violation("source_location", text, "3017"),)
    return ()


def runtime_note(config: Mapping[str, object], python: tuple[int, int]) -> str:
    """That another interpreter serves the model than its `runtime` names; "" when it is the same, or none."""
    runtime = config.get("runtime")
    match = PYTHON.search(runtime) if isinstance(runtime, str) else None
    if match is None or (int(match[1]), int(match[2])) == python:
        return ""
    return f"runtime {runtime!r} is not there: Python {python[0]}.{python[1]} serves the model"


def _rules(merged: Mapping[str, object]) -> Iterator[Violation]:
    for key in ("model_type", "model_algorithm", "runtime"):
        if key in merged and not isinstance(merged[key], str):
            yield Violation(key, "must be a string", "3016")
    for key, of in (("apis", list), ("metrics", dict)):
        if key in merged and not isinstance(merged[key], of):
            yield Violation(key, f"must be {'an array' if of is list else 'an object'}", "3016")
    yield from health.violations(merged)
    for i, api in enumerate(_items(merged.get("apis"))):
        yield from _api(f"apis[{i}]", api)
    if "dependencies" in merged:
        yield from requirements.violations(merged["dependencies"])


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _api(path: str, value: object) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield Violation(path, "must be an object", "3016")
        return
    api = cast("Mapping[str, object]", value)
    url = api.get("url", "/")
    if not isinstance(url, str) or not url.startswith("/"):
        yield Violation(f"{path}.url", f"is {url!r}, must be a path that begins with /", "3016")
    method = api.get("method", "POST")
    if not isinstance(method, str) or method.upper() not in METHODS:
        yield Violation(f"{path}.method", f"is {method!r}, must be one of {', '.join(sorted(METHODS))}", "3016")
    for key in ("request", "response"):
        if key in api and not isinstance(api[key], dict):
            yield Violation(f"{path}.{key}", "must be an object", "3016")
