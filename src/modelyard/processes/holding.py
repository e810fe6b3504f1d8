"""What a backup reads stays until it is done.

Who removes what nothing of a data directory uses (packages, environments) takes this lock for each removal, and
removes nothing while a backup has it: what the backup's copy of the database names is there until it was read.
A `flock`, so that the end of a process releases it, however it ends. Several backups share it.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

LOCK = "backup.lock"
WAIT_S = 30.0
"""How long a removal may take that is under way: it moves one directory aside."""


class Holding:
    """Of one data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / LOCK

    @contextmanager
    def kept(self, wait_s: float = WAIT_S) -> Iterator[None]:
        """While it is entered nothing is removed. Raises TimeoutError, OSError."""
        with self._shared() as descriptor:
            if descriptor is None:
                yield
                return
            end = time.monotonic() + wait_s
            while not _locked(descriptor, fcntl.LOCK_SH):
                if time.monotonic() > end:
                    raise TimeoutError(f"{self._path} is held by a removal that does not end")
                time.sleep(0.02)
            yield

    @contextmanager
    def removing(self) -> Iterator[bool]:
        """While something is removed; False: a backup is being made, so nothing may be. Where the lock cannot be
        had at all (a full disk) nobody makes a backup either, unless its file is there: then one may have it."""
        with ExitStack() as stack:
            try:
                may = _locked(stack.enter_context(self._opened()), fcntl.LOCK_EX)
            except OSError:
                may = not os.path.lexists(self._path)
            yield may

    @contextmanager
    def _shared(self) -> Iterator[int | None]:
        """None: in a directory that is read-only here, and in which nobody ever removed anything."""
        with ExitStack() as stack:
            try:
                descriptor: int | None = stack.enter_context(self._opened())
            except OSError as error:
                if error.errno != errno.EROFS:
                    raise
                try:
                    descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
                    stack.callback(os.close, descriptor)
                except FileNotFoundError:
                    descriptor = None
            yield descriptor

    @contextmanager
    def _opened(self) -> Iterator[int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(self._path, flags, 0o600)
        try:
            if os.geteuid() == 0:  # the server may be somebody else, who needs it too
                owner = self._path.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            yield descriptor
        finally:
            os.close(descriptor)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
