"""Notifications: their tables. See `tables`."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint
from sqlalchemy.types import JSON

from modelyard.store.sql.tables import child_of, metadata, serial

topics = Table(
    "topics",
    metadata,
    Column("urn", String, primary_key=True),
    Column("project_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    UniqueConstraint("project_id", "name"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("urn", String, primary_key=True),
    Column("topic_urn", String, child_of("topics", "urn"), nullable=False),
    Column("project_id", String, nullable=False),
    Column("protocol", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("remark", Text, nullable=False),
    Column("format", String, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("token", String, nullable=False),
    Column("confirm_until_ms", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index(None, "topic_urn", "created_ms"),
    Index(None, "project_id", "created_ms"),
)

messages = Table(
    "messages",
    metadata,
    Column("number", serial, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False),
    Column("project_id", String, nullable=False),
    Column("topic_urn", String, child_of("topics", "urn"), nullable=False, index=True),
    Column("service_id", String, nullable=False),
    Column("occurrence", Integer),
    Column("type", String, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("texts", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False, index=True),
    Column("expires_ms", BigInteger),
    UniqueConstraint("id"),
    Index(None, "project_id", "service_id", "number"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("subscription_urn", String, child_of("subscriptions", "urn"), primary_key=True),
    Column("number", BigInteger, child_of("messages", "number"), primary_key=True, autoincrement=False),
    Column("service_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("ended_ms", BigInteger),
    Index(None, "number"),
    Index(None, "state", "subscription_urn", "service_id", "number"),
)
