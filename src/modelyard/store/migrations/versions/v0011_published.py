"""How much a project has published is counted; tokens of subscriptions are sealed, and looked up by nobody."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    columns = ["project_id", "service_id", "number"]
    op.create_index(op.f("ix_messages_project_id_service_id_number"), "messages", columns, unique=False)
    op.drop_index(op.f("ix_subscriptions_token"), "subscriptions")
