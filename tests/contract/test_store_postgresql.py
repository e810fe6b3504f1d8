"""What PostgreSQL promises besides the suite: one writer, recovery, its schema, and nobody learns a secret."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, text
from tests.contract import store_samples as a
from tests.contract.test_store_durability import _shape
from tests.contract.test_store_sealing import SECRET, secret_revision
from tests.postgresql import PASSWORD, USER, Cluster

from modelyard.domain.errors import Invalid
from modelyard.store import migrations
from modelyard.store.base import SchemaError, StoreUnavailableError
from modelyard.store.sql import SqlStore, convert, schema
from modelyard.store.sql import postgresql as module
from modelyard.store.sql.postgresql import Postgresql
from modelyard.store.sql.tables import metadata


@pytest.fixture
def url(postgresql: Cluster) -> Iterator[str]:
    with postgresql.database() as made:
        yield made


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[SqlStore]:
    made = SqlStore(url, key_file=tmp_path / "store.key")
    await made.open()
    yield made
    await made.close()


async def service_ids(store: SqlStore) -> list[str]:
    async with store.read() as r:
        return list(await r.service_ids())


async def until_it_answers(store: SqlStore) -> list[str]:
    """The loop asks again and again: so do we. Nothing else tells when a database is back."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await service_ids(store)
            except StoreUnavailableError:
                await asyncio.sleep(0)


