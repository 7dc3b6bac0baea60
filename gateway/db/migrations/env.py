"""Runs revisions on the connection that `gateway.db.migrate` hands over."""

from alembic import context

from gateway.db.metadata import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
