"""One control plane per data directory.

The lock is a `flock` on a file that stays: the kernel frees it the moment its holder dies, however it dies, so
nobody ever waits for a lease. `control.json` beside it says who announced itself last; the pid in the lock file
tells whether that process still holds the lock.
"""

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from modelyard import files, trees

FORMAT = 1
"""The layout of a data directory; a newer one is refused."""


UNFINISHED = "restore-unfinished"
"""There while a restore moves things into the directory: what is in it is not all of it."""
LASTING = ("keys", "objects")
"""Directories that are never made anew in the place of another thing."""


class DataDirError(Exception):
    """The data directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs the control plane of a data directory."""

    pid: Annotated[int, msgspec.Meta(ge=1, le=2**22)]
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)]
    gateway_port: Annotated[int, msgspec.Meta(ge=0, le=65535)]


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
        try:
            written = files.read(mark, 100).decode("ascii").strip()
        except FileNotFoundError:
            files.write(mark, f"{FORMAT}\n".encode())
            return
        except (OSError, ValueError):
            written = ""
        if not written.isdecimal():
            raise DataDirError(f"{mark} is damaged: write the number {FORMAT} into it, if that is what it was")
        if int(written) > FORMAT:
            raise DataDirError(
                f"{self.path} has format {written}, this release knows up to {FORMAT}: use a newer one"
            )

    def check(self) -> None:
        """Raise DataDirError when a directory is not one whose contents nothing could bring back, or a restore
        broke off in the middle."""
        if os.path.lexists(self.path / UNFINISHED):
            raise DataDirError(
                f"a restore into {self.path} was not finished: remove what is in it, and restore again"
            )
        for name in LASTING:
            path = self.path / name
            if os.path.lexists(path) and not path.is_dir():
                raise DataDirError(f"{path} is damaged, it is no directory: restore it")

    def hold(self) -> bool:
        """Take the lock; False if another process has it. Raises DataDirError: what lies in its place is never
        removed, since nobody could tell then whether another has it."""
        lock = self.path / "control.lock"
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        except OSError as error:
            raise DataDirError(
                f"{lock} cannot be used ({error.strerror}): see that no control plane runs here, and remove it"
            ) from error
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
        values = {"pid": holder.pid, "port": holder.port, "gateway_port": holder.gateway_port}
        trees.make_way(self.path / "control.json")
        files.write(self.path / "control.json", json.dumps(values).encode(), durable=False)

    def holder(self) -> Holder | None:
        """Who has the lock, which could not be had; None while it has not announced itself. Never one before it:
        by then its pid may be anybody's."""
        last = self.last()
        try:
            pid = files.read(self.path / "control.lock", 100)
        except OSError:
            return None
        return last if last is not None and str(last.pid).encode() == pid else None

    def holding(self) -> int | None:
        """The process that has the lock, whatever it announced, as the kernel tells; None if nobody has it."""
        try:
            file = (self.path / "control.lock").stat()
            locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        inode = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
        for line in locks:  # 1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF
            fields = line.split()
            if len(fields) >= 6 and fields[1] == "FLOCK" and fields[5] == inode and fields[4].isdecimal():
                return int(fields[4]) or None
        return None

    def last(self) -> Holder | None:
        """Who announced itself last, alive or not; None also when that cannot be read any more."""
        try:
            return msgspec.json.decode(files.read(self.path / "control.json"), type=Holder)
        except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
