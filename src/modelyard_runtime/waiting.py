"""Says where a load that takes long is, so that the end of its log tells when somebody gives up waiting.

    still loading after 30 s: in customize_service.py:12 (load), which waits in socket.py:706

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
        """Of the loading thread first; a constructor may wait for a thread of its own."""
        frames = sys._current_frames()
        me = threading.get_ident()
        first = [frames[self._loading]] if self._loading in frames else []
        return first + [frame for ident, frame in frames.items() if ident not in (me, self._loading)]


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
