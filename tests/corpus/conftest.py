"""One store for all cases: their persons and appointments differ."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.receive import Receiver
from adapters.service import build_house
from fhir_server import settings


@pytest.fixture(scope="module")
def shared_receiver(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """The demonstration's hospital, whose listener takes any sending facility."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.db"
    shutil.copy(sqlite_template, path)
    house = build_house(settings.load({}, database_url=f"sqlite:///{path}", demo=True), pool_size=2)
    yield house.receiver("hospital")
    house.services.close()
