"""SQLite: the database of a data directory, embedded.

WAL with `synchronous=FULL`, so that an acknowledged commit survives kill -9 and a power cut. Writers begin with
BEGIN IMMEDIATE on one connection; readers have connections of their own and never wait for them.
"""

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from modelyard import files, trees
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import convert
from modelyard.store.sql.dialect import Insert

BUSY_TIMEOUT_MS = 10_000
_WAL_LIMIT_BYTES = 64 * 1024 * 1024


PARTS = {
    "": "restore it",
    "-wal": "restore it, or move it away, and what was written last is lost",
    "-shm": "move it away, it is made anew",
}
"""The files of a database, and what to do when something else is in their place."""


class Sqlite:
    """A database file. `durable=False` is for tests: it skips every sync."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self._durable = durable

    def __str__(self) -> str:
        return str(self.path)

    def prepare(self) -> None:
        """The file is made before SQLite makes it, 0600; -wal and -shm take over its mode. Raises DamagedFileError
        for what SQLite would only say that it cannot open."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for suffix, advice in PARTS.items():
            part = self.path.with_name(self.path.name + suffix)
            if os.path.lexists(part) and not part.is_file():
                raise files.DamagedFileError(f"{part} is damaged, it is no regular file: {advice}")
        fresh = not self.path.exists()
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        for suffix in ("", "-wal", "-shm"):
            file = self.path.with_name(self.path.name + suffix)
            if file.exists():
                file.chmod(0o600)
        if fresh and self._durable:
            files.sync(self.path.parent)

    def lost(self) -> bool:
        """There is a file but it is empty: SQLite would take it for a new database."""
        return self.path.is_file() and self.path.stat().st_size == 0

    def writer(self) -> AsyncEngine:
        return self._engine("BEGIN IMMEDIATE", foreign_keys=True, pool_size=1, max_overflow=0)

    def reader(self, size: int) -> AsyncEngine:
        return self._engine("BEGIN", foreign_keys=False, query_only=True, pool_size=size, max_overflow=0)

    def migrator(self) -> AsyncEngine:
        return self._engine("BEGIN IMMEDIATE", foreign_keys=False, poolclass=NullPool)

    def visitor(self) -> AsyncEngine:
        return self.writer()

    def insert(self, table: Table) -> Insert:
        return sqlite.insert(table)

    async def backup(self, version: str) -> None:
        """Raises StoreUnavailableError where there is no room for it."""
        await asyncio.to_thread(self._backup, version)

    def _backup(self, version: str) -> None:
        target = self.path.with_name(f"{self.path.name}.before-{version}")
        fresh = target.with_name(target.name + ".part")
        trees.remove(fresh)
        trees.make_way(target)
        os.close(os.open(fresh, os.O_RDWR | os.O_CREAT, 0o600))
        source, copy = sqlite3.connect(self.path), sqlite3.connect(fresh)
        try:
            source.backup(copy)
        except sqlite3.Error as error:
            trees.remove(fresh)
            raise StoreUnavailableError(f"the copy {target} cannot be written: {error}") from error
        finally:
            source.close()
            copy.close()
        files.place(fresh, target)

    def kept(self, version: str) -> Path | None:
        path = self.path.with_name(f"{self.path.name}.before-{version}")
        return path if path.exists() else None

    async def scrub(self) -> None:
        await asyncio.to_thread(self._scrub)

    def _scrub(self) -> None:
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def _engine(self, begin: str, *, foreign_keys: bool, query_only: bool = False, **pool: Any) -> AsyncEngine:
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(self.path)),
            connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_MS / 1000},
            json_serializer=convert.to_json,
            json_deserializer=convert.from_json,
            hide_parameters=True,
            **pool,
        )
        pragmas = [
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            *([] if query_only else ["journal_mode = WAL"]),
            f"synchronous = {'FULL' if self._durable else 'OFF'}",
            f"journal_size_limit = {_WAL_LIMIT_BYTES}",
            f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
            f"query_only = {'ON' if query_only else 'OFF'}",
            "temp_store = MEMORY",
        ]

        def set_up(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

        def start(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine.sync_engine, "connect", set_up)
        event.listen(engine.sync_engine, "begin", start)
        return engine
