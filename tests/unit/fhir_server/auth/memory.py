"""Partners and keys kept in memory, and a clock that stands still until told otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fhir_server.auth.changes import Change
from fhir_server.auth.throttle import Wrongs, counted
from fhir_server.kernel import json

NOW_MS = 1_767_596_400_000


@dataclass
class StillClock:
    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class MemoryPartners:
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)

    def find(self, client_id: str) -> str | None:
        row = self.rows.get(client_id)
        return None if row is None else json.encode(row).decode()

    def is_suspended(self, client_id: str) -> bool:
        return client_id in self.suspended


@dataclass
class MemoryChanges:
    told: list[Change] = field(default_factory=list)

    def since(self, pk: int) -> Sequence[Change]:
        return self.told[pk:]

    def add(self, kind: str, subject: str, until_ms: int) -> None:
        self.told.append(Change(len(self.told) + 1, kind, subject, until_ms))


@dataclass
class MemoryWrongs:
    counted: dict[str, Wrongs] = field(default_factory=dict)

    def find(self, client_id: str) -> Wrongs | None:
        return self.counted.get(client_id)

    def note(self, client_id: str, now_ms: int) -> None:
        self.counted[client_id] = counted(self.counted.get(client_id), now_ms)

    def clear(self, client_id: str) -> None:
        self.counted.pop(client_id, None)


@dataclass
class MemoryAssertions:
    used: set[tuple[str, str]] = field(default_factory=set)

    def use(self, client_id: str, jti_hash: str, until_ms: int) -> bool:
        is_new = (client_id, jti_hash) not in self.used
        self.used.add((client_id, jti_hash))
        return is_new


@dataclass
class MemoryKeys:
    bodies: dict[str, str] = field(default_factory=dict)

    def list(self) -> Sequence[str]:
        return tuple(reversed(self.bodies.values()))

    def add_first(self, kid: str, body: str) -> None:
        if not self.bodies:
            self.bodies[kid] = body
