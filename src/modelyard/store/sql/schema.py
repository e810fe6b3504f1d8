"""Bringing the schema to this release, in one transaction, or refusing with a reason.

nothing there            create every table, stamp the head
the head                 nothing to do (Alembic is not even imported)
an older known version   keep a copy of a SQLite file, migrate
anything else            refuse: written by a newer release, or not ours
"""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, PrimaryKeyConstraint, String, Table, inspect, select, text

from modelyard.store import migrations
from modelyard.store.base import NewerSchemaError, SchemaError
from modelyard.store.sql.dialect import Dialect
from modelyard.store.sql.session import settled, translated
from modelyard.store.sql.tables import metadata

_version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


async def ensure(dialect: Dialect) -> None:
    """Raises SchemaError if the database is not one that this release can use."""
    with translated():
        await settled(_ensure(dialect))


async def _ensure(dialect: Dialect) -> None:
    engine = dialect.migrator()
    try:
        async with engine.begin() as connection:
            version = await connection.run_sync(version_of)
            if version == migrations.HEAD:
                return
            if version is None:
                await connection.run_sync(create)
                return
            if version not in migrations.KNOWN:
                raise NewerSchemaError(
                    f"the database has schema {version}, this release knows {migrations.HEAD} at most: "
                    "it was written by a newer release of Modelyard; install that release, or restore a backup"
                )
            await dialect.backup(version)
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


def version_of(connection: Connection) -> str | None:
    """None: nothing is there. Raises SchemaError for tables that are not ours."""
    names = set(inspect(connection).get_table_names())
    if _version.name not in names:
        if names & metadata.tables.keys():
            raise SchemaError("the database has tables of these names that are not Modelyard's")
        return None
    version = connection.execute(select(_version)).scalar()
    return None if version is None else str(version)


def create(connection: Connection) -> None:
    """Every table, stamped with the head."""
    metadata.create_all(connection, checkfirst=False)
    _version.create(connection, checkfirst=True)
    connection.execute(_version.insert().values(version_num=migrations.HEAD))


def migrate(connection: Connection, target: str = "head") -> None:
    """From whatever version is there (or nothing) to `target`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, target)
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise SchemaError("the migration would leave rows without their parents; nothing was changed")
