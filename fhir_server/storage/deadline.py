"""Reads that are given up when time is up, so that a client which waits only so long gets an answer, not a silence."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.storage import patience
from fhir_server.storage.database import is_given_up
from fhir_server.storage.unit_of_work import Store

#: Instructions of SQLite's machine between two looks at the clock.
_EVERY = 50_000


class Hurried:
    """This thread's connection for reads, while there is time."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self._connection = connection
        self._ends = time.monotonic() + seconds

    @property
    def is_late(self) -> bool:
        """Whether time is up."""
        return time.monotonic() > self._ends

    def next(self) -> Connection:
        """The connection, for one statement more. Raises FhirError (UNAVAILABLE) once time is up."""
        if self.is_late:
            raise _too_late()
        return self._connection


@contextmanager
def within(store: Store, seconds: float) -> Iterator[Hurried]:
    """Reads that end within about twice `seconds`: none begins after that time, and none takes longer.

    Raises FhirError (UNAVAILABLE) for one that is given up.
    """
    connection = store.read()
    hurried = Hurried(connection, seconds)
    try:
        _limit(connection, hurried, seconds)
        yield hurried
    except DBAPIError as error:
        if is_given_up(error):
            raise _too_late() from error
        raise
    finally:
        if not connection.invalidated:
            _unlimit(connection)


def _limit(connection: Connection, hurried: Hurried, seconds: float) -> None:
    if connection.dialect.name == "sqlite":
        _driver(connection).set_progress_handler(lambda: int(hurried.is_late), _EVERY)
    else:
        connection.exec_driver_sql(f"SET statement_timeout = {int(seconds * 1000)}")


def _unlimit(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        patience.watch(_driver(connection))
    else:
        connection.exec_driver_sql("RESET statement_timeout")


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _too_late() -> FhirError:
    reason = "The store did not answer in time; nothing is better than half an answer."
    return fault(Category.UNAVAILABLE, reason, headers={"Retry-After": "5"})
