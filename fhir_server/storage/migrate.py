"""Bring a database's schema to a version of ours."""

from collections.abc import Iterable
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from fhir_server.storage import declared
from fhir_server.storage.database import Database


def upgrade(database: Database, revision: str = "head", declarations: Iterable[dict[str, Any]] = ()) -> None:
    """Apply what is missing; several processes may start at once, one does the work.

    At the head, what the server declares of itself is brought up to date too, `declarations` with it.
    """
    with database.begin() as connection:
        database.lock(connection, ["migrations"])
        command.upgrade(_config(connection), revision)
    if revision == "head":
        # They follow the registry, as the schema follows the code.
        declared.bring_up_to_date(database, declarations)


def downgrade(database: Database, revision: str) -> None:
    """Go back to an earlier version of the schema (`base` for none)."""
    with database.begin() as connection:
        command.downgrade(_config(connection), revision)


def is_current(database: Database) -> bool:
    """Whether the schema is the one this code was written for."""
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    with database.begin() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", "fhir_server.storage:migrations")
    config.attributes["connection"] = connection
    return config
