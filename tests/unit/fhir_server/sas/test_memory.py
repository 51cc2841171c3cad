"""What was shaped is found again under its key, and the oldest goes first."""

import pytest

from fhir_server.sas import memory
from fhir_server.sas.memory import Memory, Shaped, memory_of
from fhir_server.sas.parts import Shown
from fhir_server.storage.database import Database

ONE = Shaped((), (), Shown("1", "{}"))


def test_the_oldest_goes_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST", 2)
    kept = Memory()

    for key in ("a", "b", "c"):
        kept.put(key, ONE)

    assert [None, ONE, ONE] == [kept.get(key) for key in ("a", "b", "c")]


def test_each_database_has_its_own() -> None:
    one, other = Database("sqlite://"), Database("sqlite://")
    memory_of(one).put("a", ONE)

    assert (ONE, None) == (memory_of(one).get("a"), memory_of(other).get("a"))
