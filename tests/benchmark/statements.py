"""The statements that run in this process, caught on their way to the database driver."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass(frozen=True, slots=True)
class Recorded:
    """One statement as the database driver got it."""

    statement: str
    values: Any
    is_many: bool

    @property
    def makes_resource(self) -> bool:
        """Whether it inserts a resource, alone or together with what belongs to it."""
        return not self.is_many and "INSERT INTO resource (" in self.statement

    @property
    def makes_version(self) -> bool:
        """Whether it inserts a version."""
        return "INSERT INTO resource_version (" in self.statement


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
