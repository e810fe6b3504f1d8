"""From one database to the other, by way of a backup."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract import store_samples as samples
from tests.postgresql import Cluster
from tests.worlds import backups

from modelyard import database
from modelyard.backup.layout import BackupError
from modelyard.iam.tokens import TokenKey
from modelyard.settings import Settings
from modelyard.store.sql import SqlStore


def test_there_and_back_again_through_postgresql(
    settings: Settings, backup: Path, tmp_path: Path, postgresql: Cluster
) -> None:
    with postgresql.database() as url:
        there = Settings(tmp_path / "there", database_url=url)
        backups.restored(backup, there)
        assert not (there.data_dir / "modelyard.db").exists()
        assert backups.acts(there) == ["modelyard restore", "modelyard backup"]
        with pytest.raises(BackupError, match=r"holds another Modelyard.*was killed at its end"):
            backups.restored(backup, Settings(tmp_path / "twice", database_url=url))
        assert not (tmp_path / "twice").exists()
        asyncio.run(_running(there, tmp_path / "b"))
    back = Settings(tmp_path / "back")
    backups.restored(tmp_path / "b", back)
    before, after = backups.rows(settings.data_dir / "modelyard.db"), backups.rows(back.data_dir / "modelyard.db")
    of_the_way = {"audit", "batch_sources", "log_exports", "sqlite_sequence"}
    assert {k: v for k, v in after.items() if k not in of_the_way} == {
        k: v for k, v in before.items() if k not in of_the_way
    }
    assert after["sqlite_sequence"] == [("audit", len(after["audit"]))]
    assert [row[7] for row in after["audit"]] == [
        "modelyard backup",
        "modelyard restore",
        "modelyard backup",
        "modelyard restore",
    ]


async def _running(there: Settings, target: Path) -> None:
    """A backup while a control plane has the database's lock, and writes."""
    store: SqlStore = database.store_of(there)
    await store.open()
    try:
        await asyncio.to_thread(backups.backed_up, there, target)
        async with store.write() as w:
            await w.add_events([samples.EVENT])
    finally:
        await store.close()


def test_the_url_of_postgresql_has_to_be_given(tmp_path: Path, postgresql: Cluster) -> None:
    with postgresql.database() as url:
        settings = backups.made(tmp_path, url)
        with pytest.raises(BackupError, match="set MODELYARD_DATABASE_URL"):
            backups.backed_up(replace(settings, database_url=""), tmp_path / "a")
        backups.backed_up(settings, tmp_path / "a")
    about = backups.checked(tmp_path / "a").about
    assert about.database == "postgresql"
    assert TokenKey.load(settings.data_dir / "keys").jwks()
    assert len(about.installation) == 16
