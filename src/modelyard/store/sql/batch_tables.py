"""The ledger of batch services: its tables. See `tables`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from modelyard.store.sql.tables import child_of, metadata

batch_tasks = Table(
    "batch_tasks",
    metadata,
    Column("id", String, primary_key=True),
    Column("service_id", String, child_of("services"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("rollout", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("started_ms", BigInteger),
    Column("finished_ms", BigInteger),
    Column("planned", Boolean, nullable=False),
    Column("cursor", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("waiting", Text, nullable=False),
    Column("retries", Integer, nullable=False),
    *(
        Column(name, BigInteger, nullable=False)
        for name in (
            "sources",
            "sources_failed",
            "bytes",
            "splits",
            "splits_done",
            "rows",
            "rows_done",
            "rows_failed",
        )
    ),
    UniqueConstraint("service_id", "number"),
)

batch_sources = Table(
    "batch_sources",
    metadata,
    Column("task_id", String, child_of("batch_tasks"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("location", Text, nullable=False),
    Column("sealed_location", LargeBinary),
    Column("bucket", String, nullable=False),
    Column("key", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("version", String, nullable=False),
    Column("result", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("result_version", String, nullable=False),
    Index(None, "task_id", "result"),
)

batch_splits = Table(
    "batch_splits",
    metadata,
    Column("task_id", String, child_of("batch_tasks"), primary_key=True),
    Column("source", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),
    Column("first_row", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("worker", String, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("part", Text, nullable=False),
    Column("part_bytes", BigInteger, nullable=False),
    Column("part_size", BigInteger, nullable=False),
    Column("retry", Boolean, nullable=False),
    Column("content", LargeBinary),
    Index(None, "task_id", "state", "source", "start"),
)
