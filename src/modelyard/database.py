"""Which database a data directory has, and that it keeps it: a file in it, or PostgreSQL by `database_url`.

What runs belongs to what is stored. On another database every instance would be a stranger and be ended, so a data
directory that was used with one is refused with the other; the message says what to do.
"""

from collections.abc import Callable
from pathlib import Path

from modelyard import files
from modelyard.processes.datadir import DataDirError
from modelyard.settings import Settings
from modelyard.store.sql import SqlStore

FILE = "modelyard.db"
MARK = "database"
"""Says, without user and password, where the database is that is not in the data directory."""


def store_of(settings: Settings, took: Callable[[str, float], None] = lambda _kind, _seconds: None) -> SqlStore:
    """Not opened yet. `took`: see there. Raises DataDirError, StoreUnavailableError."""
    data_dir = settings.data_dir.absolute()
    file, mark, key = data_dir / FILE, data_dir / MARK, data_dir / "keys" / "store.key"
    if not settings.database_url:
        if mark.exists():
            where = files.read(mark).decode(errors="replace").strip()
            raise DataDirError(f"what {data_dir} stores is in {where}: set MODELYARD_DATABASE_URL")
        return SqlStore(file, key_file=key, took=took)
    if file.exists():
        raise DataDirError(
            f"what {data_dir} stores is in {file}: use another data directory with MODELYARD_DATABASE_URL,"
            " or this one without"
        )
    return SqlStore(settings.database_url, key_file=key, took=took)


def remember(settings: Settings, store: SqlStore) -> None:
    """Write down where an opened store is. Call before anything is started for it."""
    if settings.database_url:
        files.keep(settings.data_dir.absolute() / MARK, f"{store}\n".encode())


def named(settings: Settings) -> bool:
    """Whether the settings say where the database is, if it is not in the data directory."""
    return bool(settings.database_url) or not (settings.data_dir.absolute() / MARK).exists()


def used(data_dir: Path) -> bool:
    """Whether a database was ever opened for it."""
    return (data_dir / FILE).exists() or (data_dir / MARK).exists()
