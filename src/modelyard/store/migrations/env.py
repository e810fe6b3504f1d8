"""Alembic's entry: runs on the connection that `store.sql.schema` passes, inside its transaction."""

from alembic import context

from modelyard.store.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
