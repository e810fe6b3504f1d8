"""The life of an instance: listen, answer "loading", load, warm up, serve, drain, exit (`ending.py`).

Exit status: 0 after SIGTERM or SIGINT; 3 when the model cannot be served, and the last line of stderr is then the
cause.
"""

import faulthandler
import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from modelyard_runtime import metrics
from modelyard_runtime.ending import Ending, LeaveError
from modelyard_runtime.errors import LoadError
from modelyard_runtime.http.server import Server
from modelyard_runtime.http.transport import Transport, listener
from modelyard_runtime.logs import speak, tell
from modelyard_runtime.settings import Settings, settings
from modelyard_runtime.stopwatch import Stopwatch

if TYPE_CHECKING:
    from modelyard_runtime.model import Model

LOAD_FAILED = 3
_QUIET_S = 0.5  # how long requests may still begin after SIGTERM before connections are closed
_FLUSH_S = 5.0  # how long the last answers may take to leave


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
    server = Server(read.max_waiting, read.request_timeout_s)
    transport = Transport(
        listener(read.socket_fd, str(read.socket_path) if read.socket_path else None, read.port), server.handle
    )
    ending = Ending()
    ending.install()
    transport.start()
    _count(read, lambda: metrics.text(server.ledger, watch.phases_s))
    threading.Thread(target=_stop_at, args=(ending, server, transport), name="signals", daemon=True).start()
    try:
        _load(read, server, transport, watch, ending)
        watch.finished()
        names = f"{read.model_name} {read.model_version}".rstrip()
        _say(f"{names} ready in {watch.report()}")
        server.work()
    except LeaveError:
        pass
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


def _load(read: Settings, server: Server, transport: Transport, watch: Stopwatch, ending: Ending) -> None:
    # Imported here, so that the health check answers some 50 ms earlier.
    from modelyard_runtime.loading.children import variables
    from modelyard_runtime.loading.load_watchdog import Standstill, StillLoading
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
    server.standstill = Standstill(read.model_dir, _say, read.request_timeout_s)
    if model.websocket is not None:
        transport.take_websockets(server.converse)
    else:
        transport.settle()
    server.serve(model, read.model_name, read.model_version)


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


def _stop_at(ending: Ending, server: Server, transport: Transport) -> None:
    ending.wait()
    _say("stopping")
    if server.serving:
        _drain(server, transport)
    elif ending.nothing_to_do():  # it loads, and its libraries may do so for long
        _exit(0)
    if not server.leave():
        ending.leave()


def _drain(server: Server, transport: Transport) -> None:
    """The control plane routes nothing here any more. What is in flight is answered, and so is what comes late."""
    server.hang_up()
    deadline = time.monotonic() + _QUIET_S
    while server.ledger.in_flight and time.monotonic() < deadline:
        time.sleep(0.01)
    transport.stop()
    while server.ledger.in_flight:
        time.sleep(0.01)
    transport.stopped.wait(_FLUSH_S)


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
