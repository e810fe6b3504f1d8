"""Tells the author of a command that it listens nowhere that its door looks: on another port, or not yet."""

import os
import time
from collections.abc import Callable

from modelyard_runtime.door.ports import listens, own_ports

SAY_S, MOST_SAY_S = 10.0, 600.0


class Hint:
    """Call `look` after each `pause_s`, which grow. None: it was seen to listen, and there is nothing more to say.
    The kernel is asked: that nobody has called yet says nothing."""

    def __init__(self, port: int, own: str, say: Callable[[str], None]) -> None:
        self.pause_s: float | None = SAY_S
        self._port, self._own, self._say = port, own, say
        self._began_s = time.monotonic()

    def look(self) -> None:
        if self.pause_s is None:
            return
        if listens(self._port, self._own, os.geteuid()):
            self.pause_s = None
            return
        elsewhere = ", ".join(map(str, own_ports()))
        but = f"; it listens on {elsewhere}" if elsewhere else ""
        since = f"{time.monotonic() - self._began_s:.0f} s after its start"
        self._say(f"{since} the command does not listen on the port that it was handed: {self._port} (PORT){but}")
        self.pause_s = min(2 * self.pause_s, MOST_SAY_S)
