"""Registries: the table of what projects are known by there. See `tables`."""

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table

from modelyard.store.sql.tables import metadata

registry_logins = Table(
    "registry_logins",
    metadata,
    Column("project_id", String, primary_key=True),
    Column("registry", String, primary_key=True),
    Column("user_name", String, nullable=False),
    Column("sealed_password", LargeBinary, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)
