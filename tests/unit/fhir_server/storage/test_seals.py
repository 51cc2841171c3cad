"""What cursors are sealed with: shared by processes, renewed with the signing keys."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, delete, insert

from fhir_server.kernel.errors import FhirError
from fhir_server.search import cursor
from fhir_server.search.model import Position
from fhir_server.storage import seals
from fhir_server.storage.database import Database
from fhir_server.storage.ledgers import signing_key

PLACE = Position((), 7)


@pytest.fixture
def processes(database_url: str) -> Iterator[tuple[Connection, Connection]]:
    """Two that share one store."""
    databases = Database(database_url), Database(database_url)
    one, other = (database.read() for database in databases)
    add_key(one, "first", 1)
    yield one, other
    for database in databases:
        database.close()


def add_key(connection: Connection, kid: str, created_ms: int) -> None:
    connection.execute(insert(signing_key), {"kid": kid, "body": f'{{"d":"{kid}"}}', "created_ms": created_ms})


def sealed(connection: Connection) -> str:
    return cursor.write(seals.newest(connection), "list", PLACE)


def opened(connection: Connection, text: str) -> Position:
    return cursor.read(seals.every(connection), "list", text, ())


def test_one_process_opens_what_another_sealed(processes: tuple[Connection, Connection]) -> None:
    one, other = processes

    assert PLACE == opened(other, sealed(one))


def test_a_key_made_since_is_found(processes: tuple[Connection, Connection]) -> None:
    one, other = processes
    old = sealed(one)
    assert PLACE == opened(one, old)
    add_key(one, "second", 2)

    new = sealed(other)

    assert old != new
    assert PLACE == opened(one, new)
    assert PLACE == opened(other, old)


def test_a_key_withdrawn_opens_nothing_for_who_never_knew_it(processes: tuple[Connection, Connection]) -> None:
    one, other = processes
    text = sealed(one)
    one.execute(delete(signing_key))

    with pytest.raises(FhirError):
        opened(other, text)
