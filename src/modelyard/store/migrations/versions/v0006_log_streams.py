"""Groups and streams of logs, which services they show, and how far lines were exported."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "log_groups",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ttl_days", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_groups")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_log_groups_project_id_name")),
    )
    op.create_table(
        "log_streams",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ttl_days", sa.Integer(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        _child_of("log_groups", "log_streams", "group_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_streams")),
        sa.UniqueConstraint("group_id", "name", name=op.f("uq_log_streams_group_id_name")),
    )
    op.create_index(op.f("ix_log_streams_project_id"), "log_streams", ["project_id"], unique=False)
    op.create_table(
        "log_channels",
        sa.Column("stream_id", sa.String(), nullable=False),
        sa.Column("service_id", sa.String(), nullable=False),
        sa.Column("service_name", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        _child_of("log_streams", "log_channels", "stream_id"),
        sa.PrimaryKeyConstraint("stream_id", "service_id", name=op.f("pk_log_channels")),
    )
    op.create_index(op.f("ix_log_channels_service_id"), "log_channels", ["service_id"], unique=False)
    op.create_table(
        "log_exports",
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("service_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("target", "service_id", name=op.f("pk_log_exports")),
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
