"""Changes under way as traces, and spans that wait to be exported."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

SERIAL = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "open_traces",
        sa.Column("service_id", sa.String(), nullable=False),
        sa.Column("trace", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["services.id"],
            name=op.f("fk_open_traces_service_id"),
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_open_traces")),
    )
    op.create_table(
        "spans",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("span_id", sa.String(), nullable=False),
        sa.Column("span", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_spans")),
        sa.UniqueConstraint("span_id", name=op.f("uq_spans_span_id")),
    )
