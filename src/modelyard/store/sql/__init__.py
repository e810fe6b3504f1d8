"""The store on SQLAlchemy Core: SQLite embedded, PostgreSQL with the same code (`dialect.py` holds the rest)."""

from modelyard.store.sql.store import SqlStore

__all__ = ["SqlStore"]
