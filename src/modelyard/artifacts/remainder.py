"""What an earlier try left of a copy, so that the next one goes on from there, also after a restart.

    DIRECTORY/model/…        the files, each complete or only begun
    DIRECTORY/copy.jsonl     which boot of which machine they were written in; then, for each file, before its
                             first byte: its key, its size, its version in the store

A file is appended to and nothing else, so what is there of it is its beginning: as long as the machine did not
go down, which may lose what was written. After that everything is copied anew.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from modelyard import files, trees
from modelyard.objects.base import ObjectInfo

RECORD = "copy.jsonl"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MOST_BYTES = 256 * 1024 * 1024


class Remainder:
    """Of the copy below `target`; the record is beside it. `close` it. Raises OSError."""

    def __init__(self, target: Path, boot_id: Path = BOOT_ID) -> None:
        self._target = target
        record = target.with_name(RECORD)
        boot = _text(boot_id)
        begun = _begun(record, boot)
        if begun is None:
            for left in (target, record):
                trees.remove(left)
        self._begun = begun or {}
        self._sizes: dict[str, int] = {}
        target.mkdir(parents=True, exist_ok=True)
        self._record = record.open("ab", buffering=0)
        if begun is None:
            self._write(boot)

    def close(self) -> None:
        self._record.close()

    def clear(self, objects: Iterable[ObjectInfo]) -> None:
        """Remove whatever is no beginning of one of these. It reads the whole directory."""
        wanted = {info.key: info for info in objects}
        for entry in [*trees.walk(self._target)]:
            path, info = self._target / entry.name, wanted.get(entry.name)
            if entry.is_directory:
                if info is not None:
                    trees.remove(path)
            elif info is not None and entry.is_file and self._begins(info, entry.stat.st_size):
                self._sizes[info.key] = entry.stat.st_size
            else:
                path.unlink(missing_ok=True)

    def has(self, info: ObjectInfo) -> int:
        """How many bytes of it were left, after `clear`."""
        return self._sizes.get(info.key, 0)

    def begin(self, info: ObjectInfo) -> None:
        """Note it, before its first byte."""
        self._write([info.key, info.size, info.version])

    def _begins(self, info: ObjectInfo, size: int) -> bool:
        same = self._begun.get(info.key) == (info.size, info.version)
        return bool(info.version) and same and size <= info.size

    def _write(self, line: object) -> None:
        self._record.write(json.dumps(line).encode() + b"\n")


def _begun(record: Path, boot: str) -> dict[str, tuple[int, str]] | None:
    """The size and version of each file that was begun; None: nothing can be made of what is there."""
    try:
        content = files.read(record, MOST_BYTES)
        first, *others = [json.loads(line) for line in content.splitlines()]
        begun = {str(key): (int(size), str(version)) for key, size, version in others}
    except (OSError, ValueError, TypeError):
        return None
    return begun if boot and first == boot and content.endswith(b"\n") else None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
