"""Traces: their tables. See `tables`."""

from sqlalchemy import Column, String, Table
from sqlalchemy.types import JSON

from modelyard.store.sql.tables import child_of, metadata, serial

open_traces = Table(
    "open_traces",
    metadata,
    Column("service_id", String, child_of("services"), primary_key=True),
    Column("trace", JSON, nullable=False),
)

spans = Table(
    "spans",
    metadata,
    Column("number", serial, primary_key=True, autoincrement=True),
    Column("span_id", String, nullable=False, unique=True),
    Column("span", JSON, nullable=False),
)
"""Without a service: what was told of one that is gone is exported all the same."""
