"""Opening, closing and transactions. See `store.base` for what is promised.

One process writes at a time (one control plane per data directory, and per database); inside it writers queue in
a lock of the event loop, in order, and never in the database's busy loop. Readers have their own connections.
"""

import asyncio
import logging
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from modelyard import trees
from modelyard.files import DamagedFileError
from modelyard.store import migrations
from modelyard.store.base import ReadTransaction, SchemaError, StoreUnavailableError, WriteTransaction
from modelyard.store.sql import copies, schema
from modelyard.store.sql.administration import AdministrationReading, AdministrationWriting
from modelyard.store.sql.apps import AppReading, AppWriting
from modelyard.store.sql.audit import AuditReading, AuditWriting
from modelyard.store.sql.batch import BatchReading, BatchWriting
from modelyard.store.sql.dialect import Dialect
from modelyard.store.sql.identity import IdentityReading, IdentityWriting
from modelyard.store.sql.log_streams import LogStreamReading, LogStreamWriting
from modelyard.store.sql.models import ModelReading, ModelWriting
from modelyard.store.sql.notifications import NotificationReading, NotificationWriting, seal_tokens
from modelyard.store.sql.postgresql import Postgresql
from modelyard.store.sql.project_secrets import SecretReading, SecretWriting
from modelyard.store.sql.registries import RegistryReading, RegistryWriting
from modelyard.store.sql.secrets import SecretBox
from modelyard.store.sql.services import ServiceReading, ServiceWriting, seal_all
from modelyard.store.sql.session import orphan, settled, translated
from modelyard.store.sql.sqlite import Sqlite
from modelyard.store.sql.traces import TraceReading, TraceWriting

log = logging.getLogger(__name__)


class SqlReading(
    IdentityReading,
    ModelReading,
    ServiceReading,
    AppReading,
    AdministrationReading,
    BatchReading,
    LogStreamReading,
    NotificationReading,
    AuditReading,
    TraceReading,
    RegistryReading,
    SecretReading,
):
    """`store.base.ReadTransaction`: one object per transaction."""


class SqlWriting(
    IdentityWriting,
    ModelWriting,
    ServiceWriting,
    AppWriting,
    AdministrationWriting,
    BatchWriting,
    LogStreamWriting,
    NotificationWriting,
    AuditWriting,
    TraceWriting,
    RegistryWriting,
    SecretWriting,
    SqlReading,
):
    """`store.base.WriteTransaction`."""


