"""Statements compiled once for each dialect and run by the driver itself: nothing is built or compiled while a request
waits.

SQLAlchemy keeps connections and transactions and writes the SQL; its own way to run a text takes three times as long as
the driver does. Whoever listens to its events of cursors is told of these statements too.
"""

import json
from collections import namedtuple
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound

#: A named tuple: the columns as the driver gives them. SQLite has no booleans, only 0 and 1.
Row = Any


@dataclass(frozen=True, slots=True)
class Result:
    """All rows that a statement returned, and how many it changed."""

    rows: Sequence[Row]
    rowcount: int

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def all(self) -> Sequence[Row]:
        """Every row."""
        return self.rows

    def first(self) -> Row | None:
        """The first row, if there is any."""
        return self.rows[0] if self.rows else None

    def one(self) -> Row:
        """The only row. Raises NoResultFound or MultipleResultsFound."""
        if len(self.rows) == 1:
            return self.rows[0]
        raise MultipleResultsFound() if self.rows else NoResultFound()

    def scalars(self) -> list[Any]:
        """The first column of each row."""
        return [row[0] for row in self.rows]

    def scalar(self) -> Any:
        """The first column of the first row; None without rows."""
        return self.rows[0][0] if self.rows else None

    def scalar_one(self) -> Any:
        """The first column of the only row. Raises as `one` does."""
        return self.one()[0]


@dataclass(slots=True)
class Statement:
    """SQL text of one dialect with the names of its bind parameters."""

    text: str
    #: In the order of their marks; empty when the driver takes them by name.
    names: tuple[str, ...] = ()
    #: Values that the dialect itself binds.
    constants: Mapping[str, Any] = field(default_factory=dict)
    is_sqlite: bool = False
    #: Type of its rows: known once it has run.
    _row: Any = field(default=None, repr=False)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Result:
        """Execute with the values given by name; a list is one value. Raises DBAPIError."""
        cursor = self._execute(connection, self.arguments(values), is_many=False)
        # The driver builds a description anew each time it is asked for one.
        rows = () if self._row is None and cursor.description is None else self._rows(cursor)
        result = Result(rows, cursor.rowcount)
        cursor.close()
        return result

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once for each row, in as few round trips as the driver can. Raises DBAPIError."""
        if len(rows) == 1:
            # The driver's way with many is dearer for one.
            self._execute(connection, self.arguments(rows[0]), is_many=False).close()
        elif rows:
            self._execute(connection, [self.arguments(row) for row in rows], is_many=True).close()

    def arguments(self, values: Mapping[str, Any]) -> Any:
        """The values as the driver takes them."""
        given = {**self.constants, **values}
        if not self.is_sqlite:
            return given
        return tuple(json.dumps(value) if isinstance(value, list) else value for value in map(given.get, self.names))

    def _execute(self, connection: Connection, given: Any, *, is_many: bool) -> Any:
        """A cursor of the driver's own connection that has run the statement."""
        driver: Any = connection.connection.dbapi_connection
        cursor, heard = driver.cursor(), connection.dispatch
        for tell in heard.before_cursor_execute:
            tell(connection, cursor, self.text, given, None, is_many)
        try:
            (cursor.executemany if is_many else cursor.execute)(self.text, given)
        except connection.dialect.loaded_dbapi.Error as error:
            cursor.close()
            raise _failure(connection, cursor, self.text, error) from error
        for tell in heard.after_cursor_execute:
            tell(connection, cursor, self.text, given, None, is_many)
        return cursor

    def _rows(self, cursor: Any) -> Sequence[Row]:
        if self._row is None:
            self._row = namedtuple("Row", [column[0] for column in cursor.description], rename=True)  # type: ignore[misc]
        return list(map(self._row._make, cursor.fetchall()))


def _failure(connection: Connection, cursor: Any, text: str, error: Any) -> Any:
    dialect = connection.dialect
    is_lost = dialect.is_disconnect(error, connection.connection, cursor)
    if is_lost:
        connection.invalidate(error)
    # The text of a failure is logged: it must not hold what was being written.
    return DBAPIError.instance(
        text,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=is_lost,
        dialect=dialect,
    )


def compiled(element: ClauseElement, dialect: Dialect) -> Statement:
    """The statement for databases of that dialect."""
    done = element.compile(dialect=dialect)
    constants = {name: value for name, value in done.params.items() if value is not None}
    return Statement(str(done), tuple(getattr(done, "positiontup", None) or ()), constants, dialect.name == "sqlite")


class Prepared:
    """A statement written once, for every dialect: compiled at its first use on each."""

    def __init__(self, element: ClauseElement) -> None:
        self._element = element
        self._done: dict[str, Statement] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Result:
        """Execute with the values given by name. Raises DBAPIError."""
        return self._on(connection.dialect).run(connection, values)

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once for each row. Raises DBAPIError."""
        self._on(connection.dialect).run_many(connection, rows)

    def _on(self, dialect: Dialect) -> Statement:
        done = self._done.get(dialect.name)
        if done is None:
            done = self._done[dialect.name] = compiled(self._element, dialect)
        return done
