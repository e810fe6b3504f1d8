"""The ledger of batch services: tasks, their sources, their splits."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

COUNTS = ("sources", "sources_failed", "bytes", "splits", "splits_done", "rows", "rows_done", "rows_failed")


def upgrade() -> None:
    op.create_table(
        "batch_tasks",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("service_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("rollout", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("finished_ms", sa.BigInteger(), nullable=True),
        sa.Column("planned", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("waiting", sa.Text(), nullable=False),
        sa.Column("retries", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        _child_of("services", "batch_tasks", "service_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_tasks")),
        sa.UniqueConstraint("service_id", "number", name=op.f("uq_batch_tasks_service_id_number")),
    )
    op.create_table(
        "batch_sources",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("sealed_location", sa.LargeBinary(), nullable=True),
        sa.Column("bucket", sa.String(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("result_version", sa.String(), nullable=False),
        _child_of("batch_tasks", "batch_sources", "task_id"),
        sa.PrimaryKeyConstraint("task_id", "number", name=op.f("pk_batch_sources")),
    )
    op.create_index(op.f("ix_batch_sources_task_id_result"), "batch_sources", ["task_id", "result"], unique=False)
    op.create_table(
        "batch_splits",
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("source", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("first_row", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("part_bytes", sa.BigInteger(), nullable=False),
        sa.Column("part_size", sa.BigInteger(), nullable=False),
        sa.Column("retry", sa.Boolean(), nullable=False),
        _child_of("batch_tasks", "batch_splits", "task_id"),
        sa.PrimaryKeyConstraint("task_id", "source", "start", name=op.f("pk_batch_splits")),
    )
    op.create_index(
        op.f("ix_batch_splits_task_id_state_source_start"),
        "batch_splits",
        ["task_id", "state", "source", "start"],
        unique=False,
    )


def _child_of(parent: str, table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [f"{parent}.id"],
        name=op.f(f"fk_{table}_{column}"),
        ondelete="CASCADE",
        initially="DEFERRED",
        deferrable=True,
    )
