"""What a model package must be (contract §3, Model package): pure checks over its file names and config.json.

    <source_location>/model/config.json            optional when the request says the same
                            customize_service.py   optional for engines that load a bare model file
                            weights and other files

The effective configuration is config.json, overridden by what the request says, overridden by `initial_config`. It
goes into the snapshot.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import cast

from modelyard.core import json_text
from modelyard.core.admission.fields import told
from modelyard.core.packages import health, images, programs, requirements
from modelyard.domain.errors import Violation
from modelyard.domain.texts import shown
from modelyard_runtime.loading import kinds
from modelyard_runtime.loading.package import MAX_CONFIG_BYTES, MAX_DEPTH, read_json

CONFIG = kinds.CONFIG
CODE = kinds.SCRIPT
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
REQUEST_KEYS = ("model_algorithm", "runtime", "apis", "dependencies", *health.KEYS, "metrics", *programs.KEYS)
"""Keys of config.json that the request to publish may contain too."""

INNER = ("apis", "metrics", "dependencies", *health.KEYS)
"""Keys of config.json whose values may also be JSON strings (contract §3)."""

PYTHON = re.compile(r"py(?:thon)?[_-]?(\d)\.?(\d+)")
"""The Python version in the name of a runtime: `python3.7`, `tf1.13-python3.6-cpu`,
`pytorch_1.8.0-cuda_10.2-py_3.7-…`."""


def config(
    text: bytes | None, request: Mapping[str, object], initial: str | None
) -> tuple[Mapping[str, object], tuple[Violation, ...]]:
    """The effective configuration and every rule that it breaks. `text`: config.json (None: there is none)."""
    merged: dict[str, object] = {}
    violations: list[Violation] = []
    for name, source in ((f"model/{CONFIG}", text), ("initial_config", initial or None)):
        if name == "initial_config":
            said = {key: request[key] for key in REQUEST_KEYS if request.get(key) is not None}
            merged.update({key: value for key, value in said.items() if value or key not in programs.KEYS})
        if source is None:
            continue
        value, wrong = _object(name, source)
        violations += wrong
        merged.update(value)
    for key in INNER:
        if isinstance(inner := merged.get(key), str):
            merged[key], wrong = _inner(key, inner)
            violations += wrong
    broken = [v.field for v in violations]
    return merged, (*violations, *(v for v in _rules(merged) if not told(v.field, broken)))


def requested(request: Mapping[str, object]) -> Iterator[Violation]:
    """What is wrong with the JSON strings and the command of a request to publish, before anything is stored."""
    initial, metrics = request.get("initial_config"), request.get("model_metrics")
    yield from programs.violations(request)
    if isinstance(initial, str) and initial:
        value, wrong = _object("initial_config", initial)
        yield from wrong
        for key in INNER:
            if isinstance(inner := value.get(key), str):
                yield from _inner(f"initial_config.{key}", inner)[1]
    if isinstance(metrics, str) and metrics:
        yield from _inner("model_metrics", metrics)[1]


def _object(name: str, source: str | bytes) -> tuple[Mapping[str, object], Sequence[Violation]]:
    value, wrong = _inner(name, source)
    if wrong or isinstance(value, dict):
        return value if isinstance(value, dict) else {}, wrong
    return {}, (Violation(name, "must be a JSON object", "3016"),)


def _inner(name: str, source: str | bytes) -> tuple[object, Sequence[Violation]]:
    """The value of the JSON text in `name`, or the text itself and what is wrong with it."""
    if len(source) > MAX_CONFIG_BYTES:
        text = f"has {len(source)} bytes, at most {MAX_CONFIG_BYTES} are read"
        return source, (Violation(name, text, "3016"),)
    try:
        return json_text.read(source, max_depth=MAX_DEPTH), ()
    except json_text.Malformed as error:
        where, text = json_text.below(name, error.field), error.text
    if where == name:
        try:
            read_json(source)
        except ValueError as error:  # explains typical mistakes better, such as comments
            text = str(error)
    return source, (Violation(where, text, "3016"),)


def layout(
    names: Collection[str], model_type: str | None, *, unread: bool = False, command: bool = False
) -> tuple[Violation, ...]:
    """Rules about the type and the file names below `model/` (relative, with `/`). Hidden files do not count
    (`kinds.unseen`). `model_type` None: not given; `unread`: config.json may give it, but cannot be read;
    `command`: the package brings a server of its own, whatever its files are."""
    seen = [name for name in names if not kinds.unseen(name)]
    if not seen:
        return (Violation("model", "there is no directory model/ with files in it", "3017"),)
    if not model_type:
        text = "is missing: config.json, or the request to publish, must say it"
        return () if unread else (Violation("model_type", text, "3016"),)
    if model_type == images.TYPE:
        return ()  # its image has all
    kind = kinds.KINDS.get(model_type)
    if kind is None:
        text = f"is {shown(model_type)}, must be one of {', '.join(kinds.TYPES)}"
        return (Violation("model_type", text, "3016"),)
    if command:
        text = f"cannot be together with model/{CODE}: a model is served by its command or by its script"
        return (Violation("cmd", text, "3016"),) if CODE in seen else ()
    if CODE in seen:
        return ()
    if not kind.bare:
        return (Violation(CODE, f"model/{CODE} is missing; {model_type} models need it", "3017"),)
    if not kinds.candidates(seen, model_type, script=False):
        text = f"neither model/{CODE} nor a model file ({', '.join(kind.bare)}) is there"
        return (Violation(CODE, text, "3017"),)
    return ()


def runtime_note(config: Mapping[str, object], python: tuple[int, int]) -> str:
    """A note if another Python version serves the model than its `runtime` names; else ""."""
    runtime = config.get("runtime")
    match = PYTHON.search(runtime) if isinstance(runtime, str) else None
    if match is None or (int(match[1]), int(match[2])) == python:
        return ""
    return f"runtime {shown(runtime)} is not there: Python {python[0]}.{python[1]} serves the model"


def _rules(merged: Mapping[str, object]) -> Iterator[Violation]:
    for key in ("model_type", "model_algorithm", "runtime", "model_file"):
        if merged.get(key) is not None and not isinstance(merged[key], str):
            yield Violation(key, "must be a string", "3016")
    for key, of in (("apis", list), ("metrics", dict)):
        if merged.get(key) is not None and not isinstance(merged[key], of):
            yield Violation(key, f"must be {'an array' if of is list else 'an object'}", "3016")
    yield from health.violations(merged)
    yield from programs.violations(merged)
    for i, api in enumerate(_items(merged.get("apis"))):
        yield from _api(f"apis[{i}]", api)
    yield from _least(merged.get("specification"))
    if merged.get("dependencies") is not None:
        yield from requirements.violations(merged["dependencies"])


def _least(value: object) -> Iterator[Violation]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield Violation("specification", "must be an object", "3016")
        return
    for name in ("min_cpu", "min_gpu", "min_memory"):
        number = value.get(name)
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            yield Violation(f"specification.{name}", f"is {shown(number)}, must be a number", "3016")


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _api(path: str, value: object) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield Violation(path, "must be an object", "3016")
        return
    api = cast("Mapping[str, object]", value)
    url = api.get("url", "/")
    if not isinstance(url, str) or not url.startswith("/"):
        yield Violation(f"{path}.url", f"is {shown(url)}, must be a path that begins with /", "3016")
    method = api.get("method", "POST")
    if not isinstance(method, str) or method.upper() not in METHODS:
        yield Violation(
            f"{path}.method", f"is {shown(method)}, must be one of {', '.join(sorted(METHODS))}", "3016"
        )
    for key in ("request", "response"):
        if key in api and not isinstance(api[key], dict):
            yield Violation(f"{path}.{key}", "must be an object", "3016")
