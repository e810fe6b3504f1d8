"""`customize_service.py`: find its service class, construct it, compose its steps.

The script sees what ModelArts gives it: `model_path` is a directory or a file according to the base class, and the
constructor takes `(model_name, model_path)` or `(model_path)`.
"""

import ast
import inspect
import textwrap
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from model_service.model_service import ModelService, SingleNodeService
from modelyard_runtime.errors import LoadError
from modelyard_runtime.execution.sharing import alone
from modelyard_runtime.formats.tabular import columns
from modelyard_runtime.loading import tensorflow1
from modelyard_runtime.loading.imports import import_script
from modelyard_runtime.loading.kinds import KINDS
from modelyard_runtime.loading.package import Package
from modelyard_runtime.loading.script_batch import script_joint
from modelyard_runtime.loading.websocket import talks, websocket
from modelyard_runtime.model import Model
from modelyard_runtime.stopwatch import Stopwatch

_JSON = ("json", "simplejson", "ujson", "orjson", "rapidjson")
_STEPS = ("_preprocess", "_inference", "_postprocess")


def load_service(package: Package, script: Path, model_name: str, watch: Stopwatch) -> Any:
    """Imports the script and constructs its service. Raises LoadError; the author's exception is its cause."""
    with watch.importing():
        module = import_script(script)
    tensorflow1.complete(script)
    cls = service_class(module)
    arguments, named = constructor_arguments(cls, model_name, model_path(package, cls))
    if talks(cls) or _asynchronous(getattr(cls, step) for step in ("inference", *_STEPS)):
        from modelyard_runtime.execution.event_loop import prepare  # asyncio is not needed otherwise on the way up

        prepare()
    try:
        return cls(*arguments, **named)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise LoadError(f"{cls.__name__}.__init__ in {script.name} failed: {cause}") from error


def service_class(module: ModuleType) -> type[Any]:
    """The one class of the script that derives from a base class of `model_service` and has no subclass there."""
    services = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, SingleNodeService) and not _is_base(each)
    ]
    services = list(dict.fromkeys(services))
    leaves = [c for c in services if not any(d is not c and issubclass(d, c) for d in services)]
    own = [c for c in leaves if c.__module__ == module.__name__] or leaves
    if len(own) == 1:
        return own[0]
    if not own:
        raise LoadError(
            "customize_service.py defines no class that derives from a base class of model_service "
            "(for example model_service.model_service.SingleNodeService)"
        )
    names = ", ".join(sorted(c.__name__ for c in own))
    raise LoadError(f"customize_service.py defines several services ({names}); one is expected")


def _is_base(cls: type[Any]) -> bool:
    return cls is ModelService or cls.__module__.split(".")[0] in ("model_service", "mms")


def model_path(package: Package, cls: type[Any]) -> Path:
    """Directory or file: the base class decides, then the model type (`Kind.takes_file`); else the directory."""
    takes_file = cls.takes_file
    if takes_file is None:
        kind = KINDS.get(package.model_type)
        takes_file = kind is not None and kind.takes_file
    if not takes_file:
        return package.directory
    # Without a recognisable file the path still lies in the package, so that siblings of it are found.
    return package.weights or package.directory / "model"


def constructor_arguments(cls: type[Any], model_name: str, path: Path) -> tuple[tuple[Any, ...], dict[str, str]]:
    """What the constructor is called with, by its signature: (positional, named).

        (model_name, model_path)             both; so it is for any two names, and for more with defaults
        (model_path), (p)                    the path alone
        (model_name), (p, model_name)        each of the two names gets what it is named for, wherever it stands;
        (ctx=None, model_name, model_path)   what no name asks for goes to the others: the path to the first one,
        (model_path, threads=4)              the name to the first one that must have something
        (*, model_name, model_path)          by name
        (*args, **kwargs), (model_path, *a)  what the constructor of the next class takes, which gets them

    Raises LoadError for one that needs anything else.
    """
    known = {"model_name": model_name, "model_path": str(path)}
    parameters = _parameters(cls)
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    only_named = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    kinds = {p.kind for p in parameters}
    named = {p.name: known[p.name] for p in only_named if p.name in known}
    if kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} and not named and len(placed) < 2:
        following = _next_parameters(cls)
        given = _given(following, (), known)
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            return _in_order(following, given), {}
        first = [p.name for p in placed]
        rest = {name: value for name, value in given.items() if name not in first}
        return tuple(known.get(name, known["model_path"]) for name in first), rest
    given = _given(placed, named, known)
    more = [p for p in placed if p.default is p.empty and p.name not in given]
    more += [p for p in only_named if p.default is p.empty and p.name not in known]
    if more:
        names = ", ".join(p.name for p in parameters)
        raise LoadError(
            f"{cls.__name__}.__init__ takes ({names}); expected (model_name, model_path) or (model_path)"
        )
    return _in_order(placed, given), named


def _parameters(cls: type[Any]) -> list[inspect.Parameter]:
    return list(inspect.signature(cls).parameters.values())


def _next_parameters(cls: type[Any]) -> list[inspect.Parameter]:
    """The parameters, without `self`, of the first constructor after this class's that says what it takes."""
    for each in cls.__mro__[1:]:
        own = vars(each).get("__init__")
        if inspect.isfunction(own):
            parameters = list(inspect.signature(own).parameters.values())[1:]
            if parameters and not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
                return parameters
    return []


