"""Which accelerators an instance was granted."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Nothing was granted before: those that run may use whatever they find."""
    op.add_column("instances", sa.Column("devices", sa.JSON(), nullable=True))
