"""Values of environment variables may be secret: nothing that lies on disk beside the key tells them."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.contract import store_samples as a

from modelyard.domain.endpoints import Endpoint
from modelyard.domain.revision import Revision
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import SqlStore, convert
from modelyard.store.sql import store as sql_store

SECRET = "correct-horse-battery-staple"


def secret_revision(service_id: str, number: int) -> Revision:
    revision = a.revision(service_id, number)
    variants = tuple(
        replace(
            each,
            template=replace(each.template, envs=(("TOKEN", SECRET), ("N", "1"))),
            raw={"model_id": "m", "envs": {"TOKEN": SECRET, "N": "1"}, "weight": 100},
        )
        for each in revision.variants
    )
    return replace(revision, variants=variants)


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def filled(path: Path) -> SqlStore:
    store = SqlStore(path)
    await store.open()
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.add_revision(secret_revision("s1", 1))
        await w.add_revision(secret_revision("s1", 2))
    return store


async def as_written_before(path: Path) -> None:
    """The same rows as an earlier release wrote them: a list with the values in it, under schema 0001."""
    store = await filled(path)
    async with store.write() as w:
        for number in (1, 2):
            variants = [convert.variant_json(each) for each in secret_revision("s1", number).variants]
            statement = text("UPDATE revisions SET variants = :v WHERE number = :n")
            await w.connection.execute(statement, {"v": convert.to_json(variants), "n": number})  # type: ignore[attr-defined]
        of_logs = ("log_exports", "log_channels", "log_streams", "log_groups")
        later = (
            "open_traces",
            "spans",
            "deliveries",
            "messages",
            "subscriptions",
            "topics",
            "audit",
            "audit_cuts",
            "registry_logins",
            "project_secrets",
        )
        for table in (
            *later,
            *of_logs,
            "bucket_endpoints",
            "batch_splits",
            "batch_sources",
            "batch_tasks",
        ):  # since 0004
            await w.connection.execute(text(f"DROP TABLE {table}"))  # type: ignore[attr-defined]
        for column in ("node", "address", "devices"):  # of schemas 0003 and 0013
            await w.connection.execute(text(f"ALTER TABLE instances DROP COLUMN {column}"))  # type: ignore[attr-defined]
        await w.connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))  # type: ignore[attr-defined]
    await store.close()


async def test_no_file_holds_a_value(tmp_path: Path) -> None:
    store = await filled(tmp_path / "modelyard.db")
    assert SECRET.encode() not in on_disk(tmp_path)
    async with store.read() as r:
        assert await r.revision("s1", 1) == secret_revision("s1", 1)
        assert list((await r.revision("s1", 1)).variants[0].raw) == ["model_id", "envs", "weight"]  # type: ignore[union-attr]
        assert await r.revisions("s1") == [secret_revision("s1", 2), secret_revision("s1", 1)]
    await store.close()
    assert SECRET.encode() not in on_disk(tmp_path)


async def test_what_an_earlier_release_wrote_is_read_and_sealed(tmp_path: Path) -> None:
    path = tmp_path / "modelyard.db"
    await as_written_before(path)
    assert SECRET.encode() in on_disk(tmp_path), "there is something to seal"
    store = SqlStore(path)
    await store.open()
    async with store.read() as r:
        assert await r.revisions("s1") == [secret_revision("s1", 2), secret_revision("s1", 1)]
    assert SECRET.encode() not in on_disk(tmp_path)
    assert [file.name for file in tmp_path.glob("*.before-*")] == []
    await store.close()


async def test_sealing_that_cannot_clean_up_serves_and_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "modelyard.db"
    await as_written_before(path)

    def full(_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(sql_store.Sqlite, "scrub", full)
        store = SqlStore(path)
        await store.open()
        await store.close()
    assert "disk is full" in caplog.text
    assert SECRET not in caplog.text
    store = SqlStore(path)
    await store.open()
    await store.close()
    assert SECRET.encode() not in on_disk(tmp_path)


async def test_values_cannot_be_moved_to_another_revision(tmp_path: Path) -> None:
    store = await filled(tmp_path / "modelyard.db")
    async with store.write() as w:
        moved = (
            "UPDATE revisions SET variants = (SELECT variants FROM revisions WHERE number = 2) WHERE number = 1"
        )
        await w.connection.execute(text(moved))  # type: ignore[attr-defined]
    async with store.read() as r:
        with pytest.raises(StoreUnavailableError, match="is not the key"):
            await r.revision("s1", 1)
    await store.close()


async def test_keys_of_a_bucket_are_sealed_and_sent_nowhere_else(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    async with store.write() as w:
        await w.save_endpoint("b", Endpoint("https://one", "an-access-key", SECRET))
    assert SECRET.encode() not in on_disk(tmp_path)
    assert b"an-access-key" not in on_disk(tmp_path)
    async with store.write() as w:
        moved = "UPDATE bucket_endpoints SET url = 'https://thief'"
        await w.connection.execute(text(moved))  # type: ignore[attr-defined]
    async with store.read() as r:
        with pytest.raises(StoreUnavailableError, match="is not the key"):
            await r.endpoints()
    await store.close()
