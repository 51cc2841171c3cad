"""The statements that run in this process, caught on their way to the database driver."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

from fhir_server.kernel import json


@dataclass(frozen=True, slots=True)
class Recorded:
    """One statement as the database driver got it."""

    statement: str
    values: Any
    is_many: bool

    @property
    def makes_resource(self) -> bool:
        """Whether it inserts resources, alone or together with what belongs to them."""
        return not self.is_many and "INSERT INTO resource (" in self.statement

    @property
    def given(self) -> list[dict[str, Any]] | None:
        """The resources that PostgreSQL takes all at once as one text; None for any other statement."""
        return json.load(self.values["given"].encode()) if "given" in self.values else None

    @property
    def versions(self) -> int:
        """How many versions it inserts."""
        if "INSERT INTO resource_version (" not in self.statement:
            return 0
        return 1 if self.given is None else len(self.given)


@contextmanager
def recording() -> Iterator[list[Recorded]]:
    """The statements that run while the block does, in order."""
    found: list[Recorded] = []

    def keep(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:
        found.append(Recorded(statement, values, is_many))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
