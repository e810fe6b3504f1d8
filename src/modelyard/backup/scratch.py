"""Room to work in beside where the result will be: removed at the end, also by whoever comes next after a kill.

PARENT/.NAME.PURPOSE-XXXX/       0700, with a lock that lives as long as its maker
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelyard import trees

LOCK = ".lock"


@contextmanager
def beside(path: Path, purpose: str) -> Iterator[Path]:
    """An empty directory on the file system of `path`'s parent. Raises OSError."""
    begin = f".{path.name}.{purpose}-"
    for left in [each for each in path.parent.iterdir() if each.name.startswith(begin)]:
        _clear(left)
    room = path.parent / f"{begin}{secrets.token_hex(4)}"
    room.mkdir(mode=0o700)
    try:
        descriptor = os.open(room / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield room
        finally:
            os.close(descriptor)
    finally:
        trees.remove(room)


def _clear(room: Path) -> None:
    """Unless its maker lives."""
    with suppress(OSError):
        descriptor = os.open(room / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        trees.remove(room)
