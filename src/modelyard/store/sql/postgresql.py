"""PostgreSQL, by a libpq URL (`postgresql://USER@HOST/DATABASE?sslmode=verify-full`).

One control plane works on a database. The connection that writes holds a lock of the database for as long as it
lives, so nobody can write without it: a second control plane is refused when it opens, and one that lost its
connection writes again only on a new one that has the lock. The lock is released with its connection, however the
process ends. Readers see one snapshot (REPEATABLE READ) and cannot write.

The URL may hold a password. It is handed to the driver and nowhere else: it is in no repr, message or log.
"""

import os
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from modelyard.store.base import SchemaError, StoreUnavailableError
from modelyard.store.sql import convert
from modelyard.store.sql.dialect import Insert

if TYPE_CHECKING:
    from psycopg import AsyncConnection

LOCK_WAIT_MS = 5_000
"""How long it may take until the lock of a control plane that was killed is released."""
_LOCK = 0x6D6F64656C  # "model"
_DEFAULTS = {
    "connect_timeout": "10",
    "target_session_attrs": "read-write",  # of several hosts the one that takes writes
    # A machine that is gone says nothing: that is noticed after some 20 seconds.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "20000",
}
"""Defaults, which the URL may override."""
_KEEPALIVES = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2"
"""The same on the other side, which has the lock. No parameter of the start: poolers refuse those."""
_HOLDER = """
    SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'this machine')
    FROM pg_locks l
    JOIN pg_stat_activity a ON a.pid = l.pid
    JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
      AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


class Postgresql:
    """A database of a server that somebody else looks after: backups are made there.

    Raises StoreUnavailableError for an URL that cannot be read, and without the driver.
    """

    def __init__(self, url: str) -> None:
        self._parameters = _parameters(url)
        self._name = f"modelyard {secrets.token_hex(3)} {socket.gethostname()[:30]}:{os.getpid()}"

    def __repr__(self) -> str:
        return f"Postgresql({self})"

    def __str__(self) -> str:
        """Where it is, without the credentials."""
        host, port = self._parameters.get("host", "localhost"), self._parameters.get("port", 5432)
        return f"postgresql://{host}:{port}/{self._parameters.get('dbname', '')}"

    def prepare(self) -> None: ...

    def lost(self) -> bool:
        return False

    def writer(self) -> AsyncEngine:
        return self._engine(self._connect_to_write, pool_size=1, max_overflow=0)

    def reader(self, size: int) -> AsyncEngine:
        return self._engine(self._connect_to_read, pool_size=size, max_overflow=0)

    def migrator(self) -> AsyncEngine:
        return self.writer()

    def visitor(self) -> AsyncEngine:
        return self._engine(self._connect_to_visit, pool_size=1, max_overflow=0)

    def insert(self, table: Table) -> Insert:
        return postgresql.insert(table)

    async def backup(self, version: str) -> None: ...

    def kept(self, version: str) -> Path | None:
        return None

    async def scrub(self) -> None:
        engine = self.writer()
        try:
            async with engine.connect() as connection:
                alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
                await alone.execute(text("VACUUM (FULL) revisions"))
        finally:
            await engine.dispose()

    def _engine(self, connect: object, **pool: Any) -> AsyncEngine:
        return create_async_engine(
            "postgresql+psycopg://",
            connect_args={"async_creator_fn": connect},
            use_native_hstore=False,
            json_serializer=convert.to_json,
            json_deserializer=convert.from_json,
            hide_parameters=True,
            pool_pre_ping=True,
            **pool,
        )

    async def _connect(self, context: Any) -> "AsyncConnection[Any]":
        from psycopg import AsyncConnection

        parameters = {**self._parameters, "application_name": self._name}
        return await AsyncConnection.connect(context=context, **parameters)

    async def _connect_to_visit(self, *_: object, context: Any, **__: object) -> "AsyncConnection[Any]":
        return await self._connect(context)

    async def _connect_to_read(self, *_: object, context: Any, **__: object) -> "AsyncConnection[Any]":
        from psycopg import IsolationLevel

        connection = await self._connect(context)
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        return connection

    async def _connect_to_write(self, *_: object, context: Any, **__: object) -> "AsyncConnection[Any]":
        connection = await self._connect(context)
        try:
            encoding = connection.info.parameter_status("server_encoding")
            if encoding != "UTF8":
                raise SchemaError(f"the database is encoded in {encoding}; Modelyard needs one in UTF8")
            await connection.set_autocommit(True)
            await connection.execute(_KEEPALIVES)
            if not await self._locked(connection):
                await self._refuse(connection)
            await connection.set_autocommit(False)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _locked(self, connection: "AsyncConnection[Any]") -> bool:
        """Take the lock, which a process that was killed just now may hold for another moment."""
        from psycopg.errors import LockNotAvailable

        await connection.execute(f"SET lock_timeout = {LOCK_WAIT_MS}")
        try:
            await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        except LockNotAvailable:
            return False
        finally:
            await connection.execute("RESET lock_timeout")
        return True

    async def _refuse(self, connection: "AsyncConnection[Any]") -> None:
        """Raise, saying who has the lock; return with it if that was a connection of our own that broke."""
        holder = await (await connection.execute(_HOLDER, (_LOCK,))).fetchone()
        process, name, address = holder or (0, "", "")
        if name == self._name:
            await connection.execute("SELECT pg_terminate_backend(%s)", (process,))
            if await self._locked(connection):
                return
        where = name.rpartition(" ")[2] or "another program"
        raise StoreUnavailableError(
            f"another control plane works on this database ({where}, connected from {address}): end that one first"
        )


def _parameters(url: str) -> dict[str, Any]:
    """The URL as libpq reads it, and the defaults. libpq's own error messages would reveal parts of the URL."""
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise StoreUnavailableError(
            "PostgreSQL needs a driver that is not installed: pip install 'modelyard[postgresql]'"
        ) from error
    try:
        return {**_DEFAULTS, **conninfo_to_dict(url)}
    except ProgrammingError:
        raise StoreUnavailableError(
            "the URL of the database cannot be read: it is postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with"
            " %XX for what has a meaning in URLs (%40 for @, %2F for /, %3A for :)"
        ) from None
