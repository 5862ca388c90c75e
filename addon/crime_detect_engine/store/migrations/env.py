"""Owns how Alembic runs a step: on the connection it is given, in that connection's transaction."""

from __future__ import annotations

from alembic import context

from crime_detect_engine.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    # SQLite can roll back table changes, so that an interrupted migration leaves the database as it was.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
