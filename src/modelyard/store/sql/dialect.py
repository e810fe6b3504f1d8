"""What differs between databases: engines, how a writer begins, upsert, copies, what is left of deleted rows.

There are two, `sqlite.py` and `postgresql.py`; everything else in this folder is the same for both.
"""

from pathlib import Path
from typing import Protocol

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

Insert = sqlite.Insert | postgresql.Insert


class Dialect(Protocol):
    """One database. Its engines are the caller's to dispose of."""

    def prepare(self) -> None:
        """Before the first connection."""

    def lost(self) -> bool:
        """Whether the place of the database exists but is empty."""

    def writer(self) -> AsyncEngine:
        """One connection, whose transactions are serialised with every other writer's."""

    def reader(self, size: int) -> AsyncEngine:
        """Connections that cannot write, each transaction of which sees one state."""

    def visitor(self) -> AsyncEngine:
        """One connection that writes while another process may be the writer."""

    def migrator(self) -> AsyncEngine:
        """Like `writer`, with foreign keys not enforced where a table can only be changed by rebuilding it."""

    def insert(self, table: Table) -> Insert: ...

    async def backup(self, version: str) -> None:
        """Keep a whole copy of the database before a migration from `version`, if backups are our job."""

    def kept(self, version: str) -> Path | None:
        """That copy, if it is still there."""

    async def scrub(self) -> None:
        """Leave no trace in the files of what was overwritten or deleted. No connection may be open. Raises
        StoreUnavailableError or the driver's error when it cannot."""
