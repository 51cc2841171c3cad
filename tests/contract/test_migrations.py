"""The migrations make the very tables that the code describes, and can be undone."""

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from fhir_server.storage import migrate
from fhir_server.storage.database import Database
from fhir_server.storage.ledgers import inbox


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.close()


def test_the_schema_is_what_the_tables_say(database: Database) -> None:
    with database.begin() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert compare_metadata(context, inbox.metadata) == []
    assert migrate.is_current(database)


def test_it_goes_down_and_up_again(database: Database) -> None:
    migrate.downgrade(database, "base")
    left = [name for name in inspect(database.engine).get_table_names() if name != "alembic_version"]
    migrate.upgrade(database)

    assert left == []
    assert migrate.is_current(database)
