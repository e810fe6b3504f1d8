"""Small parts of batch tasks, which lie in the row of their split."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("batch_splits", sa.Column("content", sa.LargeBinary()))
