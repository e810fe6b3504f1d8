"""Which backup of a data directory was the last that succeeded: DATA_DIR/backup.json, for metrics and people."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from modelyard import files

NAME = "backup.json"


@dataclass(frozen=True, slots=True)
class LastBackup:
    """`at_ms`: the moment of which the backup is, by the wall clock; `bytes`: of its file."""

    at_ms: int
    file: str
    bytes: int
    seconds: float = 0.0


def last(data_dir: Path) -> LastBackup | None:
    """None: there was none, or nobody can tell."""
    try:
        return msgspec.json.decode(files.read(data_dir / NAME), type=LastBackup)
    except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def note(data_dir: Path, backup: LastBackup) -> None:
    """Raises OSError."""
    path = data_dir / NAME
    files.write(path, json.dumps(asdict(backup)).encode())
    if os.geteuid() == 0:  # the server may be somebody else, who reads it
        owner = data_dir.stat()
        with suppress(OSError):
            os.chown(path, owner.st_uid, owner.st_gid)
