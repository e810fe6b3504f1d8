"""Whole copies of a database: into an SQLite file, whatever it lies in, and from such a file into PostgreSQL.

A copy is of one moment, and takes no lock that a writer would wait for. The rows are the same in both, so a copy
is also the way from one to the other; what differs are the counters behind numbers that are never given twice.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from modelyard import files
from modelyard.store import migrations
from modelyard.store.base import NewerSchemaError, SchemaError
from modelyard.store.sql import schema
from modelyard.store.sql.dialect import Dialect
from modelyard.store.sql.sqlite import Sqlite
from modelyard.store.sql.tables import metadata

TOGETHER = 500
"""Rows that are held at a time."""


async def copy_file(source: Path, target: Path) -> None:
    """Of an SQLite file that others may write; `target` must not be there. Raises sqlite3.Error."""
    await asyncio.to_thread(_copy_file, source, target)


def _copy_file(source: Path, target: Path) -> None:
    """VACUUM INTO reads one moment as any reader does, and leaves out what deleted rows left behind."""
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _vacuum(source, target)
    except sqlite3.OperationalError:
        if not os.statvfs(source).f_flag & os.ST_RDONLY:
            raise
        _vacuum_frozen(source, target)
    files.sync(target)


def _vacuum(source: Path, target: Path) -> None:
    connection = existing(source)
    try:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()


def _vacuum_frozen(source: Path, target: Path) -> None:
    """Of files on a file system that is read-only, beside which SQLite cannot lay what it reads them with."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        copy = Path(folder) / source.name
        for end in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{source}{end}", f"{copy}{end}")
        _vacuum(copy, target)


def existing(path: Path) -> sqlite3.Connection:
    """Of a file that is there: one that is not is not made. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30)


async def copy_rows(source: Dialect, target: Path) -> None:
    """Of a database of this release's schema into a new SQLite file. Raises SchemaError, the driver's errors."""
    into = Sqlite(target, durable=False)
    into.prepare()
    reader, writer = source.reader(1), into.migrator()
    try:
        async with reader.connect() as reading, writer.begin() as writing:
            if (version := await reading.run_sync(schema.version_of)) != migrations.HEAD:
                raise SchemaError(
                    f"the database has schema {version}, not {migrations.HEAD}: start this release on it once"
                )
            await writing.run_sync(schema.create)
            for table in metadata.sorted_tables:
                await _rows(table, reading, writing)
            await _keep_numbers(reading, writing)
    finally:
        await reader.dispose()
        await writer.dispose()
    await asyncio.to_thread(single_file, target)
    files.sync(target)


async def fill(target: Dialect, source: Path) -> None:
    """An empty database with what an SQLite file of this release's schema holds: all of it, or nothing. Raises
    SchemaError when it is not empty, and the driver's errors."""
    of = Sqlite(source)
    reader, writer = of.reader(1), target.migrator()
    try:
        async with reader.connect() as reading, writer.begin() as writing:
            if await writing.run_sync(schema.version_of) is not None:
                raise SchemaError(f"{target} holds another Modelyard already: name an empty database")
            await writing.run_sync(schema.create)
            for table in metadata.sorted_tables:
                await _rows(table, reading, writing)
            await _go_on_counting(reading, writing)
    finally:
        await reader.dispose()
        await writer.dispose()


async def version(dialect: Dialect) -> str | None:
    engine: AsyncEngine = dialect.reader(1)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(schema.version_of)
    finally:
        await engine.dispose()


def single_file(path: Path) -> None:
    """Without the files that SQLite keeps beside one that is in use."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()


def verify(path: Path) -> str:
    """Its schema's version. Raises sqlite3.Error, SchemaError when it is damaged, NewerSchemaError."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise SchemaError(f"the database is damaged: {found}")
        if (orphan := connection.execute("PRAGMA foreign_key_check").fetchone()) is not None:
            raise SchemaError(f"the database is damaged: a row of {orphan[0]} has no parent")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    finally:
        connection.close()
    if row is None or row[0] not in migrations.KNOWN:
        raise NewerSchemaError(
            f"the database has schema {row[0] if row else None}, this release knows {migrations.HEAD} at most: "
            "it was written by a newer release of Modelyard; install that one"
        )
    return str(row[0])