class SqlStore:
    """The store in a SQLite file (a path) or a PostgreSQL database (an URL).

    `key_file` holds the key that secrets are sealed with; a path without one gets `keys/store.key` beside it.
    It is made at its first use, unless `makes_key` is False.
    `readers` bounds the connections for reads. Raises StoreUnavailableError for an URL that cannot be read.
    """

    def __init__(
        self,
        where: Path | str,
        *,
        key_file: Path | None = None,
        makes_key: bool = True,
        readers: int = 4,
        took: Callable[[str, float], None] = lambda _kind, _seconds: None,
    ) -> None:
        """`took` is told of each transaction (`read` or `write`) how long it took, waiting included."""
        self._took = took
        self._temporary: Path | None = None
        self._dialect: Dialect
        if isinstance(where, str) and "://" in where:
            self._dialect = Postgresql(where)
        else:
            path = Path(where)
            self._dialect = Sqlite(path)
            key_file = key_file or path.parent / "keys" / "store.key"
        self._box = SecretBox(key_file, makes=makes_key)
        self._readers = readers
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None
        self._engines: tuple[AsyncEngine, AsyncEngine] | None = None

    def __str__(self) -> str:
        """Where it is, without secrets."""
        return str(self._dialect)

    @property
    def dialect(self) -> Dialect:
        return self._dialect

    @property
    def engines(self) -> tuple[AsyncEngine, ...]:
        """The one that writes, and that for reading; none while it is closed."""
        return self._engines or ()

    @classmethod
    def memory(cls) -> "SqlStore":
        """A store for tests that is deleted when closed: the real thing on a file in memory, without syncs."""
        shared = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
        folder = Path(tempfile.mkdtemp(prefix="modelyard-store-", dir=shared if shared.is_dir() else None))
        store = cls(folder / "modelyard.db")
        store._dialect = Sqlite(folder / "modelyard.db", durable=False)
        store._temporary = folder
        return store

    async def open(self) -> None:
        """Raises SchemaError for a database of a newer release, StoreUnavailableError if it cannot be used,
        DamagedFileError when its key was lost."""
        if self._box.check() and self._dialect.lost():
            raise DamagedFileError(
                f"{self._dialect} is empty, and was not: restore it, or move the data directory away"
            )
        with translated():
            self._dialect.prepare()
        await schema.ensure(self._dialect)
        await self._seal()
        writer = self._dialect.writer()
        try:
            async with self._transaction(writer, commit=False):
                """Whatever prevents writing is reported now."""
        except BaseException:
            await writer.dispose()
            raise
        self._engines = (writer, self._dialect.reader(self._readers))

    async def open_beside(self) -> None:
        """As one that works beside the control plane: for a few rows that change nothing that it knows. Raises
        SchemaError for a schema that is not this release's, StoreUnavailableError."""
        with translated():
            if (found := await copies.version(self._dialect)) != migrations.HEAD:
                raise SchemaError(f"{self} has schema {found}, this release writes {migrations.HEAD}")
        self._engines = (self._dialect.visitor(), self._dialect.reader(1))

    async def copy_to(self, target: Path) -> None:
        """A whole copy of one moment, as an SQLite file that is not there yet. Need not be open. Raises
        SchemaError, StoreUnavailableError."""
        try:
            with translated():
                if isinstance(self._dialect, Sqlite):
                    await copies.copy_file(self._dialect.path, target)
                else:
                    await copies.copy_rows(self._dialect, target)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"{self} cannot be copied: {error}") from error

    async def fill_from(self, source: Path) -> None:
        """An empty PostgreSQL database with what such a copy holds. Not open. Raises SchemaError,
        StoreUnavailableError."""
        with translated():
            self._dialect.prepare()
            await copies.fill(self._dialect, source)

    async def _seal(self) -> None:
        """Seal what releases before schema 0002 wrote in the clear, and remove every other trace of it: free
        pages, and the copy that was kept before migrating, which differs in nothing else. Repeated until it has
        worked. Also tokens from before 0011, whose other traces are good for 48 hours, and stay."""
        engine = self._dialect.migrator()
        try:
            with translated():
                async with engine.begin() as connection:
                    sealed = await settled(seal_all(connection, self._box))
                    await settled(seal_tokens(connection, self._box))
        finally:
            await engine.dispose()
        copy = self._dialect.kept("0001")
        if not sealed and copy is None:
            return
        try:
            await self._dialect.scrub()
        except (sqlite3.Error, DBAPIError, StoreUnavailableError) as error:  # a full disk, say
            log.warning("values of environment variables may still be readable in the database's files: %s", error)
            return
        if copy is not None:
            copy.unlink()

    async def close(self) -> None:
        """Waits for a writer that is at work."""
        async with self._lock:
            engines, self._engines = self._engines, None
            for engine in engines or ():
                await settled(engine.dispose())
        if self._temporary is not None:
            trees.remove(self._temporary)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadTransaction]:
        began_s = time.monotonic()
        try:
            async with self._transaction(self._open_engines()[1], commit=False) as connection:
                yield SqlReading(connection, self._dialect, self._box)
        finally:
            self._took("read", time.monotonic() - began_s)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteTransaction]:
        if self._owner is not None and self._owner is asyncio.current_task():
            raise RuntimeError("write() inside write() would wait for itself")
        began_s = time.monotonic()
        async with self._lock:
            self._owner = asyncio.current_task()
            try:
                async with self._transaction(self._open_engines()[0], commit=True) as connection:
                    yield SqlWriting(connection, self._dialect, self._box)
            finally:
                self._owner = None
                self._took("write", time.monotonic() - began_s)

    def _open_engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        if self._engines is None:
            raise StoreUnavailableError("the store is not open")
        return self._engines

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine, *, commit: bool) -> AsyncIterator[AsyncConnection]:
        connection = engine.connect()
        try:
            with translated():
                await settled(_begin(connection))
            yield connection
            if commit:
                try:
                    with translated():
                        await settled(_commit(connection))
                except IntegrityError as error:
                    raise orphan(error) from error
        finally:
            if connection.sync_connection is not None:
                await settled(connection.close())  # rolls back what was not committed


async def _begin(connection: AsyncConnection) -> None:
    await connection.start()
    await connection.begin()


async def _commit(connection: AsyncConnection) -> None:
    """A commit that fails leaves SQLite inside its transaction while SQLAlchemy believes it over: such a
    connection is thrown away."""
    try:
        await connection.commit()
    except BaseException:
        await connection.invalidate()
        raise
