"""Stores filled with small random worlds."""

from collections.abc import Iterator

import pytest

from fhir_server.storage import select, select_start
from fhir_server.storage.database import Database
from tests.property.search_store import Store, fill
from tests.property.search_worlds import world


@pytest.fixture(params=[1, 2])
def store(database_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """One of two worlds, in a database of each kind. In the second a handful of rows is too many already."""
    if request.param == 2:
        monkeypatch.setattr(select_start, "MOST", 1)
        monkeypatch.setattr(select, "STEPS", 3)
    database = Database(database_url)
    placed = world(request.param)
    with database.begin() as connection:
        fill(connection, placed)
    yield Store(database.read(), placed)
    database.close()
