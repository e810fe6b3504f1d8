"""The demo's side of the callers: start them, begin windows, read what they saw."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

HERE = Path(__file__).parent
BETWEEN = "between steps"
"""The window that is open when no step is; what fails in it counts as well."""


@dataclass(frozen=True)
class Seen:
    """One window as the callers report it. Latencies in milliseconds, times in CLOCK_MONOTONIC seconds."""

    name: str = ""
    final: bool = False
    seconds: float = 0.0
    requests: int = 0
    failed: int = 0
    worst_ms: float = 0.0
    p99_ms: float = 0.0
    by_version: dict[str, int] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)


class Traffic:
    """The load process. A context manager; leaving it ends the process."""

    def __init__(self, url: str, token: str, questions: list[dict], keep_alive: int, connecting: int) -> None:
        self._task = {
            "url": url,
            "token": token,
            "questions": questions,
            "keep_alive": keep_alive,
            "connecting": connecting,
        }
        self._changed = threading.Condition()
        self.now = Seen(BETWEEN)
        self._ended: dict[str, Seen] = {}
        self._dead = False

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "load.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._order(json.dumps(self._task))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def begin(self, name: str) -> None:
        """Begin a new window and wait until the callers do."""
        self._order(name)
        self.wait(lambda seen: seen.name == name, 10, f"the window {name!r}")

    def end(self, next_name: str) -> Seen:
        """End the present window, begin the next one, and return what the ended one saw."""
        name = self.now.name
        self.begin(next_name)
        return self._ended[name]

    def wait(self, holds: Callable[[Seen], object], timeout_s: float, what: str) -> Seen:
        """The first report for which `holds`; TimeoutError names `what`."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not holds(self.now):
                left = deadline - time.monotonic()
                if self._dead:
                    raise RuntimeError("the callers' process ended")
                if left <= 0:
                    raise TimeoutError(f"{what} was not seen within {timeout_s:.0f} s; last seen: {self.now}")
                self._changed.wait(left)
            return self.now

    def _order(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            seen = Seen(**json.loads(line))
            with self._changed:
                if seen.final:
                    self._ended[seen.name] = seen
                else:
                    self.now = seen
                self._changed.notify_all()
        with self._changed:
            self._dead = True
            self._changed.notify_all()
