"""Run by Alembic: upgrades on the connection that `schema.upgrade` (or a developer's command) gives it."""

from __future__ import annotations

from alembic import context

from avvp_studio.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
