"""Where secrets of containers lie until the container has ended: in memory, never on a disk.

    /run/modelyard-INSTALLATION/INSTANCE/   0700, nobody passes it but root
        0, 1 …                              0444: each is mounted into the container by itself, read-only

A container's user is its image's matter, so the files are for everybody who gets to them; on this machine that is
root alone. A file system that is not in memory is not used; what was left by who was killed is removed.
"""

import contextlib
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from modelyard import trees
from modelyard.domain.secrets import SecretFile
from modelyard.engines.base import StartRefusedError

PLACES = (Path("/run"), Path("/dev/shm"))  # noqa: S108 - looked at before it is used
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
MOUNTS = Path("/proc/self/mountinfo")
STARTING_S = 60.0


class SecretDirs:
    """Those of one installation."""

    def __init__(self, installation: str, places: Collection[Path] = PLACES) -> None:
        self._name = f"modelyard-{installation[:12]}"
        self._places = places

    def path(self, instance_id: str, number: int) -> str:
        """Where the secret of this number is, for an instance that was `put`."""
        root = next((root for root in self.roots() if (root / instance_id).is_dir()), None)
        if root is None:
            raise StartRefusedError("its secrets are not there any more")
        return str(root / instance_id / str(number))

    def put(self, instance_id: str, secrets: Collection[SecretFile]) -> None:
        """Idempotent. Raises StartRefusedError."""
        self.remove(instance_id)
        kinds = _kinds()
        for place, root in zip(self._places, self.roots(), strict=True):
            if kinds.get(str(place)) not in IN_MEMORY or not os.access(place, os.W_OK | os.X_OK):
                continue
            try:
                self._write(root, instance_id, secrets)
            except OSError as error:
                self.remove(instance_id)
                raise StartRefusedError(f"its secrets cannot be put into {root}: {error.strerror}") from error
            return
        where = ", ".join(map(str, self._places))
        raise StartRefusedError(
            f"none of {where} is in memory and ours to write: there is no place for its secrets"
        )

    def remove(self, instance_id: str) -> None:
        for root in self.roots():
            with contextlib.suppress(FileNotFoundError):
                trees.remove(root / instance_id)

    def there(self) -> frozenset[str]:
        """The instances that have had any for a while: one that is being started is known soon."""
        found: set[str] = set()
        for root in self.roots():
            with contextlib.suppress(OSError):
                young = time.time() - STARTING_S
                found.update(entry.name for entry in root.iterdir() if entry.lstat().st_mtime < young)
        return frozenset(found)

    def roots(self) -> Iterator[Path]:
        return (place / self._name for place in self._places)

    def _write(self, root: Path, instance_id: str, secrets: Collection[SecretFile]) -> None:
        root.mkdir(mode=0o700, exist_ok=True)
        found = root.lstat()
        if found.st_uid != os.geteuid() or found.st_mode & 0o170077 != 0o040000:
            raise PermissionError(1, "it is somebody else's")
        (root / instance_id).mkdir(mode=0o700)
        for number, secret in enumerate(secrets):
            file = os.open(root / instance_id / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
            with os.fdopen(file, "wb") as writing:
                os.fchmod(writing.fileno(), 0o444)
                writing.write(secret.value.reveal().encode())


def _kinds() -> dict[str, str]:
    """The type of the file system at each place where one is mounted."""
    kinds = {}
    with MOUNTS.open(errors="replace") as lines:
        for line in lines:
            before, _, after = line.partition(" - ")
            kinds[before.split()[4]] = after.split()[0]
    return kinds
