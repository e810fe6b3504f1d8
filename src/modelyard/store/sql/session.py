"""Runs statements, to their end even if the caller is cancelled, and raises our own errors.

A cancellation that reaches the driver in the middle of a statement would cost the connection, and in the middle
of a commit the knowledge whether it happened. So every step runs in its own task, the caller waits for its end
(milliseconds) and is cancelled afterwards.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import Executable, Row, Table
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ResourceClosedError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from modelyard.domain.errors import AlreadyExists, Invalid, NotFound, Violation
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql.dialect import Dialect
from modelyard.store.sql.secrets import SecretBox

T = TypeVar("T")
_IDS_PER_STATEMENT = 500
_UNSTORABLE = (UnicodeEncodeError, OverflowError)


async def settled(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which always runs to its end; a cancellation is raised only afterwards."""
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()  # retrieved: nobody else will look at it
        raise cancelled
    return task.result()


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the driver become those of the port. IntegrityError passes: only the caller knows its meaning."""
    try:
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeoutError, ResourceClosedError, OSError) as error:
        cause = _said(error.orig if isinstance(error, DBAPIError) else error)
        if isinstance(error, DataError) or any(isinstance(e, _UNSTORABLE) for e in _causes(error)):
            raise Invalid(Violation("", f"a value cannot be stored: {cause}")) from error
        raise StoreUnavailableError(f"the database cannot be used: {cause}") from error
    except _UNSTORABLE as error:
        raise Invalid(Violation("", f"a value cannot be stored: {error}")) from error


def _said(error: BaseException | None) -> str:
    """What the database says, without the details that it adds: they quote what was to be stored."""
    return str(error).partition("\n")[0]


def _causes(error: BaseException) -> Iterator[BaseException]:
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__


class Session:
    """One open transaction, and what its statements need."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect, box: SecretBox) -> None:
        self._connection = connection
        self._dialect = dialect
        self._box = box

    @property
    def connection(self) -> AsyncConnection:
        """For what no topic has a statement for."""
        return self._connection

    async def _rows(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """`rows`: the values of the statement's parameters, or of each of its executions."""
        with translated():
            return (await settled(self._connection.execute(statement, rows))).all()

    async def _row(self, statement: Executable) -> Row[Any] | None:
        with translated():
            return (await settled(self._connection.execute(statement))).first()

    async def _value(self, statement: Executable) -> Any:
        with translated():
            return (await settled(self._connection.execute(statement))).scalar()

    async def _run(self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> int:
        """Execute, for each of `rows` if given; how many rows were changed. IntegrityError is the caller's."""
        with translated():
            return int((await settled(self._connection.execute(statement, rows))).rowcount)

    async def _add(self, statement: Executable, kind: str, key: str) -> None:
        """Execute; AlreadyExists(kind, key) if that breaks a uniqueness rule."""
        try:
            await self._run(statement)
        except IntegrityError as error:
            raise AlreadyExists(kind, key) from error

    async def _upsert(
        self, table: Table, rows: Sequence[Mapping[str, Any]], *, keep: frozenset[str] = frozenset()
    ) -> None:
        """Insert or replace whole rows by primary key; columns in `keep` stay as first inserted."""
        if not rows:
            return
        key = {column.name for column in table.primary_key}
        insert = self._dialect.insert(table)
        changed = {name: insert.excluded[name] for name in rows[0] if name not in key | keep}
        if changed:
            statement = insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=changed)
        else:
            statement = insert.on_conflict_do_nothing(index_elements=list(table.primary_key))
        await self._run(statement, rows)

    async def _save(self, table: Table, row: Mapping[str, Any], kind: str, key: str) -> None:
        """`_upsert` of one row that has a unique name besides its key."""
        try:
            await self._upsert(table, [row])
        except IntegrityError as error:
            raise AlreadyExists(kind, key) from error


def chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    """As many in one statement as every database accepts."""
    return [ids[at : at + _IDS_PER_STATEMENT] for at in range(0, len(ids), _IDS_PER_STATEMENT)]


def part(row: Row[Any], table: Table) -> Any:
    """The columns of one table, of a row that has those of several (`select(services, rollouts)`)."""
    return SimpleNamespace(**{column.name: row._mapping[column] for column in table.c})


def orphan(error: IntegrityError) -> NotFound:
    """A row whose parent is not there, found at commit."""
    return NotFound("parent row", str(error.orig))
