"""Where an instance was seen last, so that it stays in the routing while its engine cannot look there."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Unknown of the instances that there are: noted when they are seen next."""
    for name in ("node", "address"):
        op.add_column("instances", sa.Column(name, sa.String(), nullable=False, server_default=""))
