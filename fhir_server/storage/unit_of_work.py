"""One transaction, and all that a service needs to know while it lasts."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.registry.model import Route
from fhir_server.storage.database import Database, is_conflict, is_unavailable

T = TypeVar("T")

#: Tries of one piece of work before the conflict is told to the client.
_TRIES = 8


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """A transaction under way. All or nothing of what is done through it lasts."""

    connection: Connection
    database: Database
    actor: Actor
    #: When this work happens, in epoch milliseconds: one time for everything it writes.
    now_ms: int
    routes: Sequence[Route]

    def lock(self, *keys: str) -> None:
        """Hold names against other units of work until this one ends. All that are needed, in one call."""
        self.database.lock(self.connection, keys)


@dataclass(frozen=True, slots=True)
class Store:
    """The database with the routes that its changes may meet."""

    database: Database
    routes: Sequence[Route] = ()

    def read(self) -> Connection:
        """This thread's connection for reads."""
        return self.database.read()

    def transact(self, actor: Actor, work: Callable[[UnitOfWork], T]) -> T:
        """Run `work` in one transaction, again when another transaction got in its way.

        `work` may run several times and must have no other effect. Raises FhirError: UNAVAILABLE when the database
        cannot be reached, CONFLICT when the others kept winning, and whatever `work` raises.
        """
        for attempt in range(_TRIES):
            try:
                with self.database.begin() as connection:
                    return work(UnitOfWork(connection, self.database, actor, self.database.clock(), self.routes))
            except PoolTimeout:
                raise unavailable() from None
            except DBAPIError as error:
                if is_conflict(error):
                    time.sleep(random.uniform(0, 0.005 * 2**attempt))
                    continue
                if is_unavailable(error):
                    raise unavailable() from error
                raise
        raise fault(Category.CONFLICT, "Other changes to the same resources kept coming first; try again.")


def unavailable() -> FhirError:
    """The answer when the database cannot be reached."""
    return fault(Category.UNAVAILABLE, "The store cannot be reached; try again later.", headers={"Retry-After": "5"})
