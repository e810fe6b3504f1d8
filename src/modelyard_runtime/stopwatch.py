"""Where the time went between the start of the process and ready."""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager


class Stopwatch:
    """Phases in the order in which they first began; what `importing` takes is not counted elsewhere as well."""

    def __init__(self) -> None:
        self._born = _process_began()
        self.spent_s: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        imports = self.spent_s.get("imports", 0.0)
        self.spent_s.setdefault(name, 0.0)
        began = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - began
            if name != "imports":
                took -= self.spent_s.get("imports", 0.0) - imports
            self.spent_s[name] += took

    def importing(self) -> AbstractContextManager[None]:
        return self.phase("imports")

    def started(self) -> None:
        """Everything until now was the interpreter and this server itself."""
        self.spent_s["start"] = time.monotonic() - self._born
        self.spent_s["imports"] = 0.0

    def finished(self) -> None:
        self.spent_s["total"] = time.monotonic() - self._born

    @property
    def phases_s(self) -> dict[str, float]:
        """Empty until `finished`."""
        return self.spent_s if "total" in self.spent_s else {}

    def report(self) -> str:
        """`312 ms (start 41, imports 192, load 71, warm-up 8)`."""
        parts = ", ".join(f"{name} {spent * 1000:.0f}" for name, spent in self.spent_s.items() if name != "total")
        return f"{self.spent_s['total'] * 1000:.0f} ms ({parts})"


def _process_began() -> float:
    """On the monotonic clock, to 10 ms: the kernel keeps it in ticks since boot."""
    now = time.monotonic()
    try:
        with open("/proc/self/stat", "rb") as stat:  # noqa: PTH123 - pathlib is not needed otherwise on the way up
            ticks = int(stat.read().rpartition(b")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        return now
    return now - max(age, 0.0)
