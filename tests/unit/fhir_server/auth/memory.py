"""Partners and keys kept in memory, and a clock that stands still until told otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

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

    def find(self, client_id: str) -> str | None:
        row = self.rows.get(client_id)
        return None if row is None else json.encode(row).decode()


@dataclass
class MemoryKeys:
    bodies: dict[str, str] = field(default_factory=dict)

    def list(self) -> Sequence[str]:
        return tuple(reversed(self.bodies.values()))

    def add_first(self, kid: str, body: str) -> None:
        if not self.bodies:
            self.bodies[kid] = body
