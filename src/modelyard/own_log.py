"""What the control plane says of itself: to stderr, and to DATA_DIR/log, for whoever looks later.

    DATA_DIR/log/control-plane.log     the newest, and .1 to .4 before it: 40 MiB in all, for our user alone

No secret that we know is in it. A disk that takes nothing costs the file its lines, never stderr and never us.
"""

import logging
import os
import sys
from collections.abc import Iterable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from modelyard import trees
from modelyard.core.masking import Masker

DIRECTORY = "log"
NAME = "control-plane.log"
FILE_BYTES = 8 * 1024 * 1024
FILES_BEFORE = 4
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Masked(logging.Formatter):
    """Of whole records, traces included."""

    def __init__(self) -> None:
        super().__init__(FORMAT)
        self.masker = Masker.of(())

    def format(self, record: logging.LogRecord) -> str:
        return self.masker.text(super().format(record))


class _File(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.baseFilename, flags, 0o600)
        os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The disk is full, or away: stderr has it."""


class OwnLog:
    """Where this process logs. `begin` once; `hide` when more secrets are known."""

    def __init__(self) -> None:
        self._formatter = _Masked()
        self._secrets: frozenset[str] = frozenset()

    def begin(self, level: str, secrets: Iterable[str] = ()) -> None:
        self.hide(secrets)
        self._add(logging.StreamHandler(sys.stderr))
        logging.getLogger().setLevel(level)

    def keep(self, data_dir: Path) -> None:
        """From now on also in the data directory, which is ours."""
        try:
            trees.make_directory(data_dir / DIRECTORY)
            path = data_dir / DIRECTORY / NAME
            handler = _File(path, maxBytes=FILE_BYTES, backupCount=FILES_BEFORE, encoding="utf-8")
        except OSError as error:
            logging.getLogger("modelyard").warning("the log is not kept in %s: %s", data_dir, error)
            return
        self._add(handler)

    def hide(self, secrets: Iterable[str]) -> None:
        self._secrets |= frozenset(secrets) - {""}
        self._formatter.masker = Masker.of(self._secrets)

    def _add(self, handler: logging.Handler) -> None:
        handler.setFormatter(self._formatter)
        logging.getLogger().addHandler(handler)
