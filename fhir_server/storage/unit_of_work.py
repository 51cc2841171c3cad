"""One transaction, and all that a service needs to know while it lasts.

On PostgreSQL new resources wait until something asks for their types, or for the end: several are written in one
statement.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.deed import Notes, Written
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.registry.model import Policy, Route
from fhir_server.storage import audit, together
from fhir_server.storage.database import Database, is_conflict, is_unavailable

T = TypeVar("T")

#: What holds where nothing was chosen.
DEFAULTS = Policy()
#: Tries of one piece of work before the conflict is told to the client.
_TRIES = 8


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """A transaction under way. All or nothing of what is done through it lasts."""

    #: The connection for statements that ask for no resource.
    opened: Connection
    database: Database
    actor: Actor
    #: When this work happens, in epoch milliseconds: one time for everything it writes.
    now_ms: int
    routes: Sequence[Route]
    policy: Policy = DEFAULTS
    #: Whether those who act are told of in the audit trail.
    is_audited: bool = False
    #: What it does, for audit; None when nobody is told of it.
    notes: Notes | None = None
    _waiting: list[together.New] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        """The connection, and every resource made so far is there to be found."""
        self.flush()
        return self.opened

    def connection_for(self, *types: str) -> Connection:
        """The connection for a statement that asks for resources of these types only."""
        if any(new.row["type"] in types for new in self._waiting):
            self.flush()
        return self.opened

    def acting_as(self, actor: Actor) -> "UnitOfWork":
        """The same transaction in another's name: what a group of messages changes is each one's own."""
        return replace(self, actor=actor, notes=Notes() if actor.deed and self.is_audited else None)

    def wait_with(self, new: together.New) -> None:
        """Let a new resource be written with others, at the end at the latest."""
        self._waiting.append(new)

    def flush(self) -> None:
        """Write what waits. Raises DBAPIError when an id is taken."""
        if self._waiting:
            waiting = tuple(self._waiting)
            self._waiting.clear()
            together.insert_all(self.opened, waiting)

    def lock(self, *keys: str) -> None:
        """Hold names against other units of work until this one ends. All that are needed, in one call."""
        self.database.lock(self.opened, keys)

    def note(self, version: str, body: str) -> None:
        """Note for audit a version that was made (`Type/id/_history/1`), with what it says, or said when it went."""
        if self.notes is not None:
            self.notes.written.append(Written(version, body))

    def event(self) -> str | None:
        """The line of the audit trail that tells of this work, once: whoever gets it stores it. After all it writes."""
        if self.notes is None or self.notes.is_told or self.actor.deed is None:
            return None
        self.notes.is_told = True
        return audit.line_of(self.actor, self.actor.deed, self.now_ms, self.notes.written)

    def tell(self) -> None:
        """Store the event that tells of this work, if nobody has."""
        if (line := self.event()) is not None:
            audit.keep(self.opened, line)


class InTheWayError(Exception):
    """What a piece of work met must be cleared away in a transaction of its own; then the work is done anew."""

    def __init__(self, clear: Callable[[UnitOfWork], object]) -> None:
        super().__init__()
        self.clear = clear


@dataclass(frozen=True, slots=True)
class Store:
    """The database with the routes that its changes may meet."""

    database: Database
    routes: Sequence[Route] = ()
    #: Whether what actors do is told in the audit trail, in the transaction of what they do.
    is_audited: bool = True
    policy: Policy = DEFAULTS

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
                    now_ms, notes = self.database.clock(), Notes() if actor.deed and self.is_audited else None
                    uow = UnitOfWork(
                        connection, self.database, actor, now_ms, self.routes, self.policy, self.is_audited, notes
                    )
                    done = work(uow)
                    uow.flush()
                    uow.tell()
                return _kept(actor, done)
            except InTheWayError as obstacle:
                self.transact(SYSTEM, obstacle.clear)
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


def _kept(actor: Actor, done: T) -> T:
    """What the work gave, now that its event is committed with it."""
    if actor.deed is not None:
        actor.deed.is_kept = True
    return done


def unavailable() -> FhirError:
    """The answer when the database cannot be reached."""
    return fault(Category.UNAVAILABLE, "The store cannot be reached; try again later.", headers={"Retry-After": "5"})
