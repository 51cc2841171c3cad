"""Alembic's way into the database: it is handed an open connection by `storage.migrate`."""

from alembic import context

from fhir_server.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
