"""Connections to segments for reading, which are kept for the next search. Any thread."""

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelyard.logs import segment

IDLE = 64


class Readers:
    """See the module. At most `IDLE` are kept, none of a file that is gone: its room on the disk would stay."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: OrderedDict[Path, list[sqlite3.Connection]] = OrderedDict()
        self._count = 0

    @contextmanager
    def one(self, path: Path) -> Iterator[sqlite3.Connection]:
        connection = self._taken(path) or self._fresh(path)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._give(path, connection)

    def forget(self, path: Path) -> None:
        """Those of a file, or of all files below a directory. After it is gone: who reads it now keeps none."""
        with self._lock:
            for each in [each for each in self._idle if each == path or path in each.parents]:
                self._close(self._idle.pop(each))

    def close(self) -> None:
        with self._lock:
            for connections in self._idle.values():
                self._close(connections)
            self._idle.clear()

    def _taken(self, path: Path) -> sqlite3.Connection | None:
        with self._lock:
            connections = self._idle.get(path)
            if not connections:
                return None
            self._count -= 1
            return connections.pop()

    def _fresh(self, path: Path) -> sqlite3.Connection:
        connection = segment.connect(path)
        try:
            connection.execute("PRAGMA query_only=1")
            connection.execute("PRAGMA cache_size=-1024")
        except BaseException:
            connection.close()
            raise
        return connection

    def _give(self, path: Path, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not path.exists():
                connection.close()
                return
            self._idle.setdefault(path, []).append(connection)
            self._idle.move_to_end(path)
            self._count += 1
            while self._count > IDLE:
                oldest = next(iter(self._idle))
                self._close(self._idle.pop(oldest))

    def _close(self, connections: list[sqlite3.Connection]) -> None:
        for connection in connections:
            self._count -= 1
            connection.close()
