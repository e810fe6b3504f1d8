"""Secrets: the table of those of projects. See `tables`."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from modelyard.store.sql.tables import metadata

project_secrets = Table(
    "project_secrets",
    metadata,
    Column("project_id", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sealed_value", LargeBinary, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)
