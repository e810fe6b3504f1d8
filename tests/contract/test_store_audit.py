"""The store port, over every store: the audit, which nothing changes and only a cut removes from."""

import sqlite3
from pathlib import Path

import psycopg
import pytest

from modelyard.domain.audit import AuditQuery, AuditRow, Cut, Means, Outcome
from modelyard.store.sql import SqlStore

ROW = AuditRow(
    at_ms=2**41,
    action="PUT /v1/{project_id}/services/{service_id}",
    outcome=Outcome.DONE,
    status=200,
    error_code="",
    project_id="p1",
    user_id="u1",
    user_name="größe",
    means=Means.SIGNATURE,
    resource="services/7f",
    name="digits_100%",
    address="::1",
    agent="x",
    reference="r",
    fields=("a", "b[].c"),
    times=2**40,
    until_ms=2**41 + 1,
    lane="p1",
)


def row(at_ms: int, lane: str = "p1", **more: object) -> AuditRow:
    return AuditRow(at_ms, "PUT /x", Outcome.DONE, lane=lane, **more)  # type: ignore[arg-type]


async def test_rows_are_found_as_they_were_written(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_audit([])
        await w.add_audit([ROW, row(1)])
    async with store.read() as r:
        total, (other, found) = await r.audit(AuditQuery())
    assert total == 2
    assert found.number == 1
    assert other.number == 2
    assert AuditRow(**{**{f: getattr(found, f) for f in AuditRow.__slots__}, "number": 0}) == ROW


async def test_queries(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_audit([ROW, row(1, user_id="u2", user_name="ada", project_id="p2"), row(5, resource="a_b")])

    async def found(**asked: object) -> list[int]:
        async with store.read() as r:
            total, rows = await r.audit(AuditQuery(**asked))  # type: ignore[arg-type]
        assert total >= len(rows)
        return [one.number for one in rows]

    assert await found(project_id="p2") == [2]
    assert await found(project_id="") == [3]
    assert await found(user="ada") == await found(user="u2") == [2]
    assert await found(resource="A_B") == [3]
    assert await found(resource="100%") == [1]
    assert await found(resource="a%b") == [], "no patterns"
    assert await found(since_ms=2) == [3, 1]
    assert await found(since_ms=2**41 + 1) == [1], "until when it came"
    assert await found(until_ms=5) == [3, 2]
    assert await found(after=1, oldest_first=True) == [2, 3]
    assert await found(offset=1, limit=1) == [2]
    assert await found(outcome=Outcome.BEGUN) == []


async def test_logins_that_succeeded_may_be_left_out(store: SqlStore) -> None:
    async with store.write() as w:
        came, refused = (
            AuditRow(1, "POST /v3/auth/tokens", outcome) for outcome in (Outcome.DONE, Outcome.REFUSED)
        )
        await w.add_audit([came, refused, row(2), AuditRow(3, "PUT /x", Outcome.BEGUN)])
    async with store.read() as r:
        total, found = await r.audit(AuditQuery(logins=False, limit=3))
    assert (total, [one.number for one in found]) == (3, [4, 3, 2])


async def test_a_cut_takes_the_oldest_of_one_lane_and_says_so(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_audit([row(at, lane) for at in range(10) for lane in ("p1", "p2")])
    async with store.write() as w:
        assert await w.cut_audit("p1", before_ms=3, keep=100, at_ms=50, most=100) == 3
        assert await w.cut_audit("p1", before_ms=0, keep=5, at_ms=51, most=1) == 1, "at most so many"
        assert await w.cut_audit("p1", before_ms=0, keep=5, at_ms=52, most=9) == 1
        assert await w.cut_audit("p1", before_ms=0, keep=5, at_ms=53, most=9) == 0
    async with store.read() as r:
        assert await r.audit_lanes() == {"p1": 5, "p2": 10}
        assert await r.audit_cuts() == [Cut("p1", 9, 52)]
        assert [one.at_ms for one in (await r.audit(AuditQuery(oldest_first=True)))[1] if one.lane == "p1"] == [
            *range(5, 10)
        ]


async def test_a_cut_by_age_stops_at_the_first_young_row(store: SqlStore) -> None:
    """A clock that was wrong for a while costs no row its time."""
    async with store.write() as w:
        await w.add_audit([row(at) for at in (1, 2, 100, 3, 101)])
    async with store.write() as w:
        assert await w.cut_audit("p1", before_ms=50, keep=100, at_ms=150, most=100) == 2
        assert await w.cut_audit("p1", before_ms=50, keep=100, at_ms=151, most=100) == 0
        assert await w.audit_cuts() == [Cut("p1", 2, 150)]
        assert await w.cut_audit("p1", before_ms=200, keep=100, at_ms=152, most=100) == 3


async def test_a_file_refuses_to_change_or_lose_a_row(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    async with store.write() as w:
        await w.add_audit([ROW])
    await store.close()
    connection = sqlite3.connect(tmp_path / "modelyard.db")
    for statement in ("UPDATE audit SET user_name = 'x'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="rows of the audit"):
            connection.execute(statement)
    connection.close()


async def test_postgresql_refuses_too(postgresql: object, tmp_path: Path) -> None:
    with postgresql.database() as url:  # type: ignore[attr-defined]
        store = SqlStore(url, key_file=tmp_path / "store.key")
        await store.open()
        async with store.write() as w:
            await w.add_audit([ROW])
        await store.close()
        for statement in ("UPDATE audit SET user_name = 'x'", "DELETE FROM audit"):
            with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.RaiseException, match="audit"):
                connection.execute(statement)


async def test_a_number_is_never_given_twice(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_audit([row(1), row(2)])
    async with store.write() as w:
        assert await w.cut_audit("p1", before_ms=10, keep=0, at_ms=50, most=9) == 2
        await w.add_audit([row(3)])
    async with store.read() as r:
        assert [one.number for one in (await r.audit(AuditQuery()))[1]] == [3]
