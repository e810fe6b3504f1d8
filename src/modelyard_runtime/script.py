"""`customize_service.py`: find its service class, construct it, compose its steps.

The script sees what ModelArts gives it: `model_path` is a directory or a file according to the base class, and the
constructor takes `(model_name, model_path)` or `(model_path)`.
"""

import ast
import inspect
import textwrap
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from model_service.model_service import ModelService, SingleNodeService
from modelyard_runtime import older
from modelyard_runtime.errors import LoadError
from modelyard_runtime.imports import import_script
from modelyard_runtime.model import Model
from modelyard_runtime.package import Package
from modelyard_runtime.script_batch import alone, script_joint
from modelyard_runtime.stopwatch import Stopwatch
from modelyard_runtime.tabular import columns

_STEPS = ("_preprocess", "_inference", "_postprocess")
_DIRECTORY_TYPES = {"TensorFlow", "Caffe", "MXNet"}
_FILE_TYPES = {"PyTorch", "Scikit_Learn", "XGBoost"}


def load_service(package: Package, script: Path, model_name: str, watch: Stopwatch) -> Any:
    """Imports the script and constructs its service. Raises LoadError; the author's exception is its cause."""
    with watch.importing():
        module = import_script(script)
    older.complete(script)
    cls = service_class(module)
    arguments = constructor_arguments(cls, model_name, model_path(package, cls))
    if _asynchronous(getattr(cls, step) for step in ("inference", *_STEPS)):
        from modelyard_runtime.loop import prepare  # asyncio is not needed otherwise on the way up

        prepare()
    try:
        return cls(*arguments)
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
    """Directory or file: the base class decides, then the model type, then how the script uses it."""
    takes_file = cls.takes_file
    if takes_file is None and package.model_type in _DIRECTORY_TYPES:
        takes_file = False
    if takes_file is None and package.model_type in _FILE_TYPES:
        takes_file = True
    if takes_file is None:
        script = package.script
        takes_file = script is not None and "dirname(" in script.read_text(errors="replace")
    if not takes_file:
        return package.directory
    # Without a recognisable file the path still lies in the package, so that siblings of it are found.
    return package.weights or package.directory / "model"


def constructor_arguments(cls: type[Any], model_name: str, path: Path) -> tuple[str, ...]:
    parameters = [
        p
        for p in inspect.signature(cls).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    required = [p for p in parameters if p.default is p.empty]
    if len(required) > 2:
        names = ", ".join(p.name for p in required)
        raise LoadError(
            f"{cls.__name__}.__init__ takes ({names}); expected (model_name, model_path) or (model_path)"
        )
    if len(parameters) >= 2:
        return (model_name, str(path))
    return (str(path),) if parameters else ()


def script_model(package: Package, service: Any, threads: int) -> Model:
    cls = type(service)
    machine_learning = any(c.__name__ == "XgSklServingBaseService" for c in cls.__mro__)
    steps = _steps(service)
    declared = tuple(column.name for column in columns(package.schema("request")))
    if _asynchronous(steps):
        return Model(
            package.routes,
            predict_async=_chain_async(steps),
            example=package.config.get("example"),
            columns=declared,
        )
    joint = script_joint(package, service)
    return Model(
        routes=package.routes,
        predict=alone(joint) if joint else _chain(steps),
        joint=joint,
        threads=threads,
        wants_text=_parses_text(steps[0]) if steps else False,
        wraps_lists=machine_learning,
        example=package.config.get("example"),
        columns=declared,
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
    """Older machine-learning scripts get the body as text and call `json.loads(data)` themselves."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(step)))
    except (OSError, TypeError, SyntaxError):
        return False
    function = next((n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)), None)
    if function is None or len(function.args.args) < 2:
        return False
    data = function.args.args[1].arg
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "loads"
        and bool(call.args)
        and isinstance(call.args[0], ast.Name)
        and call.args[0].id == data
        for call in ast.walk(tree)
    )
