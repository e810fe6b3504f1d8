"""Schema versions. Each migration is one module in `versions/`; they run inside one transaction (`sql.schema`).

A database that is not there yet is made whole from `sql.tables` and stamped with the head: Alembic is imported
only where an older schema has to be brought forward. A test proves that both ways end in the same schema.
"""

KNOWN = (
    *("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012", "0013"),
    "0014",
)
"""Every version this release can read or bring forward, oldest first."""

HEAD = KNOWN[-1]
