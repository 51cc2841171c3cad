"""Slots that were shaped, by id, version and moment of writing: what is asked again is neither read nor shaped again.

A slot that changes has another version, so that nothing here goes stale.
"""

import threading
from collections.abc import Hashable
from typing import NamedTuple
from weakref import WeakKeyDictionary

from fhir_server.sas.parts import Shown, Unfit
from fhir_server.storage.database import Database

#: Slots remembered, of about 1 kB each: three days of the agendas of a large territory.
MOST = 32_768


class Shaped(NamedTuple):
    """A slot in one shape."""

    #: Ids of the HealthcareServices that it names, and those of them that were known when it was shaped.
    named: tuple[str, ...]
    known: tuple[str, ...]
    one: Shown | Unfit


class Memory:
    """The slots of one database."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Shaped] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Shaped | None:
        """What was kept under a key, if it still is."""
        return self._kept.get(key)

    def put(self, key: Hashable, shaped: Shaped) -> None:
        """Keep it, instead of the oldest when they are many."""
        with self._lock:
            self._kept[key] = shaped
            if len(self._kept) > MOST:
                del self._kept[next(iter(self._kept))]


_memories: WeakKeyDictionary[Database, Memory] = WeakKeyDictionary()


def memory_of(database: Database) -> Memory:
    """The memory of this process for a database."""
    return _memories.setdefault(database, Memory())
