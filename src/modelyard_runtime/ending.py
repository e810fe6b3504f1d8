"""How the process of a model ends: SIGTERM does here whatever it would do if the model were a program of its own.

    SIGTERM   the model's own handler runs at once, on the main thread, where `signal.signal` put it
              what is in flight is answered
              the main thread leaves its work, joins the threads that are no daemons, and runs what `atexit` holds

Nothing here ends any of it early. Whoever started us allows as much time as the service's grace says, and then
kills the process. What the model's handler raises ends nothing but the handler: `sys.exit()` would otherwise end
requests.

The handlers that the model installs are kept here and called by ours, which must hear of every signal. Children
that it forks get its handlers, and none of ours: a pool that ends its workers must not end us.

Any other signal that the model handles is handled soon as well. CPython runs handlers on the main thread, which
hears of a signal that comes when it is just about to sleep, or that the kernel gives to another thread, only when
it wakes: so it is woken by a signal that means nothing (SIGURG, which is ignored where nobody handles it).
"""

import atexit
import os
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], Any] | int | None
NUMBERS = (signal.SIGTERM, signal.SIGINT)
NUDGE = signal.SIGURG
NUDGE_S = 0.02

_signal, _getsignal = signal.signal, signal.getsignal


class LeaveError(BaseException):
    """Raised in the main thread, so that it stops what it is doing."""


class Ending:
    """One per process. Made on the main thread, before anything of the model is imported."""

    def __init__(self) -> None:
        self.leaving = False
        self._main = threading.main_thread().ident or 0
        self._theirs: dict[int, Handler] = {number: _getsignal(number) for number in NUMBERS}
        self._default = dict(self._theirs)
        self._begun, self._handled, self._left = threading.Event(), threading.Event(), threading.Event()
        self._by = 0
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._pending = False
        self._held = threading.local()
        self._looked = threading.Event()
        self._looked.set()
        self._exits = 0

    def install(self) -> None:
        """From now on `wait` hears of both signals: also while the main thread is inside a library's load. An
        event loop on the main thread takes the wake-up descriptor for itself; the handler then still tells."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in NUMBERS:
            _signal(number, self._tell)
        _signal(NUDGE, self._look)
        signal.signal, signal.getsignal = self._set, self._get  # type: ignore[assignment]
        os.register_at_fork(before=self._hold, after_in_parent=self._release, after_in_child=self._in_child)
        self._exits = atexit._ncallbacks()

    def wait(self) -> None:
        """Returns when the process is to end, and the model's own handler has returned."""
        number, pause_s = 0, NUDGE_S
        while number not in NUMBERS:
            while not (self._looked.is_set() or select.select([self._reader], [], [], pause_s)[0]):
                self._nudge()
                pause_s = min(pause_s + NUDGE_S, 1.0)
            number = os.read(self._reader, 1)[0]
            if number != NUDGE:
                self._looked.clear()
                pause_s = NUDGE_S
        self._by = signal.SIGTERM if number == signal.SIGINT else signal.SIGINT
        if callable(self._theirs[number]) and self._theirs[number] is not self._default[number]:
            self._nudge_until(self._begun)
            self._handled.wait()

    def nothing_to_do(self) -> bool:
        """Whether the model has neither threads that are to be joined nor anything to run at the end."""
        threads = [t for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]
        return not threads and atexit._ncallbacks() == self._exits

    def leave(self) -> None:
        """Make the main thread stop what it is doing: it raises LeaveError, wherever it is."""
        self.leaving = self._pending = True
        self._nudge_until(self._left)

    def farewell(self) -> None:
        """What the interpreter does at its end and the model may rely on. On the main thread."""
        self.leaving, self._pending = True, False
        self._left.set()
        threading._shutdown()  # type: ignore[attr-defined]  # as `Py_Finalize` does
        atexit._run_exitfuncs()

    def _nudge_until(self, done: threading.Event) -> None:
        """Have the main thread look for its signals. A signal that comes when it is just about to sleep
        is seen when it wakes: so it is woken by the other of the two, which means nothing by then."""
        pause_s = 0.0
        while not done.wait(pause_s):
            signal.pthread_kill(self._main, self._by)
            pause_s = min(pause_s + NUDGE_S, 1.0)

    def _nudge(self) -> None:
        """Have the main thread run the handlers of what came: it looks for all of them at once."""
        if _getsignal(NUDGE) == self._look:
            signal.pthread_kill(self._main, NUDGE)
        else:  # the model has a use of its own for it
            self._looked.set()

    def _look(self, _number: int, _frame: FrameType | None) -> None:
        self._looked.set()

    def _tell(self, number: int, frame: FrameType | None) -> None:
        """Ours, for both signals, on the main thread."""
        if number == self._by:
            if self._pending:
                raise LeaveError
            return
        with suppress(BlockingIOError):
            os.write(self._writer, bytes([number]))
        handler = self._theirs[number]
        if not callable(handler) or handler is self._default[number]:
            return
        self._begun.set()
        try:
            handler(number, frame)
        except SystemExit:
            pass
        except BaseException:  # noqa: BLE001 - the end goes on
            traceback.print_exc(file=sys.stderr)
        finally:
            self._handled.set()

    def _set(self, number: int, handler: Handler) -> Handler:
        """`signal.signal`. One that may not be called here, or with this, says so itself."""
        if number not in NUMBERS or threading.get_ident() != self._main or not _fits(handler):
            return _signal(number, handler)
        before, self._theirs[number] = self._theirs[number], handler
        return before

    def _get(self, number: int) -> Handler:
        """`signal.getsignal`."""
        return self._theirs[number] if number in NUMBERS else _getsignal(number)

    def _hold(self) -> None:
        """A child shares our wake-up descriptor until it has let go of it: it must not be told anything before."""
        self._held.mask = signal.pthread_sigmask(signal.SIG_BLOCK, NUMBERS)

    def _release(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._held.mask)

    def _in_child(self) -> None:
        signal.signal, signal.getsignal = _signal, _getsignal
        with suppress(ValueError):
            signal.set_wakeup_fd(-1)
            for number in NUMBERS:
                _signal(number, self._theirs[number])
            if _getsignal(NUDGE) == self._look:
                _signal(NUDGE, signal.SIG_DFL)
        self._release()


def _fits(handler: object) -> bool:
    return callable(handler) or handler in {signal.SIG_DFL, signal.SIG_IGN}
