"""What a file promises: nothing acknowledged is lost, others cannot read it, no foreign schema is touched."""

import asyncio
import json
import random
import signal
import sqlite3
import stat
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from tests.contract import store_samples as a

from modelyard.domain.errors import NotFound
from modelyard.store import migrations
from modelyard.store.base import SchemaError, StoreUnavailableError
from modelyard.store.sql import SqlStore, schema
from modelyard.store.sql.tables import metadata

_COMMIT_FOREVER = """
import asyncio, sys
from pathlib import Path
from modelyard.store.sql import SqlStore
from tests.contract import store_samples as a

async def main(start):
    store = SqlStore(Path(sys.argv[1]))
    await store.open()
    for number in range(start, 10**9):
        async with store.write() as w:
            await w.add_service(a.service(f"s{number}"))
            await w.add_revision(a.revision(f"s{number}", 1))
        print(number, flush=True)

asyncio.run(main(int(sys.argv[2])))
"""


async def test_kill_at_any_moment_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "modelyard.db"
    chance = random.Random(7)
    acknowledged = -1
    for _ in range(4):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _COMMIT_FOREVER, str(path), str(acknowledged + 2)),
            stdout=asyncio.subprocess.PIPE,
            env={"PYTHONPATH": "src:."},
        )
        assert process.stdout is not None
        for _ in range(chance.randint(1, 60)):
            acknowledged = int(await process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = await process.stdout.read()
        acknowledged = max([acknowledged, *(int(line) for line in rest.split(b"\n")[:-1])])
        await process.wait()

        store = SqlStore(path)
        await store.open()
        async with store.read() as r:
            there = {record.service.id: record.revisions for record in await r.records()}
        await store.close()
        assert f"s{acknowledged}" in there
        assert all(list(revisions) == [1] for revisions in there.values()), "half a transaction"


async def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "modelyard.db"
    store = SqlStore(path)
    await store.open()
    async with store.write() as w:
        await w.save_user(a.USER)
        await w.save_access_key("AK", "u1", "p1", "the-secret-key")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.rglob("*") if file.is_file()}
    on_disk = b"".join(file.read_bytes() for file in path.parent.glob("modelyard.db*"))
    await store.close()
    names = ("modelyard.db", "modelyard.db-wal", "modelyard.db-shm", "store.key")
    assert modes == dict.fromkeys(names, 0o600)
    assert b"the-secret-key" not in on_disk


async def test_a_readable_file_is_closed_to_others_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "modelyard.db"
    path.touch(mode=0o644)
    store = SqlStore(path)
    await store.open()
    await store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    async with store.write() as w:
        connection = w.connection  # type: ignore[attr-defined]
        for pragma, expected in (("synchronous", 2), ("journal_mode", "wal"), ("foreign_keys", 1)):
            assert (await connection.exec_driver_sql(f"PRAGMA {pragma}")).scalar() == expected
    await store.close()


async def test_a_secret_needs_the_key_it_was_sealed_with(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    async with store.write() as w:
        await w.save_user(a.USER)
        await w.save_access_key("AK", "u1", "p1", "secret")
    await store.close()
    store = SqlStore(tmp_path / "modelyard.db", key_file=tmp_path / "another.key")
    await store.open()
    async with store.read() as r:
        with pytest.raises(StoreUnavailableError, match="is not the key"):
            await r.access_key("AK")
    await store.close()


def _written_by(path: Path, version: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()


async def test_a_database_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "modelyard.db"
    store = SqlStore(path)
    await store.open()
    await store.close()
    _written_by(path, "0999")
    with pytest.raises(SchemaError, match=r"schema 0999.*newer release"):
        await SqlStore(path).open()
    assert not list(tmp_path.glob("*.before-*"))


async def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "modelyard.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE services (id TEXT)")
    connection.close()
    with pytest.raises(SchemaError, match="not Modelyard's"):
        await SqlStore(path).open()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "modelyard.db"
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreUnavailableError, match="not a database"):
        await SqlStore(path).open()


