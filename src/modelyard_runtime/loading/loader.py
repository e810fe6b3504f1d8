"""A package becomes a model: its script, or one of the formats that are served without one.

Promises: every failure is a LoadError whose text is the cause (the traceback is its `__cause__`).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from model_service.model_service import SingleNodeService
from modelyard_runtime.errors import LoadError
from modelyard_runtime.execution.sharing import rows_joint
from modelyard_runtime.loading import declared
from modelyard_runtime.loading.package import Package, open_package
from modelyard_runtime.loading.script import load_service, script_model
from modelyard_runtime.model import Model
from modelyard_runtime.settings import Settings
from modelyard_runtime.stopwatch import Stopwatch

THREADED_LOAD_LIMIT_S = 600.0


def load(settings: Settings, watch: Stopwatch | None = None) -> Model:
    watch = watch or Stopwatch()
    package = open_package(settings.model_dir)
    threads = settings.threads or declared.threads(package)
    if settings.safe_formats_only:
        from modelyard_runtime.formats import refuse_code

        refuse_code(package)
    if package.script is not None:
        with _threads_of_the_constructor() as wait:
            service = load_service(package, package.script, settings.model_name, watch)
            wait(service)
        return script_model(package, service, threads)
    return _joined(package, _bare_model(package, threads, watch, safe_only=settings.safe_formats_only))


def _joined(package: Package, model: Model) -> Model:
    """Models of rows answer several requests in one call: by themselves where that is exact as far as the file
    tells (any number of rows in, as many out), and where config.json says so. Raises LoadError."""
    value = package.config.get("batching")
    bounds = declared.limits(value)
    if model.rows is None or bounds is None:
        return model
    tensors = (*model.tensors.inputs, *model.tensors.outputs) if model.tensors else ()
    sizes = [tensor.shape[0] if tensor.shape else None for tensor in tensors]
    if value in (None, "auto") and any(size != -1 for size in sizes):
        return model
    if any(size is not None and size > 0 for size in sizes):
        raise LoadError(
            "config.json: batching needs a model whose first dimension is free, and this one's is fixed"
        )
    return replace(model, joint=rows_joint(model.rows, bounds))


def _bare_model(package: Package, threads: int, watch: Stopwatch, *, safe_only: bool) -> Model:
    path = package.weights
    if path is None:
        raise LoadError(f"{package.directory} holds neither customize_service.py nor a model file")
    from modelyard_runtime.formats import model_of

    return model_of(package, path, threads, watch, safe_only=safe_only)


class _Wait:
    """Published scripts load their model in a thread that their constructor starts; until it ends they are not
    ready, and if it fails they never will be. Waits for threads whose target is a method of the service."""

    def __init__(self) -> None:
        self.before = set(threading.enumerate())
        self.failure: BaseException | None = None

    def __call__(self, service: Any) -> None:
        for thread in set(threading.enumerate()) - self.before:
            target = getattr(thread, "_target", None)
            if not thread.daemon and getattr(target, "__self__", None) is service:
                thread.join(THREADED_LOAD_LIMIT_S)
        if self.failure is not None:
            cause = f"{type(self.failure).__name__}: {self.failure}"
            raise LoadError(f"the thread that the constructor started failed: {cause}") from self.failure


@contextmanager
def _threads_of_the_constructor() -> Iterator[_Wait]:
    wait = _Wait()
    usual = threading.excepthook

    def note(args: threading.ExceptHookArgs) -> None:
        if wait.failure is None and _in_service(args.exc_traceback):
            wait.failure = args.exc_value
        else:
            usual(args)

    threading.excepthook = note
    try:
        yield wait
    finally:
        threading.excepthook = usual


def _in_service(traceback: TracebackType | None) -> bool:
    """Whether a method of the service was running (a thread forgets its target before this is asked)."""
    while traceback is not None:
        if isinstance(traceback.tb_frame.f_locals.get("self"), SingleNodeService):
            return True
        traceback = traceback.tb_next
    return False


def describe(error: BaseException, model_dir: Path) -> str:
    """One line that names the cause, and the place in the package where it happened."""
    root = error
    place = ""
    while root.__cause__ is not None and isinstance(root, LoadError):
        root = root.__cause__
    if isinstance(root, SyntaxError):
        return str(error)
    frame = root.__traceback__
    while frame is not None:
        file = Path(frame.tb_frame.f_code.co_filename)
        if file.is_relative_to(model_dir):
            place = f" ({file.name}, line {frame.tb_lineno})"
        frame = frame.tb_next
    text = str(error) if isinstance(error, LoadError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split()) + place
