"""Run by alembic for each upgrade; the connection comes from `softswitch.store.migrate`, never from a file."""

from alembic import context

from softswitch.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
