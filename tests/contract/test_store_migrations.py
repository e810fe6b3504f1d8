"""What servers of earlier releases wrote is kept by every migration, and read by this one.

`tests/schemas/NUMBER.sql` are databases of their time (`tests/schemas/make.py`), in which services run, wait, have
failed and are stopped, batch tasks are at work, and values are sealed with `NUMBER.key`.
"""

import asyncio
import resource
import shutil
import signal
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, Table, create_engine, select, text
from sqlalchemy.types import JSON
from tests import schemas
from tests.contract.test_store_durability import _shape
from tests.postgresql import Cluster
from tests.worlds import releases

from modelyard.domain.audit import AuditQuery
from modelyard.domain.service import ServiceStatus
from modelyard.store import migrations
from modelyard.store.base import ReadTransaction, SchemaError
from modelyard.store.models import ModelQuery
from modelyard.store.notifications import Window
from modelyard.store.services import EventQuery
from modelyard.store.sql import SqlStore, schema

KEPT = Path(schemas.__file__).parent
NUMBERS = sorted(path.stem for path in KEPT.glob("*.sql"))
NEVER_WRITTEN = {"0006"}
"""The states between two migrations that landed together."""
SECRET = "value-that-is-sealed"
SEALED_BY_OPENING = {("revisions", "variants"), ("subscriptions", "sealed"), ("subscriptions", "token")}
Rows = dict[str, list[dict[str, Any]]]

_OPEN = """
import asyncio, os, signal, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import SqlStore

left, full = int(sys.argv[3]), sys.argv[4] == "full"

@event.listens_for(Engine, "before_cursor_execute")
def count(_, cursor, *__):
    global left
    left -= 1
    if left == 0 and not full:
        os.kill(os.getpid(), signal.SIGKILL)
    if left == 0:
        cursor.execute("PRAGMA max_page_count = 1")  # not one page more than there are: what a full disk does

async def main():
    store = SqlStore(Path(sys.argv[1]) if "://" not in sys.argv[1] else sys.argv[1], key_file=Path(sys.argv[2]))
    await store.open()
    print(-left, file=sys.stderr)
    await store.close()

try:
    asyncio.run(main())
except StoreUnavailableError as error:
    sys.exit(str(error))
"""


def test_every_schema_that_users_may_have_is_kept() -> None:
    """A release makes its schema one that somebody has: keep it (CONTRIBUTING, How a release is made)."""
    newest = max(release.schema for release in releases.kept().values())
    assert {release.schema for release in releases.kept().values()} <= set(NUMBERS)
    known = [number for number in migrations.KNOWN if number not in NEVER_WRITTEN and number <= newest]
    assert known == [number for number in NUMBERS if number <= newest]


def written(number: str, folder: Path) -> Path:
    """The database of that time as a file, with its key where it belongs."""
    path = folder / "modelyard.db"
    connection = sqlite3.connect(path)
    connection.executescript((KEPT / f"{number}.sql").read_text())
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    (folder / "keys").mkdir()
    shutil.copyfile(KEPT / f"{number}.key", folder / "keys" / "store.key")
    return path


def copied(number: str, path: Path, url: str) -> None:
    """The same rows in PostgreSQL, in the schema of that time."""
    source, target = create_engine(f"sqlite:///{path}"), create_engine(_sqlalchemy(url))
    with source.connect() as reading, target.begin() as writing:
        schema.migrate(writing, number)
        tables = MetaData()
        tables.reflect(writing)
        for table in tables.sorted_tables:
            if table.name == "alembic_version":
                continue
            typed = Table(
                table.name, MetaData(), *(type(c)(c.name, c.type) for c in table.columns)
            )  # SQLite's own types say less
            rows = [dict(row) for row in reading.execute(select(typed)).mappings()]
            if rows:
                writing.execute(table.insert(), rows)
            for column in table.primary_key:
                if column.autoincrement and rows and isinstance(rows[0][column.name], int) and _serial(column):
                    at = max(row[column.name] for row in rows)
                    writing.execute(
                        text(f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), {at})")
                    )
    source.dispose()
    target.dispose()


def _serial(column: Any) -> bool:
    return column.server_default is not None and "nextval" in str(column.server_default.arg)


def _sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def rows_of(connection: Connection) -> Rows:
    tables = MetaData()
    tables.reflect(connection)
    found: Rows = {}
    for table in tables.sorted_tables:
        rows = [
            {name: value for name, value in row.items() if not isinstance(table.c[name].type, JSON) or value}
            for row in connection.execute(select(table)).mappings()
        ]
        found[table.name] = sorted(rows, key=repr)
    return found