def _given(placed: Sequence[inspect.Parameter], named: Iterable[str], known: dict[str, str]) -> dict[str, str]:
    """Parameter to value: by name first, and what is left in order, as little as the rule says."""
    given = {p.name: known[p.name] for p in placed if p.name in known}
    others = [p for p in placed if p.name not in known]
    left = [name for name in known if name not in given and name not in named]
    if left == ["model_name"]:
        others = [p for p in others if p.default is p.empty]
    elif len(others) < len(left):
        left = left[-1:]
    return given | {p.name: known[name] for p, name in zip(others, left, strict=False)}


def _in_order(placed: Sequence[inspect.Parameter], given: dict[str, str]) -> tuple[Any, ...]:
    """By position, up to the last that gets something: a constructor may have no other way."""
    last = max((n for n, p in enumerate(placed) if p.name in given), default=-1)
    return tuple(given.get(p.name, p.default) for p in placed[: last + 1])


def script_model(package: Package, service: Any, threads: int) -> Model:
    cls = type(service)
    machine_learning = any(c.__name__ == "XgSklServingBaseService" for c in cls.__mro__)
    steps = _steps(service)
    declared = tuple(column.name for column in columns(package.schema("request")))
    with suppress(AttributeError):  # a class with slots keeps the order of the fields
        service._declared_columns = declared  # for the default `_preprocess` of `python_model_service`
    connected = websocket(service, package.config)
    if _asynchronous(steps) or (connected is not None and connected.talk is not None):
        return Model(
            package.routes,
            predict_async=_chain_async(steps),
            wants_text=_parses_text(steps[0]) if steps else False,
            wraps_lists=machine_learning,
            example=package.config.get("example"),
            columns=declared,
            websocket=connected,
        )
    joint = script_joint(package, service)
    if joint is not None and connected is not None:
        raise LoadError(f"{cls.__name__} answers requests in batches, which excludes a WebSocket")
    return Model(
        routes=package.routes,
        predict=alone(joint) if joint else _chain(steps),
        joint=joint,
        threads=threads,
        wants_text=_parses_text(steps[0]) if steps else False,
        wraps_lists=machine_learning,
        example=package.config.get("example"),
        columns=declared,
        websocket=connected,
    )


def _steps(service: Any) -> list[Callable[[Any], Any]]:
    """The bound methods to call, in order; those that only hand their argument on are left out."""
    cls = type(service)
    if cls.inference is not SingleNodeService.inference:
        return [service.inference]
    return [getattr(service, s) for s in _STEPS if getattr(cls, s) is not getattr(SingleNodeService, s)]


def _asynchronous(steps: Iterable[Callable[..., Any]]) -> bool:
    return any(inspect.iscoroutinefunction(step) or inspect.isasyncgenfunction(step) for step in steps)


def _chain(steps: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    if not steps:
        return lambda data: data
    if len(steps) == 1:
        return steps[0]

    def predict(data: Any) -> Any:
        for step in steps:
            data = step(data)
        return data

    return predict


def _chain_async(steps: list[Callable[[Any], Any]]) -> Callable[[Any], Awaitable[Any]]:
    async def predict(data: Any) -> Any:
        for step in steps:
            data = step(data)
            if inspect.isawaitable(data):
                data = await data
        return data

    return predict


def _parses_text(step: Callable[[Any], Any]) -> bool:
    """Older machine-learning scripts get the body as text: those whose first use of the first step's argument is
    `json.loads(data)`, after at most a look at its type. A fact of the function's syntax, never of its text."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(step)))
    except (OSError, TypeError, SyntaxError):
        return False
    function = tree.body[0] if tree.body else None
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or len(function.args.args) < 2:
        return False
    data = function.args.args[1].arg
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and _takes(node, data)]
    looks = {id(call.args[0]) for call in calls if _called(call) in ("isinstance", "type", "len")}
    uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == data]
    uses = [node for node in uses if id(node) not in looks and isinstance(node.ctx, ast.Load)]
    first = min(uses, key=lambda node: (node.lineno, node.col_offset), default=None)
    parsers = _json_parsers(step)
    return any(call.args[0] is first and _called(call) in parsers for call in calls)


def _takes(call: ast.Call, data: str) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Name) and call.args[0].id == data


def _called(call: ast.Call) -> str:
    """`loads`, `json.loads`; "" for anything else."""
    function = call.func
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return f"{function.value.id}.{function.attr}"
    return function.id if isinstance(function, ast.Name) else ""


def _json_parsers(step: Callable[[Any], Any]) -> set[str]:
    """How the module of the step calls a `loads` of JSON: by what its names are bound to."""
    names: dict[str, Any] = getattr(inspect.unwrap(getattr(step, "__func__", step)), "__globals__", {})
    parsers = {"json.loads"} if "json" not in names else set()  # imported inside of the function
    for name, value in list(names.items()):
        if inspect.ismodule(value) and value.__name__ in _JSON:
            parsers.add(f"{name}.loads")
        elif callable(value) and getattr(value, "__module__", None) in _JSON:
            parsers.add(name)
    return parsers