async def test_a_second_control_plane_is_refused_while_the_first_lives(
    store: SqlStore, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT_MS", 50)
    second = SqlStore(url, key_file=tmp_path / "store.key")
    with pytest.raises(StoreUnavailableError, match=r"another control plane works .* \(\S+:\d+, conn"):
        await second.open()
    await a.filled(store, a.service("s1"))
    await store.close()
    await second.open()
    assert await service_ids(second) == ["s1"]
    await second.close()


async def test_a_lock_that_is_just_being_let_go_is_waited_for(store: SqlStore, url: str, tmp_path: Path) -> None:
    second = SqlStore(url, key_file=tmp_path / "store.key")
    opening = asyncio.create_task(second.open())
    await asyncio.sleep(0)
    await store.close()
    await opening
    await second.close()


async def test_who_lost_the_lock_writes_nothing_more(
    store: SqlStore, url: str, tmp_path: Path, postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT_MS", 50)
    await a.filled(store, a.service("s1"))
    second = SqlStore(url, key_file=tmp_path / "store.key")
    postgresql.break_off()
    await second.open()
    with pytest.raises(StoreUnavailableError, match="another control plane"):
        await a.filled(store, a.service("s2"))
    await second.close()
    await a.filled(store, a.service("s3"))
    assert await service_ids(store) == ["s1", "s3"]


async def test_a_connection_of_our_own_that_was_cut_gives_the_lock_back(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has not noticed yet that its peer is gone, and keeps the lock for it."""
    monkeypatch.setattr(module, "LOCK_WAIT_MS", 50)
    again = Postgresql(url)
    again._name = store.dialect._name  # type: ignore[attr-defined]
    engine = again.writer()
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar() == 1
    await engine.dispose()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["in order", "crashed"])
async def test_a_database_that_comes_back_is_used_again(
    store: SqlStore, postgresql: Cluster, how: signal.Signals
) -> None:
    await a.filled(store, a.service("s1"))
    with pytest.raises(StoreUnavailableError):
        async with store.write() as w:
            await w.add_service(a.service("s2"))
            postgresql.stop(how)
            await w.add_service(a.service("s3"))
    for attempt in (store.read, store.write):
        with pytest.raises(StoreUnavailableError, match="cannot be used"):
            async with attempt() as r:
                await r.service_ids()
    postgresql.start()
    assert await until_it_answers(store) == ["s1"]
    await a.filled(store, a.service("s4"))
    assert await service_ids(store) == ["s1", "s4"]


async def test_a_commit_that_the_database_does_not_survive_is_no_success(
    store: SqlStore, postgresql: Cluster
) -> None:
    with pytest.raises(StoreUnavailableError):
        async with store.write() as w:
            await w.add_service(a.service("s1"))
            postgresql.stop(signal.SIGQUIT)
    postgresql.start()
    assert await until_it_answers(store) == []


async def test_a_restart_between_two_transactions_is_not_noticed(store: SqlStore, postgresql: Cluster) -> None:
    await a.filled(store, a.service("s1"))
    assert await service_ids(store) == ["s1"]
    postgresql.restart()
    assert await service_ids(store) == ["s1"]
    await a.filled(store, a.service("s2"))


async def test_a_reader_cannot_write(store: SqlStore) -> None:
    async with store.read() as r:
        with pytest.raises(StoreUnavailableError, match="read-only"):
            await r._run(text("DELETE FROM services"))  # type: ignore[attr-defined]


def _in(url: str, *statements: str) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


async def test_a_database_of_somebody_else_or_of_a_newer_release_is_refused(url: str, tmp_path: Path) -> None:
    _in(url, "CREATE TABLE services (id TEXT)")
    with pytest.raises(SchemaError, match="not Modelyard's"):
        await SqlStore(url, key_file=tmp_path / "store.key").open()
    _in(url, "DROP TABLE services")
    store = SqlStore(url, key_file=tmp_path / "store.key")
    await store.open()
    await store.close()
    _in(url, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(SchemaError, match="newer release"):
        await store.open()


async def test_another_encoding_is_refused(postgresql: Cluster, tmp_path: Path) -> None:
    with (
        postgresql.database("ENCODING 'SQL_ASCII' LOCALE 'C'") as url,
        pytest.raises(SchemaError, match="SQL_ASCII"),
    ):
        await SqlStore(url, key_file=tmp_path / "store.key").open()


async def test_migrating_from_nothing_ends_in_the_schema_of_a_fresh_database(postgresql: Cluster) -> None:
    shapes = []
    for make in (schema.create, schema.migrate):
        with postgresql.database() as url:
            engine = Postgresql(url).migrator()
            async with engine.begin() as connection:
                await connection.run_sync(make)
            async with engine.connect() as connection:
                shapes.append(await connection.run_sync(_shape))
            await engine.dispose()
    assert shapes[0] == shapes[1]
    assert "services" in shapes[0]


async def test_a_migration_that_fails_changes_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqlStore(url, key_file=tmp_path / "store.key")
    await store.open()
    await store.close()
    _in(url, "UPDATE alembic_version SET version_num = '0000'")

    def step(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE services CASCADE")
        raise SchemaError("half way")

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "KNOWN", ("0000", *migrations.KNOWN))
        patched.setattr(schema, "migrate", step)
        with pytest.raises(SchemaError, match="half way"):
            await store.open()
    _in(url, f"UPDATE alembic_version SET version_num = '{migrations.HEAD}'")
    await store.open()
    assert await service_ids(store) == []
    await store.close()


async def test_what_was_written_in_the_clear_is_sealed_and_its_pages_are_gone(
    postgresql: Cluster, url: str, tmp_path: Path
) -> None:
    """A database of schema 0001, with the values of variables in its rows."""
    store = SqlStore(url, key_file=tmp_path / "store.key")
    await store.open()
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.add_revision(secret_revision("s1", 1))
    await store.close()
    clear = convert.to_json([convert.variant_json(each) for each in secret_revision("s1", 1).variants])
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE revisions SET variants = %s", (clear,))
        first = (Path(migrations.__file__).parent / "versions" / "v0001_first.py").read_text()
        later = [table.name for table in metadata.sorted_tables if f'"{table.name}"' not in first]
        for table in reversed(later):
            connection.execute(f"DROP TABLE {table}")
        for column in ("node", "address", "devices"):  # of schemas 0003 and 0013
            connection.execute(f"ALTER TABLE instances DROP COLUMN {column}")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        name = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    _in(url, "CHECKPOINT")
    assert name is not None
    files = postgresql.folder / "data" / "base" / str(name[0])

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in files.iterdir())

    assert SECRET.encode() in on_disk(), "there is something to seal"
    await store.open()
    async with store.read() as r:
        assert await r.revisions("s1") == [secret_revision("s1", 1)]
    await store.close()
    _in(url, "CHECKPOINT")
    assert SECRET.encode() not in on_disk()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (migrations.HEAD,)


def logged(postgresql: Cluster, since: int) -> str:
    return postgresql.log.read_bytes()[since:].decode(errors="replace")


async def test_nobody_is_told_the_password(
    postgresql: Cluster, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    log = len(postgresql.log.read_bytes())
    store = SqlStore(url, key_file=tmp_path / "store.key")
    await store.open()
    said = [repr(store), repr(store.dialect), str(store.dialect)]
    wrong = url.replace(PASSWORD, PASSWORD + "x")
    nowhere = url.replace(str(postgresql.folder), str(tmp_path))
    unreadable = url.replace(PASSWORD, f"{PASSWORD}@:/[")
    for broken in (wrong, nowhere, unreadable, url.replace(USER, "nobody")):
        with pytest.raises(StoreUnavailableError) as failed:
            await SqlStore(broken, key_file=tmp_path / "store.key").open()
        error: BaseException | None = failed.value
        while error is not None:
            said.append(repr(error))
            error = None if error.__suppress_context__ else error.__cause__ or error.__context__
    async with store.write() as w:
        with pytest.raises(Invalid) as invalid:
            await w.add_service(a.service("s1", description="\0" + SECRET))
    said.append(repr(invalid.value))
    await store.close()
    everything = "\n".join([*said, caplog.text, logged(postgresql, log)])
    assert PASSWORD not in everything
    assert SECRET not in everything


async def test_values_are_in_no_log_of_the_server(store: SqlStore, postgresql: Cluster) -> None:
    before = len(postgresql.log.read_bytes())
    async with store.write() as w:
        await w.save_user(a.USER)
        await w.save_access_key("AK", "u1", "p1", SECRET)
        await w.add_service(a.service("s1"))
        await w.add_revision(secret_revision("s1", 1))
    log = logged(postgresql, before)
    assert "INSERT INTO revisions" in log, "statements are logged"
    assert SECRET not in log


async def test_without_the_driver_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(StoreUnavailableError, match=r"modelyard\[postgresql\]"):
        SqlStore("postgresql://somewhere/db")
