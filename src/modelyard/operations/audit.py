"""The audit: rows are recorded, refusals are counted, what is too old or too much is cut, and people read it.

- `record` returns when the row is safe. Rows that come at the same time share a transaction.
- `refused` bounds what refusals write (`core.audit.Flood`): nobody can push out what was really done.
- What is done on the data directory itself (`modelyard down`, a restore) is recorded by `local`.
"""

import asyncio
import getpass
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from modelyard import __version__
from modelyard.core import audit as core
from modelyard.core.audit import Flood
from modelyard.core.metric_catalogue import AUDIT_LOST, AUDIT_ROWS
from modelyard.core.tallies import Tallies
from modelyard.domain.audit import AuditQuery, AuditRow, Means, Outcome
from modelyard.domain.identity import Principal, Role
from modelyard.iam.addresses import one_party
from modelyard.operations.accounts import administer
from modelyard.operations.context import Context, authorise
from modelyard.store.base import Store, StoreUnavailableError

log = logging.getLogger(__name__)

DAY_MS = 24 * 3600 * 1000
CUT_AT_ONCE = 5000
"""Rows that are removed in one transaction: others wait for it."""

AUDITORS = frozenset({Role.ADMIN})


class Audit:
    """See the module. `days`, `rows`: how long rows are kept, and how many of each lane. `clock`: milliseconds."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        *,
        days: int = 180,
        rows: int = 200_000,
        flood: Flood | None = None,
        tallies: Tallies | None = None,
    ) -> None:
        self._tallies = tallies if tallies is not None else Tallies()
        self._tallies.add(AUDIT_LOST, by=0)
        self._store = store
        self.now_ms = clock
        self._days = days
        self._rows = rows
        self._flood = flood or Flood()
        self._waiting: list[tuple[AuditRow, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None

    async def record(self, row: AuditRow) -> None:
        """Returns when it is stored. Raises StoreUnavailableError."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, stored))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="audit")
        await stored

    async def refused(self, row: AuditRow) -> None:
        """A request that was refused. That the database cannot be used keeps nobody from being refused."""
        first = self._flood.take(row, one_party(row.address))
        self._wait()
        if first is None:
            return
        try:
            await self.record(first)
        except StoreUnavailableError as error:
            self._tallies.add(AUDIT_LOST)
            log.error("a refusal (%s, %s) is not in the audit: %s", row.action, row.error_code, error)

    async def flush(self) -> None:
        """Write what was counted."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows = self._flood.drain()
        if not rows:
            return
        try:
            async with self._store.write() as w:
                await w.add_audit(rows)
            self._written(rows)
        except StoreUnavailableError as error:
            told = sum(row.times for row in rows)
            self._tallies.add(AUDIT_LOST, by=told)
            log.error("%d refusals are not in the audit: %s", told, error)

    async def close(self) -> None:
        """Before the store is closed."""
        await self.flush()
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)
        if self._writing is not None:
            await asyncio.gather(self._writing, return_exceptions=True)

    async def trim(self) -> None:
        """Cut what is too old, and what is more than a lane may have. Done by itself every few minutes."""
        async with self._store.read() as r:
            lanes = await r.audit_lanes()
        for lane in lanes:
            while True:
                now = self.now_ms()
                async with self._store.write() as w:
                    cut = await w.cut_audit(lane, now - self._days * DAY_MS, self._rows, now, CUT_AT_ONCE)
                if cut:
                    log.info("removed %d rows of the audit (%s)", cut, lane)
                if cut < CUT_AT_ONCE:
                    break

    async def _write(self) -> None:
        try:
            while self._waiting:
                taken, self._waiting = self._waiting, []
                wrong: BaseException | None = None
                try:
                    async with self._store.write() as w:
                        await w.add_audit([row for row, _ in taken])
                    self._written([row for row, _ in taken])
                except Exception as error:  # noqa: BLE001 - told to each who waits
                    wrong = error
                for _, stored in taken:
                    if not stored.done():
                        stored.set_result(None) if wrong is None else stored.set_exception(wrong)
        finally:
            self._writing = None

    def _written(self, rows: Sequence[AuditRow]) -> None:
        for row in rows:
            self._tallies.add(AUDIT_ROWS, row.outcome.value)

    def _wait(self) -> None:
        """For the end of the window in which refusals are counted."""
        due_ms = self._flood.due_ms()
        if due_ms is None or self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(due_ms - self.now_ms(), 0) / 1000, self._over)

    def _over(self) -> None:
        self._timer = None
        self._flushing = asyncio.create_task(self.flush(), name="audit")


async def local(
    store: Store,
    now_ms: int,
    action: str,
    *,
    resource: str = "",
    name: str = "",
    outcome: Outcome = Outcome.DONE,
    reference: str = "",
) -> None:
    """Record what is done on the data directory itself, by the user of this process. `reference`: of what has
    several rows. Raises StoreUnavailableError."""
    row = AuditRow(
        at_ms=now_ms,
        action=action,
        outcome=outcome,
        user_name=_user(),
        means=Means.LOCAL,
        resource=resource,
        name=name,
        agent=f"modelyard {__version__}",
        reference=reference or uuid.uuid4().hex,
    )
    async with store.write() as w:
        await w.add_audit([replace(row, lane=core.lane(row))])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "unknown"


# Reading.


async def of_project(
    ctx: Context, principal: Principal, project_id: str, query: AuditQuery
) -> tuple[int, Sequence[AuditRow]]:
    """(how many match, one page): what was done in a project and by its users. Raises Forbidden."""
    authorise(principal, project_id, AUDITORS, "listAudit")
    async with ctx.store.read() as r:
        return await r.audit(replace(query, project_id=project_id))


async def of_installation(ctx: Context, principal: Principal, query: AuditQuery) -> tuple[int, Sequence[AuditRow]]:
    """(how many match, one page), of all projects unless the query names one. Raises Forbidden."""
    administer(principal, "listAudit")
    async with ctx.store.read() as r:
        return await r.audit(query)
