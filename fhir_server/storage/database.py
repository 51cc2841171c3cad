"""One database, two ways in: transactions for changes, a held autocommit connection a thread for reads.

SQLite always begins IMMEDIATE: a deferred transaction that turns into a writer fails with `database is locked` whatever
the time-out (https://www.sqlite.org/lang_transaction.html). PostgreSQL decides by row locks and unique keys.
"""

import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from fhir_server.kernel.clock import Clock, system_clock
from fhir_server.storage import patience
from fhir_server.storage.statement import Statement
from fhir_server.storage.turns import Turns

#: PostgreSQL's serialisation failure, deadlock, and unique violation: another transaction came first, try again.
_CONFLICT_STATES = frozenset({"40001", "40P01", "23505"})
#: Seconds a writer waits for SQLite's single write lock.
_BUSY_SECONDS = 30

#: What searches ask differs: slots of one schedule are many, of another few, and a plan made for the values beats a
#: shared one.
OWN_PLANS = "force_custom_plan"
#: Changes find rows by their keys, but conditions among them may be searches: PostgreSQL weighs it.
WEIGHED_PLANS = "auto"
#: Who only applies messages looks for everything by keys: planning each look-up anew costs several times the look-up.
SHARED_PLANS = "force_generic_plan"

#: Locks are taken in the order of their numbers, so that two transactions never wait for each other. Null, which comes
#: first, is a share of the lock of all names.
_lock_statement = Statement("""
    SELECT CASE WHEN k IS NULL THEN CAST(pg_advisory_xact_lock_shared(%(all)s, 0) AS text)
                ELSE CAST(pg_advisory_xact_lock(%(space)s, k) AS text) END
    FROM unnest(CAST(%(numbers)s AS integer[])) AS k""")
_lock_all_statement = Statement("SELECT pg_advisory_xact_lock(%(all)s, 0)")
#: Keeps our advisory locks apart from those of other programs in the same database.
_LOCK_SPACE, _LOCK_ALL = 0x43524E, 0x43524F
#: The server's table of locks has room for some thousands.
_MOST_LOCKS = 1000


class Database:
    """Engines of one database. Cheap to build: connects at the first use."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock = system_clock,
        pool_size: int = 8,
        plans: str = WEIGHED_PLANS,
        statement_seconds: int = 0,
    ) -> None:
        """`plans` is how PostgreSQL plans what changes look for; it gives up statements after `statement_seconds`."""
        self._statement_seconds = statement_seconds
        self.url = make_url(url)
        self.clock = clock
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        # Exceptions of the driver are logged: their text must not hold what was being written.
        options: dict[str, Any] = {"hide_parameters": True}
        self._turns = Turns(self.url.database) if self.is_sqlite and self.url.database else None
        self._writes = create_engine(
            self.url,
            poolclass=QueuePool,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=False,
            connect_args=self._connect_arguments(plans),
            **options,
        )
        self._reads = create_engine(
            self.url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            connect_args=self._connect_arguments(OWN_PLANS),
            **options,
        )
        if self.is_sqlite:
            for engine in (self._writes, self._reads):
                event.listen(engine, "connect", _prepare_sqlite)
            event.listen(self._writes, "begin", _begin_immediate)
        self._held = threading.local()
        #: Every thread's held connection, to close them all at the end.
        self._opened: list[Connection] = []

    @property
    def engine(self) -> Engine:
        """The engine of changes, for migrations."""
        return self._writes

    def read(self) -> Connection:
        """This thread's connection for reads. Every statement sees what is committed when it starts."""
        connection: Connection | None = getattr(self._held, "connection", None)
        if connection is None or connection.invalidated or connection.closed:
            connection = self._held.connection = self._reads.connect()
            self._opened.append(connection)
        return connection

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back by any exception."""
        with self._turns.taken() if self._turns else nullcontext(), self._writes.begin() as connection:
            yield connection

    def lock(self, connection: Connection, keys: Iterable[str]) -> None:
        """Hold names until the transaction ends; others that ask for one of them wait, for any name when they are many.

        SQLite has one writer anyway.
        """
        if not self.is_sqlite:
            numbers = sorted({_signed(zlib.crc32(key.encode())) for key in keys})
            statement = _lock_statement if len(numbers) <= _MOST_LOCKS else _lock_all_statement
            statement.run(connection, {"space": _LOCK_SPACE, "all": _LOCK_ALL, "numbers": [None, *numbers]})

    def close(self) -> None:
        """Give back every connection."""
        while self._opened:
            self._opened.pop().close()
        self._writes.dispose()
        self._reads.dispose()
        if self._turns:
            self._turns.close()

    def _connect_arguments(self, plans: str) -> dict[str, Any]:
        if self.is_sqlite:
            return {"timeout": _BUSY_SECONDS, "check_same_thread": False}
        limit = f" -c statement_timeout={self._statement_seconds}s" if self._statement_seconds else ""
        return {"options": f"-c plan_cache_mode={plans} -c timezone=UTC{limit}"}


def is_conflict(error: DBAPIError) -> bool:
    """Whether another transaction got in the way, so that the same work may succeed when tried again."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _CONFLICT_STATES
    reason = str(error.orig)
    return "UNIQUE constraint failed" in reason or "database is locked" in reason


def is_given_up(error: Exception) -> bool:
    """Whether a statement took longer than it may: PostgreSQL's state of a cancelled one, SQLite's word for it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.OperationalError):
        return str(cause) == "interrupted"
    return getattr(cause, "sqlstate", None) == "57014"


def is_unavailable(error: Exception) -> bool:
    """Whether the database could not be reached or gave up, rather than refused the statement."""
    return isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: `_begin_immediate` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    # FULL: what was acknowledged is still there after a power cut.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "mmap_size=268435456",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    patience.watch(connection)


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
