"""Recording: rows that come together share a transaction, nobody waits for who left, what is done here."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from modelyard.domain.audit import AuditQuery, AuditRow, Outcome
from modelyard.operations import acting
from modelyard.operations.acting import Act, AuditedStore
from modelyard.operations.audit import Audit, local
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import SqlStore


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    made = SqlStore.memory()
    await made.open()
    yield made
    await made.close()


def row(number: int) -> AuditRow:
    return AuditRow(number, f"PUT /{number}", Outcome.DONE, lane="p", user_id="u")


async def stored(store: SqlStore) -> list[str]:
    async with store.read() as r:
        return [one.action for one in (await r.audit(AuditQuery(oldest_first=True)))[1]]


async def test_rows_that_come_together_are_stored_together_and_in_order(store: SqlStore) -> None:
    audit = Audit(store, lambda: 0)
    await asyncio.gather(*(audit.record(row(number)) for number in range(50)))
    assert await stored(store) == [f"PUT /{number}" for number in range(50)]


async def test_one_who_left_takes_nothing_along(store: SqlStore) -> None:
    audit = Audit(store, lambda: 0)
    leaving = asyncio.create_task(audit.record(row(1)))
    staying = asyncio.create_task(audit.record(row(2)))
    await asyncio.sleep(0)
    leaving.cancel()
    await staying
    assert await stored(store) == ["PUT /1", "PUT /2"]
    await audit.record(row(3))


async def test_that_it_cannot_be_stored_is_told_to_each_who_waits(store: SqlStore) -> None:
    await store.close()
    audit = Audit(store, lambda: 0)
    told = await asyncio.gather(*(audit.record(row(n)) for n in range(3)), return_exceptions=True)
    assert [type(one) for one in told] == [StoreUnavailableError] * 3
    await audit.refused(row(4))
    await audit.close()


async def test_a_change_that_is_rolled_back_leaves_no_row_and_the_next_one_does(store: SqlStore) -> None:
    act = Act(lambda outcome: row(7))
    audited = AuditedStore(store)
    with acting.during(act):
        with pytest.raises(RuntimeError):
            async with audited.write():
                raise RuntimeError
        assert act.told is None
        for _ in range(3):
            async with audited.write():
                pass
    assert act.told is Outcome.DONE
    async with audited.write():
        pass
    assert await stored(store) == ["PUT /7"]


async def test_what_is_done_on_the_data_directory(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    await local(store, 5, "modelyard down", name="everything")
    async with store.read() as r:
        (found,) = (await r.audit(AuditQuery()))[1]
    assert (found.user_name, found.means, found.lane, found.name) == ("ada", "local", "installation", "everything")
