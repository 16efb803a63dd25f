"""Alembic's door to our tables: on a connection it is handed, or as SQL text for a dialect."""

from alembic import context

from headrace.store.tables import Row

settings = context.config.attributes

if context.is_offline_mode():
    context.configure(dialect_name=settings["dialect"], target_metadata=Row.metadata, literal_binds=True)
else:
    # Batch mode: SQLite cannot alter a column, so its tables are made again.
    context.configure(connection=settings["connection"], target_metadata=Row.metadata, render_as_batch=True)

with context.begin_transaction():
    context.run_migrations()
