"""The audit, which only grows: its rows, where it was cut, and the triggers that hold it to that."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

SERIAL = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXTS = ("lane", "project_id", "user_id", "user_name", "means", "action", "resource", "name", "outcome")
MORE = ("error_code", "address", "agent", "reference")

TRIGGERS = {
    "sqlite": (
        """CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'rows of the audit do not change'); END""",
        """CREATE TRIGGER audit_kept BEFORE DELETE ON audit
    WHEN NOT EXISTS (SELECT 1 FROM audit_cuts WHERE lane = OLD.lane AND number >= OLD.number)
    BEGIN SELECT RAISE(ABORT, 'rows of the audit are removed where audit_cuts says so, and nowhere else'); END""",
    ),
    "postgresql": (
        """CREATE OR REPLACE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION 'rows of the audit do not change'; END IF;
        IF NOT EXISTS (SELECT 1 FROM audit_cuts WHERE lane = OLD.lane AND number >= OLD.number) THEN
            RAISE EXCEPTION 'rows of the audit are removed where audit_cuts says so, and nowhere else';
        END IF;
        RETURN OLD;
    END $body$""",
        "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays()",
    ),
}


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in TEXTS),
        sa.Column("status", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in MORE),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_lane_number"), "audit", ["lane", "number"], unique=False)
    op.create_index(op.f("ix_audit_project_id_number"), "audit", ["project_id", "number"], unique=False)
    op.create_table(
        "audit_cuts",
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_audit_cuts")),
    )
    for statement in TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)
