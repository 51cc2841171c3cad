"""Statements compiled once for each dialect and run as text: nothing is built or compiled while a request waits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Connection, CursorResult, Dialect


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text of one dialect with the names of its bind parameters."""

    text: str
    #: In the order of their marks; empty when the driver takes them by name.
    names: tuple[str, ...]
    #: Values that the dialect itself binds.
    constants: Mapping[str, Any]
    is_sqlite: bool

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute with the values given by name; a list is one value."""
        return connection.exec_driver_sql(self.text, self.arguments(values))

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once for each row, in as few round trips as the driver can."""
        if rows:
            connection.exec_driver_sql(self.text, [self.arguments(row) for row in rows])

    def arguments(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        given = {**self.constants, **values}
        if not self.is_sqlite:
            return given
        return tuple(json.dumps(value) if isinstance(value, list) else value for value in map(given.get, self.names))


def compiled(element: ClauseElement, dialect: Dialect) -> Statement:
    """The statement for databases of that dialect."""
    done = element.compile(dialect=dialect)
    constants = {name: value for name, value in done.params.items() if value is not None}
    return Statement(str(done), tuple(getattr(done, "positiontup", None) or ()), constants, dialect.name == "sqlite")


class Prepared:
    """A statement written once, for every dialect: compiled at its first use on each.

    Rows come as the driver gives them: SQLite has no booleans, only 0 and 1.
    """

    def __init__(self, element: ClauseElement) -> None:
        self._element = element
        self._done: dict[str, Statement] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute with the values given by name."""
        return self._on(connection.dialect).run(connection, values)

    def _on(self, dialect: Dialect) -> Statement:
        done = self._done.get(dialect.name)
        if done is None:
            done = self._done[dialect.name] = compiled(self._element, dialect)
        return done
