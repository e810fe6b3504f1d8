"""What the request that is being served is about to do, for the audit.

A request that may change something is an *act*. Whatever it changes goes through one of two doors, the store and
the object store, and both write its row: the store in the very transaction of the change (`AuditedStore`), the
object store before it is asked (`AuditedObjects`); what goes through neither has `begin` called first. So a change
that was made is never without its row, whoever wrote the route. What an act is, is said by `api.auditing`; use
cases only add what they find out on the way.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from modelyard.core.metric_catalogue import AUDIT_ROWS
from modelyard.core.tallies import Tallies
from modelyard.domain.audit import AuditRow, Outcome
from modelyard.objects.base import Content, Method, ObjectInfo, ObjectStore
from modelyard.objects.paths import ObjectPath
from modelyard.store.base import ReadTransaction, Store, WriteTransaction


@dataclass(slots=True)
class Act:
    """`row(outcome)`: the row as things stand, BEGUN or DONE. `changes`: whether it may change anything, as far as
    is known when that is asked. `told`: what the last row of it that is stored says. `unchanged`: nothing comes of
    it that anybody sees."""

    row: Callable[[Outcome], AuditRow]
    changes: Callable[[], bool] = lambda: True
    told: Outcome | None = None
    unchanged: bool = False
    resource: str = ""
    name: str = ""
    claimed: str = ""


_present: ContextVar[Act | None] = ContextVar("act", default=None)


@contextmanager
def during(act: Act) -> Iterator[None]:
    """What is done inside is this act."""
    before = _present.set(act)
    try:
        yield
    finally:
        _present.reset(before)


def named(name: str, resource: str = "") -> None:
    """What people call the thing; `resource`: where it is, of one that is made."""
    if (act := _present.get()) is not None:
        act.name, act.resource = act.name or name, act.resource or resource


def claimed(name: str) -> None:
    """Who the caller says they are."""
    if (act := _present.get()) is not None:
        act.claimed = name


def unchanged() -> None:
    """What is done changes nothing that anybody sees: a dry run, a part of an upload, an answer without the
    secrets that others get. Refusals are told."""
    if (act := _present.get()) is not None:
        act.unchanged = True


class Recorder(Protocol):
    async def record(self, row: AuditRow) -> None:
        """Returns when it is stored; raises StoreUnavailableError."""


class AuditedStore:
    """A store whose changes come with the row of the act that makes them."""

    def __init__(self, store: Store, tallies: Tallies | None = None) -> None:
        self._store = store
        self._tallies = tallies if tallies is not None else Tallies()

    def __str__(self) -> str:
        return str(self._store)

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    def read(self) -> AbstractAsyncContextManager[ReadTransaction]:
        return self._store.read()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteTransaction]:
        """One row for an act, in its first transaction that is committed."""
        act = _present.get()
        telling = act is not None and act.told is not Outcome.DONE and act.changes() and not act.unchanged
        async with self._store.write() as w:
            yield w
            if act is not None and telling:
                await w.add_audit([act.row(Outcome.DONE)])
        if act is not None and telling:
            act.told = Outcome.DONE
            self._tallies.add(AUDIT_ROWS, Outcome.DONE.value)


class AuditedObjects:
    """An object store that is not asked to write or to delete anything before the row of the act is stored."""

    def __init__(self, objects: ObjectStore, recorder: Recorder) -> None:
        self._objects = objects
        self._recorder = recorder

    def list(self, path: ObjectPath, *, after: str = "") -> AsyncGenerator[ObjectInfo, None]:
        return self._objects.list(path, after=after)

    async def head(self, path: ObjectPath) -> ObjectInfo:
        return await self._objects.head(path)

    def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        return self._objects.read(path, offset=offset, length=length, version=version)

    async def write(self, path: ObjectPath, content: Content, *, create: bool = False) -> ObjectInfo:
        await self._begin()
        return await self._objects.write(path, content, create=create)

    async def delete(self, path: ObjectPath) -> None:
        await self._begin()
        await self._objects.delete(path)

    async def obstacle(self, path: ObjectPath) -> str:
        return await self._objects.obstacle(path)

    async def sign(self, path: ObjectPath, method: Method, expires_s: int) -> str | None:
        return await self._objects.sign(path, method, expires_s)

    async def _begin(self) -> None:
        await begin(self._recorder)


async def begin(recorder: Recorder) -> None:
    """Before something is changed that is in no transaction: a row that says so, unless that is what the last one
    says. One that says that it is done is of what was done before. Raises StoreUnavailableError."""
    act = _present.get()
    if act is not None and act.told is not Outcome.BEGUN and act.changes():
        await recorder.record(act.row(Outcome.BEGUN))
        act.told = Outcome.BEGUN
