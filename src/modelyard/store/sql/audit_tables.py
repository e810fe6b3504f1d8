"""The tables of the audit, and the triggers that keep it append-only.

A row cannot be changed at all. It can be removed only when `audit_cuts` says that its lane was cut there: so a
removal leaves a trace, also when somebody makes it by hand. (Whoever may change the schema can drop the triggers:
against those who own the database only a copy elsewhere helps, see the record of the audit.)
"""

from sqlalchemy import DDL, JSON, BigInteger, Column, Index, Integer, String, Table, event

from modelyard.store.sql.tables import metadata, serial

audit = Table(
    "audit",
    metadata,
    Column("number", serial, primary_key=True, autoincrement=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("lane", String, nullable=False),
    Column("project_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("user_name", String, nullable=False),
    Column("means", String, nullable=False),
    Column("action", String, nullable=False),
    Column("resource", String, nullable=False),
    Column("name", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error_code", String, nullable=False),
    Column("address", String, nullable=False),
    Column("agent", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("until_ms", BigInteger),
    Index(None, "lane", "number"),
    Index(None, "project_id", "number"),
    sqlite_autoincrement=True,
)
"""A number is never given twice, also not that of a row that was removed."""

audit_cuts = Table(
    "audit_cuts",
    metadata,
    Column("lane", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

_SQLITE = (
    """CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'rows of the audit do not change'); END""",
    """CREATE TRIGGER audit_kept BEFORE DELETE ON audit
    WHEN NOT EXISTS (SELECT 1 FROM audit_cuts WHERE lane = OLD.lane AND number >= OLD.number)
    BEGIN SELECT RAISE(ABORT, 'rows of the audit are removed where audit_cuts says so, and nowhere else'); END""",
)
_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION 'rows of the audit do not change'; END IF;
        IF NOT EXISTS (SELECT 1 FROM audit_cuts WHERE lane = OLD.lane AND number >= OLD.number) THEN
            RAISE EXCEPTION 'rows of the audit are removed where audit_cuts says so, and nowhere else';
        END IF;
        RETURN OLD;
    END $body$""",
    "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays()",
)

for _dialect, _statements in (("sqlite", _SQLITE), ("postgresql", _POSTGRESQL)):
    for _statement in _statements:
        _trigger = DDL(_statement)  # type: ignore[no-untyped-call]
        event.listen(audit_cuts, "after_create", _trigger.execute_if(dialect=_dialect))
