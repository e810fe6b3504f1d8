"""One control plane per data directory.

The lock is a `flock` on a file that stays: the kernel frees it the moment its holder dies, however it dies, so
nobody ever waits for a lease. `control.json` beside it tells who announced itself last; that this one still holds
the lock is known from its pid in the lock file.
"""

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

FORMAT = 1
"""The layout of a data directory; a newer one is refused."""


class DataDirError(Exception):
    """The data directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs the control plane of a data directory."""

    pid: int
    port: int
    gateway_port: int


class DataDir:
    """A data directory, made private to its owner. `hold` before anything in it is changed."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None

    def create(self) -> None:
        """Make it, 0700. Raises DataDirError if it cannot be or is of a newer format."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700 | self.path.stat().st_mode & 0o011)  # instances may be on their way through
        except OSError as error:
            raise DataDirError(f"cannot use the data directory {self.path}: {error.strerror}") from error
        mark = self.path / "format"
        if not mark.exists():
            mark.write_text(f"{FORMAT}\n")
        found = mark.read_text().strip()
        if not found.isdecimal() or int(found) > FORMAT:
            raise DataDirError(
                f"{self.path} has format {found!r}, this release knows up to {FORMAT}: use a newer one"
            )

    def hold(self) -> bool:
        """Take the lock; False if another process has it."""
        descriptor = os.open(self.path / "control.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        with contextlib.suppress(OSError):  # on a full disk nobody knows who holds it; nobody else is taken for it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor
        return True

    def release(self) -> None:
        """Let another control plane have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def announce(self, holder: Holder) -> None:
        """Tell who holds the lock."""
        target = self.path / "control.json"
        draft = target.with_suffix(".new")
        draft.touch(0o600)
        draft.chmod(0o600)  # one that was left behind may have another mode
        draft.write_text(json.dumps({"pid": holder.pid, "port": holder.port, "gateway_port": holder.gateway_port}))
        draft.replace(target)

    def holder(self) -> Holder | None:
        """Who has the lock, which could not be had; None while it has not announced itself. Never one before it:
        by then its pid may be anybody's."""
        last = self.last()
        try:
            pid = (self.path / "control.lock").read_text()
        except OSError:
            return None
        return last if last is not None and str(last.pid) == pid else None

    def last(self) -> Holder | None:
        """Who announced itself last, alive or not."""
        try:
            found = json.loads((self.path / "control.json").read_text())
            return Holder(int(found["pid"]), int(found["port"]), int(found["gateway_port"]))
        except (OSError, ValueError, KeyError):
            return None
