"""Values of environment variables are sealed. No table changes: this marks that earlier releases cannot read the
rows any more. The rows themselves are sealed when the store is opened (`sql.store`), which has the key."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Nothing to do for the schema."""
