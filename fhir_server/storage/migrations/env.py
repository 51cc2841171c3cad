"""Alembic's way into the database: it is handed an open connection by `storage.migrate`."""

from alembic import context

from fhir_server.storage.ledgers import inbox

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=inbox.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