async def test_an_older_schema_is_backed_up_and_brought_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "modelyard.db"
    store = SqlStore(path)
    await store.open()
    async with store.write() as w:
        await w.add_service(a.service("s1"))
    await store.close()
    _written_by(path, "0000")
    steps: list[str] = []

    def step(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE services SET description = 'migrated'")
        steps.append(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{migrations.HEAD}'")

    monkeypatch.setattr(migrations, "KNOWN", ("0000", *migrations.KNOWN))
    monkeypatch.setattr(schema, "migrate", step)
    await store.open()
    async with store.read() as r:
        migrated = await r.service(None, "s1")
    await store.close()
    assert migrated == a.service("s1", description="migrated")
    assert steps == ["0000"]
    backup = tmp_path / "modelyard.db.before-0000"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    with sqlite3.connect(backup) as connection:
        assert connection.execute("SELECT id, description FROM services").fetchall() == [("s1", "")]
    connection.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "modelyard.db"
    store = SqlStore(path)
    await store.open()
    await store.close()
    _written_by(path, "0000")

    def step(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE services")
        raise SchemaError("half way")

    monkeypatch.setattr(migrations, "KNOWN", ("0000", *migrations.KNOWN))
    monkeypatch.setattr(schema, "migrate", step)
    with pytest.raises(SchemaError, match="half way"):
        await store.open()
    _written_by(path, migrations.HEAD)
    await store.open()
    async with store.read() as r:
        assert await r.service_ids() == []
    await store.close()


def _shape(connection: Connection) -> dict[str, object]:
    found = inspect(connection)
    return {
        name: json.loads(
            json.dumps(
                {
                    "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in found.get_columns(name)],
                    "key": found.get_pk_constraint(name),
                    "foreign": sorted(found.get_foreign_keys(name), key=str),
                    "unique": sorted(found.get_unique_constraints(name), key=str),
                    "indexes": sorted(found.get_indexes(name), key=str),
                },
                default=str,
            )
        )
        for name in found.get_table_names()
    }


def test_migrating_from_nothing_ends_in_the_schema_of_a_fresh_database() -> None:
    shapes = []
    for make in (schema.create, schema.migrate):
        engine = create_engine("sqlite://")
        with engine.begin() as connection:
            make(connection)
            shapes.append(_shape(connection))
        engine.dispose()
    assert shapes[0] == shapes[1]
    assert set(shapes[0]) == {*metadata.tables, "alembic_version"}


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_postgresql_could_hold_every_table(table: Table) -> None:
    dialect = postgresql.dialect()
    for statement in (CreateTable(table), *(CreateIndex(index) for index in table.indexes)):
        assert str(statement.compile(dialect=dialect))


def test_known_versions_are_those_of_the_scripts() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == migrations.KNOWN


async def test_an_existing_database_opens_without_alembic(tmp_path: Path) -> None:
    path = tmp_path / "modelyard.db"
    store = SqlStore(path)
    await store.open()
    await store.close()
    script = (
        "import asyncio, sys; from pathlib import Path; from modelyard.store.sql import SqlStore\n"
        "async def main():\n"
        "    store = SqlStore(Path(sys.argv[1])); await store.open(); await store.close()\n"
        "asyncio.run(main()); print('alembic' in sys.modules, 'cryptography' in sys.modules)"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, str(path)),
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": "src:."},
    )
    output, _ = await process.communicate()
    assert output.split() == [b"False", b"False"]


async def test_a_grant_to_nobody_is_found_at_the_commit_and_the_store_goes_on(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    for _ in range(3):
        with pytest.raises(NotFound):
            async with store.write() as w:
                await w.add_revision(a.revision("nobody", 1))
    async with store.write() as w:
        await w.add_service(a.service("s1"))
    await store.close()
