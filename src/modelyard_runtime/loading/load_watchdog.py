"""Says where a long load has got to, or where a model that answers nobody any more is stuck: whoever gives up
waiting finds it at the end of the log.

    still loading after 30 s: in customize_service.py:12 (load), which waits in socket.py:706
    no request has ended for 60 s, 3 in flight: in customize_service.py:31 (_inference), which waits in pool.py:768

Code that never lets go of the interpreter lock keeps this thread from looking; faulthandler, which needs no lock,
then prints the stack.
"""

import faulthandler
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

EVERY_S = 10.0


class StillLoading:
    """Between `start` and `stop`, `say` gets a line every `every_s`."""

    def __init__(self, model_dir: Path, say: Callable[[str], None], every_s: float = EVERY_S) -> None:
        self._model_dir = model_dir
        self._say = say
        self._every_s = every_s
        self._ended = threading.Event()
        self._loading = threading.get_ident()

    def start(self) -> None:
        """Called by the thread that is going to load."""
        self._loading = threading.get_ident()
        self._expect()
        threading.Thread(target=self._watch, name="still-loading", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        faulthandler.cancel_dump_traceback_later()

    def _expect(self) -> None:
        faulthandler.dump_traceback_later(self._every_s * 3)

    def _watch(self) -> None:
        spent_s = 0.0
        while not self._ended.wait(self._every_s):
            spent_s += self._every_s
            self._say(f"still loading after {spent_s:.0f} s: {place(self._frames(), self._model_dir)}")
            self._expect()
            if self._ended.is_set():
                faulthandler.cancel_dump_traceback_later()

    def _frames(self) -> list[FrameType]:
        return frames(self._loading)


class Standstill:
    """`look` is asked now and then, by one thread; once for each standstill of `limit_s`, `say` gets a line."""

    def __init__(self, model_dir: Path, say: Callable[[str], None], limit_s: float) -> None:
        self._model_dir = model_dir
        self._say = say
        self._limit_s = limit_s
        self._ended = -1
        self._since_s = 0.0
        self._said = False

    def look(self, begun: int, in_flight: int, now_s: float) -> None:
        ended = begun - in_flight
        if not in_flight or ended != self._ended:
            self._ended, self._since_s, self._said = ended, now_s, False
        elif not self._said and now_s - self._since_s >= self._limit_s:
            self._said = True
            where = place(frames(threading.main_thread().ident or 0), self._model_dir)
            self._say(f"no request has ended for {now_s - self._since_s:.0f} s, {in_flight} in flight: {where}")


def frames(first: int) -> list[FrameType]:
    """Of all threads but the calling one, that of `first` in front. (It may be waiting for another one.)"""
    by_thread = sys._current_frames()
    me = threading.get_ident()
    top = [by_thread[first]] if first in by_thread else []
    return top + [frame for ident, frame in by_thread.items() if ident not in (me, first)]


def place(frames: list[FrameType], model_dir: Path) -> str:
    """The innermost line of the package in any of the stacks, and what it waits in."""
    for innermost in frames:
        frame: FrameType | None = innermost
        while frame is not None:
            if Path(frame.f_code.co_filename).is_relative_to(model_dir):
                where = f"in {_line(frame)} ({frame.f_code.co_name})"
                return where if frame is innermost else f"{where}, which waits in {_line(innermost)}"
            frame = frame.f_back
    return f"in {_line(frames[0])}" if frames else "nowhere"


def _line(frame: FrameType) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
