"""Logs: the tables of names under which they are read, and of how far they were exported. See `tables`."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, UniqueConstraint

from modelyard.store.sql.tables import child_of, metadata

log_groups = Table(
    "log_groups",
    metadata,
    Column("id", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("ttl_days", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("project_id", "name"),
)

log_streams = Table(
    "log_streams",
    metadata,
    Column("id", String, primary_key=True),
    Column("group_id", String, child_of("log_groups"), nullable=False),
    Column("project_id", String, nullable=False, index=True),
    Column("name", String, nullable=False),
    Column("ttl_days", Integer),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("group_id", "name"),
)

log_channels = Table(
    "log_channels",
    metadata,
    Column("stream_id", String, child_of("log_streams"), primary_key=True),
    Column("service_id", String, primary_key=True, index=True),
    Column("service_name", String, nullable=False),
    Column("project_id", String, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)
"""A channel outlives its service, as the service's lines do."""

log_exports = Table(
    "log_exports",
    metadata,
    Column("target", String, primary_key=True),
    Column("service_id", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
)
