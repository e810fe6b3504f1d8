"""What projects are known by to registries of images."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "registry_logins",
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("registry", sa.String(), nullable=False),
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "registry", name=op.f("pk_registry_logins")),
    )
