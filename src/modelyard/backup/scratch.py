"""Room to work in beside where the result will be: removed at the end, also by whoever comes next after a kill.

PARENT/.NAME.PURPOSE-XXXXXXXX/       0700, with a lock that lives as long as its maker

Whoever comes next to that parent, whatever the name of its result: nightly backups have a new one each night.
"""

import fcntl
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from modelyard import trees

LOCK = ".lock"
_OURS = re.compile(r"\..+\.(partial|restoring|checking)-[0-9a-f]{8}", re.DOTALL)


@contextmanager
def beside(path: Path, purpose: str) -> Iterator[Path]:
    """An empty directory on the file system of `path`'s parent. Raises OSError."""
    for left in [each for each in path.parent.iterdir() if _OURS.fullmatch(each.name)]:
        _clear(left)
    name = path.name.encode(errors="replace").decode()  # databases lie in it, which take no name but UTF-8
    room = path.parent / f".{name}.{purpose}-{secrets.token_hex(4)}"
    room.mkdir(mode=0o700)
    try:
        fresh = room / f"{LOCK}-fresh"
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            fresh.rename(room / LOCK)  # nobody sees one that is not held
            yield room
        finally:
            os.close(descriptor)
    finally:
        trees.remove(room)


@contextmanager
def temporary(purpose: str) -> Iterator[Path]:
    """The same where temporary files go (TMPDIR)."""
    with beside(Path(tempfile.gettempdir()) / "modelyard", purpose) as room:
        yield room


def _clear(room: Path) -> None:
    """Unless its maker lives, or was another user."""
    with suppress(OSError):
        if room.lstat().st_uid != os.geteuid():
            return
        descriptor = os.open(room / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
        trees.remove(room)