@pytest.fixture(params=["file", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(kind: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database for `copied`, or nothing."""
    if kind == "file":
        yield ""
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    with cluster.database() as url:
        yield url


def prepared(number: str, folder: Path, url: str) -> tuple[Path | str, str]:
    """Where it is, for the store and for SQLAlchemy."""
    path = written(number, folder)
    if not url:
        return path, f"sqlite:///{path}"
    copied(number, path, url)
    path.unlink()
    return url, _sqlalchemy(url)


def look(address: str) -> tuple[Rows, Mapping[str, object]]:
    engine = create_engine(address)
    with engine.connect() as connection:
        found = rows_of(connection), _shape(connection)
    engine.dispose()
    return found


def assert_kept(before: Rows, after: Rows) -> None:
    """Every row and value of before is there, in the same table."""
    for name, rows in before.items():
        if name in {"alembic_version", "sqlite_sequence"}:
            continue
        names = {key for row in rows for key in row if (name, key) not in SEALED_BY_OPENING}
        narrowed = [{key: row[key] for key in row if key in names} for row in after[name]]
        expected = [{key: row[key] for key in row if key in names} for row in rows]
        assert sorted(narrowed, key=repr) == sorted(expected, key=repr), name


@pytest.mark.parametrize("number", NUMBERS)
async def test_every_row_survives_and_is_read(number: str, kind: str, database: str, tmp_path: Path) -> None:
    where, address = prepared(number, tmp_path, database)
    before, _ = look(address)
    await open_and_read(where, tmp_path / "keys" / "store.key", before)
    after, shape = look(address)
    assert_kept(before, after)
    assert after["alembic_version"] == [{"version_num": migrations.HEAD}]
    fresh = SqlStore(tmp_path / "fresh" / "modelyard.db")
    await fresh.open()
    await fresh.close()
    if kind == "file":
        assert shape == look(f"sqlite:///{tmp_path / 'fresh' / 'modelyard.db'}")[1]
        copy = tmp_path / f"modelyard.db.before-{number}"
        assert copy.exists() == (number not in {"0001", migrations.HEAD})
        if copy.exists():
            assert stat.S_IMODE(copy.stat().st_mode) == 0o600
            assert look(f"sqlite:///{copy}")[0] == before


async def open_and_read(where: Path | str, key: Path, before: Rows) -> None:
    store = SqlStore(where, key_file=key)
    await store.open()
    try:
        async with store.read() as r:
            await read_all(r, before)
    finally:
        await store.close()


async def read_all(r: ReadTransaction, before: Rows) -> None:
    """By every way that the server has, with what it makes of the rows."""
    assert {user.name for user in await r.users()} == {"admin", "ada", "bob"}
    projects = await r.projects()
    assert {project.name for project in projects} == {"local", "research"}
    research = next(project.id for project in projects if project.name == "research")
    local = next(project.id for project in projects if project.name == "local")
    assert {grant.role for grant in await r.grants(project_id=research)} >= {"member", "invoker"}
    (ada,) = await r.users(name="ada")
    (key,) = await r.access_keys(ada.id)
    opened = await r.access_key(key.access)
    assert opened is not None
    assert opened.secret
    assert (await r.quotas(research))["real_time_services"] == 7
    assert "lab.small" in {flavor.name for flavor in await r.flavors()}
    assert [pool.name for pool in await r.pools(research)] == ["lab"]
    assert (await r.buckets())["images"] == research
    if "bucket_endpoints" in before:
        assert (await r.endpoints())["far"].secret_key == SECRET
    count, models = await r.models(local, ModelQuery())
    assert count == len(before["models"])
    assert {(model.name, model.version, str(model.status)) for model in models} >= {
        ("echo", "1.0.0", "published"),
        ("missing", "1.0.0", "failed"),
    }
    records = {record.service.name: record for record in await r.records()}
    assert len(records) == len(before["services"])
    statuses = {name: record.service.status for name, record in records.items()}
    expected = {
        "running": ServiceStatus.RUNNING,
        "stopped": ServiceStatus.STOPPED,
        "failed": ServiceStatus.FAILED,
    }
    assert expected.items() <= statuses.items()
    running = records["running"]
    (variant, _) = running.revisions[running.service.revision].variants
    assert ("TOKEN", SECRET) in variant.template.envs
    assert variant.weight == 70
    assert running.service.due_ms
    assert running.instances
    assert (await r.counters())[running.service.id].totals.total == 1
    (app,) = await r.bound_apps(running.service.id)
    assert [code.code for code in await r.app_codes(app.id)] != []
    for name, record in records.items():
        events, _ = await r.events(record.service.id, EventQuery())
        assert events > 0, name
        assert await r.rollouts(record.service.id)
        assert len(await r.revisions(record.service.id)) >= 1
    if "batch_tasks" in before:
        (task,) = await r.tasks(records["scores"].service.id)
        assert task.counts.rows_done > 0
        sources = await r.sources(task.id)
        assert {source.key.rpartition("/")[2] for source in sources} == {"few.csv", "more.csv"}
        splits = await r.splits(task.id)
        assert sum(split.rows for split in splits) == 204
    if before.get("audit"):
        count, _ = await r.audit(AuditQuery())
        assert count == len(before["audit"])
    if before.get("topics"):
        _, (topic,) = await r.topics(local, Window())
        _, (subscription,) = await r.subscriptions(local, topic.urn, Window())
        assert subscription.endpoint == "ada@example.com"
        (group,) = await r.log_groups(local)
        (stream,) = await r.log_streams(local, group.id)
        assert len(await r.channels(stream.id)) == 1


async def opening(
    where: Path | str, key: Path, at: int, *, then: str = "kill", most_bytes: int = 0
) -> tuple[int | None, str]:
    """In a process that is killed before its statement number `at`, or has no room from there on; or may write no
    file larger than `most_bytes`. With 0 it says how many statements there were."""

    def bound() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _OPEN, str(where), str(key), str(at), then),
        stderr=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": "src"},
        preexec_fn=bound if most_bytes else None,
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


@pytest.fixture(scope="module")
def statements(request: pytest.FixtureRequest) -> Callable[[str], Awaitable[int]]:
    """How many there are in an opening of a database of 0005, by the kind of database."""
    known: dict[str, int] = {}

    async def whole(kind: str) -> int:
        if kind not in known:
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                cluster = request.getfixturevalue("postgresql") if kind == "postgresql" else None
                url = stack.enter_context(cluster.database()) if cluster else ""
                where, _ = prepared("0005", folder, url)
                status, said = await opening(where, folder / "keys" / "store.key", 0)
            assert status == 0, said
            known[kind] = int(said)
        return known[kind]

    return whole


@pytest.mark.parametrize("tenths", range(11))
async def test_killed_at_any_statement_it_is_as_before_or_as_after(
    tenths: int, kind: str, database: str, statements: Callable[[str], Awaitable[int]], tmp_path: Path
) -> None:
    at = 1 + (await statements(kind) - 1) * tenths // 10  # from the first to the last
    where, address = prepared("0005", tmp_path, database)
    before, old_shape = look(address)
    status, said = await opening(where, tmp_path / "keys" / "store.key", at)
    assert status == -signal.SIGKILL, said
    after, shape = look(address)
    if after["alembic_version"] == before["alembic_version"]:
        assert (after, shape) == (before, old_shape)
    else:
        assert after["alembic_version"] == [{"version_num": migrations.HEAD}]
    await open_and_read(where, tmp_path / "keys" / "store.key", before)
    assert_kept(before, look(address)[0])


@pytest.mark.parametrize("at", [0, 5, 12, 20])
async def test_a_full_disk_changes_nothing_and_is_named(at: int, tmp_path: Path) -> None:
    """0: while the copy is made that is kept."""
    where, address = prepared("0003", tmp_path, "")
    assert isinstance(where, Path)
    before, old_shape = look(address)
    most = 0 if at else where.stat().st_size - 4096
    status, said = await opening(where, tmp_path / "keys" / "store.key", at, then="full", most_bytes=most)
    assert status == 1, said
    (line,) = said.splitlines()
    assert ("disk is full" if at else "modelyard.db.before-0003 cannot be written") in line
    assert not list(tmp_path.glob("*.part"))
    assert look(address) == (before, old_shape)
    await open_and_read(where, tmp_path / "keys" / "store.key", before)


@pytest.mark.parametrize("number", NUMBERS)
async def test_a_later_schema_is_refused_whole(number: str, kind: str, database: str, tmp_path: Path) -> None:
    """As this release's is by one that knows no more than that number."""
    where, address = prepared(number, tmp_path, database)
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    before = look(address)
    with pytest.raises(SchemaError, match=r"schema 9999, this release knows .*newer release"):
        await SqlStore(where, key_file=tmp_path / "keys" / "store.key").open()
    assert look(address) == before
    assert not list(tmp_path.glob("*.before-*"))
