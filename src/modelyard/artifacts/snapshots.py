"""Snapshots of packages: `packages/<digest>/model/…` and, beside `model`, a manifest: each file's size and time.

The digest is of the names and contents of the files. A snapshot never changes: it is sealed where it was built,
and then gets its name. Whether it still is what its name says is looked at once by each control plane, before the
first instance of it starts. That is cheap; only where a size or a time differs, or where there is no manifest, is
everything read and hashed again.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event

from modelyard import files, trees
from modelyard.artifacts.shelf import Shelf
from modelyard.core.packages.contents import CONFIG
from modelyard.core.packages.programs import program
from modelyard.engines.base import StartRefusedError
from modelyard_runtime.loading.package import MAX_CONFIG_BYTES

MANIFEST = "manifest.json"
MOST_BYTES = 256 * 1024 * 1024
NEVER = Event()
"""Not set by anybody."""


class AbandonedError(Exception):
    """Whoever wanted the result has gone."""


class Snapshots:
    """Those in `packages`."""

    def __init__(self, packages: Path) -> None:
        self.shelf = Shelf(packages)
        self._sound: set[str] = set()

    def path(self, digest: str) -> Path:
        """Looks at each once, which may take long for one that was touched. Raises StartRefusedError for a damaged
        one. Whether it is there at all is for the caller to check."""
        root = self.shelf.root / digest
        if digest not in self._sound and root.is_dir():
            if not _as_remembered(root):
                if digest_and_size(root)[0] != digest:
                    raise StartRefusedError(f"the package snapshot {root} is damaged: publish the model again")
                _write_manifest(root)
            self._sound.add(digest)
        return root

    def put(self, partial: Path, abandoned: Event = NEVER) -> tuple[str, int]:
        """Seal the directories in `partial`: (their digest, their size in bytes). It may take minutes, and ends
        soon after `abandoned` is set; until it succeeds everything is as its builder left it but for its mode.
        Raises OSError, AbandonedError."""
        mode = mode_of_files(partial)
        for entry in trees.walk(partial):
            (partial / entry.name).chmod(0o755 if entry.is_directory else mode)
        files.sync_all((path for _, path in _files(partial)), lambda: _go_on(abandoned))
        digest, size = digest_and_size(partial, abandoned)
        for path in partial.iterdir():
            if not path.is_dir():
                path.unlink()  # its builder's notes
        _write_manifest(partial)
        for directory in (*(partial / e.name for e in trees.walk(partial) if e.is_directory), partial):
            directory.chmod(0o755)  # an instance is somebody else
            files.sync(directory)
        self.shelf.put(partial, digest)
        return digest, size


def mode_of_files(root: Path) -> int:
    """Of the snapshot in `root`. What belongs to a server of the package's own may be run: an object store keeps
    no modes that would say which of its files are programs."""
    try:
        config = files.read_object(root / "model" / CONFIG, MAX_CONFIG_BYTES)
    except (OSError, ValueError):
        return 0o444
    return 0o444 if program(config) is None else 0o555


def settle_modes(root: Path) -> None:
    """As `put` leaves them, for a snapshot that comes from elsewhere."""
    mode = mode_of_files(root)
    for _, path in _files(root):
        path.chmod(mode)


def _go_on(abandoned: Event) -> None:
    if abandoned.is_set():
        raise AbandonedError("nobody waits for this snapshot any more")


def digest_and_size(root: Path, abandoned: Event = NEVER) -> tuple[str, int]:
    """(digest over sorted names and contents, size in bytes) of all that is in `root`. Raises AbandonedError."""
    digest, size = hashlib.sha256(), 0
    for name, path in _files(root):
        length = path.stat().st_size
        digest.update(head(name, length))
        size += length
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                _go_on(abandoned)
                digest.update(piece)
    return digest.hexdigest(), size


def head(name: str, size: int) -> bytes:
    """What goes into a digest before the content of a file."""
    encoded = name.encode(errors="surrogateescape")
    return b"%d:%s:%d:" % (len(encoded), encoded, size)


def _write_manifest(root: Path) -> None:
    """Remember what the files look like now, when their content is known to be right."""
    files.write(root / MANIFEST, json.dumps(_looks(root)).encode(), mode=0o644)


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
