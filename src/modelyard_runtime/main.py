"""The life of an instance: listen, answer "loading", load, warm up, serve, drain, exit.

What it serves is `http.life`, or of a batch service `batch.life`; how it ends is `ending`.

Exit status: 0 after SIGTERM or SIGINT; 3 when the model cannot be served, and the last line of stderr is then the
cause.
"""

import faulthandler
import gc
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, Protocol

from modelyard_runtime import metrics
from modelyard_runtime.ending import Ending, LeaveError
from modelyard_runtime.errors import LoadError
from modelyard_runtime.http.transport import listener
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.logs import speak, tell
from modelyard_runtime.settings import Settings, settings
from modelyard_runtime.stopwatch import Stopwatch

if TYPE_CHECKING:
    from modelyard_runtime.model import Model

LOAD_FAILED = 3


class Life(Protocol):
    """What the process is there for. It listens already when it is made."""

    ledger: Ledger

    @property
    def serving(self) -> bool:
        """Whether it has got its model."""

    def serve(self, load: "Callable[[], Model]") -> None:
        """Have a model loaded, and be ready. Raises LoadError."""

    def work(self) -> None:
        """On the main thread, until `leave`, or until a signal handler raises something."""

    def stop(self) -> None:
        """Returns when nobody waits for anything any more. Any thread."""

    def leave(self) -> bool:
        """Make `work` return; False if it cannot be told so. Any thread."""


def main() -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    faulthandler.enable()
    _in_batches()
    watch = Stopwatch()
    try:
        read = settings(os.environ)
    except LoadError as error:
        _fail(str(error))
    os.environ.pop("MODELYARD_SOCKET_FD", None)
    path = str(read.socket_path) if read.socket_path else None
    listening = listener(read.socket_fd, path, read.port, read.host)
    ending = Ending()
    ending.install()
    life: Life = _worker(read, listening, ending) if read.batch else _server(read, listening)
    _count(read, lambda: metrics.text(life.ledger, watch.phases_s))
    threading.Thread(target=_stop_at, args=(ending, life), name="signals", daemon=True).start()
    try:
        life.serve(lambda: _load(read, watch, ending))
        watch.finished()
        names = f"{read.model_name} {read.model_version}".rstrip()
        _say(f"{names} ready in {watch.report()}")
        life.work()
    except LeaveError:
        pass
    except LoadError as error:
        _fail(str(error))
    while True:
        with suppress(LeaveError):  # once more: the signal may have come again just now
            ending.farewell()
            _exit(0)


def _in_batches() -> None:
    """Waking up does not take the CPU from whoever has it: the gateway on this machine above all.

    An instance then meets more requests at once and passes fewer from thread to thread. Full path on 2 cores, echo
    example: 40 % less CPU of the instance for a request and 18 % more requests with 64 connections, 10 % fewer
    with 8. Where a core is free it makes no difference. All threads and children inherit it.
    """
    with suppress(OSError):  # forbidden in some containers
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _count(read: Settings, content: Callable[[], str]) -> None:
    """Counters are worth having, but not worth a model that does not serve."""
    if read.metrics_path or read.metrics_port is not None:
        try:
            metrics.serve(listener(None, read.metrics_path, read.metrics_port), content)
        except OSError as error:
            _say(f"there are no metrics: {error}")


def _load(read: Settings, watch: Stopwatch, ending: Ending) -> "Model":
    # Imported here, so that the health check answers some 50 ms earlier.
    from modelyard_runtime.loading.children import variables
    from modelyard_runtime.loading.load_watchdog import StillLoading
    from modelyard_runtime.loading.loader import describe, load
    from modelyard_runtime.loading.memory import keep_freed
    from modelyard_runtime.loading.package import open_package

    if read.environment:
        from modelyard_runtime.loading.imports import lay_over

        lay_over(read.environment)
    waiting = StillLoading(read.model_dir, _say, read.load_report_s)
    watch.started()
    waiting.start()
    speak()
    try:
        with watch.phase("load"):
            script = open_package(read.model_dir).script
            if script is not None:
                os.environ.update(variables(script, os.environ))
            model = load(read, watch)
        with watch.phase("warm-up"):
            _warm_up(model)
    except BaseException as error:  # noqa: BLE001 - also sys.exit() of a script
        if ending.leaving:  # whatever became of LeaveError on its way
            raise LeaveError from None
        if isinstance(error, LoadError):
            _fail(describe(error, read.model_dir), error)
        _fail(f"loading the model ended with {describe(error, read.model_dir)}", error)
    waiting.stop()
    keep_freed()
    gc.collect()
    gc.freeze()  # what the model holds is not garbage; do not look at it again
    return model


def _warm_up(model: "Model") -> None:
    """One call with the package's example, before any other. A model that fails on its own example is broken."""
    from modelyard_runtime.protocols.answers import encode

    if model.example is None:
        return
    try:
        example = encode(model.example).decode() if model.wants_text else model.example
        if model.predict is not None:
            encode(model.predict(example))
        elif model.predict_async is not None:
            from modelyard_runtime.execution.event_loop import prepared

            encode(prepared().run_until_complete(model.predict_async(example)))
    except Exception as error:
        text = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
        raise LoadError(f"the warm-up with the example input failed: {text}") from error


def _stop_at(ending: Ending, life: Life) -> None:
    ending.wait()
    _say("stopping")
    serving = life.serving
    life.stop()
    if not serving and ending.nothing_to_do():  # it loads, and its libraries may do so for long
        _exit(0)
    if not life.leave():
        ending.leave()


def _server(read: Settings, listening: socket.socket) -> Life:
    from modelyard_runtime.http.life import RealTime

    return RealTime(read, listening, _say)


def _worker(read: Settings, listening: socket.socket, ending: Ending) -> Life:
    from modelyard_runtime.batch.life import Batch

    return Batch(read, listening, lambda: ending.leaving, _say)


def _say(text: str) -> None:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    tell(f"{stamp} modelyard {text}\n")


def _fail(cause: str, error: BaseException | None = None) -> NoReturn:
    if error is not None:
        import traceback

        tell("".join(traceback.format_exception(error.__cause__ or error)))
    tell(f"The model cannot be served: {cause}\n")
    _exit(LOAD_FAILED)


def _exit(status: int) -> NoReturn:
    """At once: neither threads of the model nor those of the transport may hold the process."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # the model's code may have put anything there
            stream.flush()
    os._exit(status)
