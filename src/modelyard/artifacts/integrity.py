"""Whether a snapshot is still what its name says: `packages/<digest>/model/…` and, beside `model`, a manifest with
the size and the time of each file.

Looking at those is cheap and done once by each control plane, before the first instance of a snapshot starts. Only
where one differs, or where there is no manifest, everything is read and hashed again.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelyard import files, trees
from modelyard.engines.base import StartRefusedError

MANIFEST = "manifest.json"
MOST_BYTES = 256 * 1024 * 1024


def sealed(root: Path) -> tuple[str, int]:
    """(digest over sorted names and contents, size in bytes) of the files below `root`, made durable."""
    digest, size = hashlib.sha256(), 0
    for name, path in _files(root):
        encoded = name.encode()
        length = path.stat().st_size
        digest.update(b"%d:%s:%d:" % (len(encoded), encoded, length))
        size += length
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
            os.fsync(file.fileno())
    return digest.hexdigest(), size


def write_manifest(root: Path) -> None:
    """Remember what the files look like now, when their content is known to be right."""
    files.write(root / MANIFEST, json.dumps(_looks(root)).encode(), mode=0o644)


class Snapshots:
    """Those in `packages`. `path` looks at each once; it may take long for one that was touched."""

    def __init__(self, packages: Path) -> None:
        self._packages = packages
        self._sound: set[str] = set()

    def path(self, digest: str) -> Path:
        """Raises StartRefusedError for a damaged one. One that is not there is the caller's to notice."""
        root = self._packages / digest
        if digest not in self._sound and root.is_dir():
            if not _as_remembered(root):
                if sealed(root)[0] != digest:
                    raise StartRefusedError(f"the package snapshot {root} is damaged: publish the model again")
                write_manifest(root)
            self._sound.add(digest)
        return root


def _as_remembered(root: Path) -> bool:
    try:
        return files.read_object(root / MANIFEST, MOST_BYTES) == _looks(root)
    except (OSError, ValueError):
        return False


def _looks(root: Path) -> Mapping[str, list[int]]:
    stats = ((name, path.stat()) for name, path in _files(root))
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats}


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    names = sorted(entry.name for entry in trees.walk(root) if entry.is_file)
    yield from ((name, root / name) for name in names if "/" in name)  # not the manifest