def has_sealed(path: Path) -> bool:
    """Whether a file of this release's schema holds what only the key opens. Raises sqlite3.Error."""
    columns = [c for table in metadata.sorted_tables for c in table.columns if c.name.startswith("sealed")]
    connection = sqlite3.connect(path)
    try:
        for column in columns:
            name = column.name
            if connection.execute(
                f"SELECT 1 FROM {column.table.name} WHERE length({name}) > 0 LIMIT 1"  # noqa: S608
            ).fetchone():
                return True
    finally:
        connection.close()
    return False


def settle(path: Path, moved: Iterable[tuple[str, str]], *, objects: bool, logs: bool) -> None:
    """Make the rows of a restored copy fit the files around it. `moved`: the words by which objects are known that
    are not changed, before and after. Without `objects` nobody can tell whether an input that a task goes on with
    is the same one; without `logs` lines are counted anew."""
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute("CREATE TEMP TABLE moved (old TEXT PRIMARY KEY, new TEXT NOT NULL) WITHOUT ROWID")
        connection.executemany("INSERT OR REPLACE INTO temp.moved VALUES (?, ?)", moved)
        for column in ("version", "result_version"):
            if objects:
                connection.execute(
                    f"UPDATE batch_sources SET {column} = (SELECT new FROM temp.moved WHERE old = {column})"  # noqa: S608
                    f" WHERE {column} IN (SELECT old FROM temp.moved)"
                )
            else:
                connection.execute(
                    f"UPDATE batch_sources SET {column} = '' WHERE {column} GLOB '*[0-9a-f]-[0-9a-f]*-[0-9a-f]*'"  # noqa: S608
                )
        _settle_cursors(connection, objects=objects)
        if not logs:
            connection.execute("DELETE FROM log_exports")
        connection.commit()
    finally:
        connection.close()


def _settle_cursors(connection: sqlite3.Connection, *, objects: bool) -> None:
    """Of tasks whose input was not read to its end: it is a manifest of that version, which is read on."""
    for task, cursor in connection.execute("SELECT id, cursor FROM batch_tasks WHERE cursor <> ''").fetchall():
        try:
            said = json.loads(cursor)
        except ValueError:
            continue  # another kind of cursor
        new = connection.execute("SELECT new FROM temp.moved WHERE old = ?", (said.get("version", ""),)).fetchone()
        said["version"] = new[0] if new else said.get("version", "") if objects else ""
        written = json.dumps(said, separators=(",", ":"))
        connection.execute("UPDATE batch_tasks SET cursor = ? WHERE id = ?", (written, task))


async def _rows(table: Table, reading: AsyncConnection, writing: AsyncConnection) -> None:
    found = await reading.stream(select(table))
    async for some in found.mappings().partitions(TOGETHER):
        await writing.execute(table.insert(), [dict(row) for row in some])


def _numbered() -> list[tuple[Table, str]]:
    """Tables whose key the database counts, and that key."""
    found = []
    for table in metadata.sorted_tables:
        key: Any = table.autoincrement_column
        if key is not None:
            found.append((table, key.name))
    return found


async def _keep_numbers(reading: AsyncConnection, writing: AsyncConnection) -> None:
    """From PostgreSQL: SQLite remembers the highest number of a table that was told to."""
    for table, key in _numbered():
        if not table.dialect_options["sqlite"]["autoincrement"]:
            continue
        name = await reading.scalar(select(func.pg_get_serial_sequence(table.name, key)))
        last = await reading.scalar(text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}"))  # noqa: S608
        await writing.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        await writing.execute(
            text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"),
            {"name": table.name, "last": last},
        )


async def _go_on_counting(reading: AsyncConnection, writing: AsyncConnection) -> None:
    """Into PostgreSQL: its counters know nothing of rows that brought their numbers along."""
    kept = {
        str(name): int(last) for name, last in await reading.execute(text("SELECT name, seq FROM sqlite_sequence"))
    }
    for table, key in _numbered():
        highest = await reading.scalar(select(func.max(table.c[key]))) or 0
        last = max(int(highest), kept.get(table.name, 0))
        if last:
            sequence = func.pg_get_serial_sequence(table.name, key)
            await writing.execute(select(func.setval(sequence, last)))
