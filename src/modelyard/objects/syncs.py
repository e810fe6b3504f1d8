"""Directories made durable by many threads at the same time: a sync that began after a name was written is as good
as one's own, so those who come while one is running share the next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from modelyard import files


@dataclass(slots=True)
class _Directory:
    """`begun`, `done`: how many syncs of it; `asking`: how many threads want one."""

    begun: int = 0
    done: int = 0
    asking: int = 0
    running: bool = False


class SharedSyncs:
    """See the module."""

    def __init__(self, sync: Callable[[Path], None] = files.sync) -> None:
        self._sync = sync
        self._changed = Condition()
        self._directories: dict[Path, _Directory] = {}

    def sync(self, directory: Path) -> None:
        """What is in the directory by now is there to stay. Raises OSError."""
        with self._changed:
            its = self._directories.setdefault(directory, _Directory())
            its.asking += 1
            mine = its.begun + 1
            try:
                while its.done < mine:
                    if its.running:
                        self._changed.wait()
                    else:
                        self._run(directory, its)
            finally:
                its.asking -= 1
                if not its.asking:
                    del self._directories[directory]

    def _run(self, directory: Path, its: _Directory) -> None:
        its.begun += 1
        its.running = True
        number = its.begun
        self._changed.release()
        try:
            self._sync(directory)
        except BaseException:
            self._changed.acquire()
            its.running = False
            self._changed.notify_all()  # whoever else wants one tries it
            raise
        self._changed.acquire()
        its.running = False
        its.done = number
        self._changed.notify_all()
