"""The audit trail on disk: what waits to be sealed, and what is sealed. docs/audit.md"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, insert, select, tuple_

from fhir_server.audit.event import Event, decode, encode, event_of
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import DAWN, DUSK
from fhir_server.kernel.deed import Deed, Written
from fhir_server.storage.ledgers import audit, audit_entity, audit_pending
from fhir_server.storage.statement import Prepared

_wait = Prepared(insert(audit_pending).values(line=bindparam("line")))
_columns = (audit.c.number, audit.c.at_ms, audit.c.owner, audit.c.line, audit.c.hash)
_Rows = Select[tuple[int, int, str, str, str]]
#: Rows that a walk along the whole trail takes at once.
_STEP = 1_000


class Sealed(NamedTuple):
    """A row of the trail."""

    number: int
    at_ms: int
    owner: str
    line: str
    hash: str

    @property
    def event(self) -> Event:
        return decode(self.line)


@dataclass(frozen=True, slots=True)
class Limits:
    """What narrows a look at the trail, before anything is read: all must be met."""

    #: Epoch milliseconds, both inclusive.
    since_ms: int = DAWN
    until_ms: int = DUSK
    number: int | None = None
    owner: str | None = None
    #: `Type/id`: of each group, an event must be about one.
    references: tuple[tuple[str, ...], ...] = ()


def line_of(actor: Actor, deed: Deed, now_ms: int, written: Sequence[Written]) -> str | None:
    """What tells of a deed and what it wrote; None when an earlier transaction has told all there is to tell."""
    # A deed of several transactions is told by each that changes something.
    if deed.is_kept and not written:
        return None
    return encode(event_of(deed, actor, now_ms, actor.request_id, written)).decode()


def keep(connection: Connection, line: str) -> None:
    """Store an event with what it tells of, in one transaction: both last, or neither does."""
    _wait.run(connection, {"line": line})


def find(connection: Connection, number: int) -> Sealed | None:
    """One row of the trail."""
    row = connection.execute(select(*_columns).where(audit.c.number == number)).first()
    return None if row is None else Sealed._make(row)


def page(
    connection: Connection, limits: Limits, after: tuple[int, int] | None, count: int, *, is_descending: bool
) -> list[Sealed]:
    """The next rows within the limits by time, behind the time and number of the row before them."""
    statement = _within(select(*_columns), limits)
    place = tuple_(audit.c.at_ms, audit.c.number)
    if after is not None:
        statement = statement.where(place < after if is_descending else place > after)
    order = (audit.c.at_ms, audit.c.number)
    statement = statement.order_by(*(one.desc() if is_descending else one for one in order)).limit(count)
    return [Sealed._make(row) for row in connection.execute(statement)]


def walk(connection: Connection, first: int = 1, last: int | None = None) -> Iterator[Sealed]:
    """Every row of the trail in its order, from one number to another."""
    while True:
        statement = select(*_columns).where(audit.c.number >= first).order_by(audit.c.number).limit(_STEP)
        rows = connection.execute(statement if last is None else statement.where(audit.c.number <= last)).all()
        yield from (Sealed._make(row) for row in rows)
        if len(rows) < _STEP:
            return
        first = rows[-1].number + 1


def head(connection: Connection) -> Sealed | None:
    """The last row of the trail; None of an empty one."""
    row = connection.execute(select(*_columns).order_by(audit.c.number.desc()).limit(1)).first()
    return None if row is None else Sealed._make(row)


def entities(connection: Connection, first: int, last: int) -> dict[int, set[str]]:
    """What the index says that events are about, by number."""
    found: dict[int, set[str]] = {}
    rows = select(audit_entity.c.number, audit_entity.c.reference).where(audit_entity.c.number.between(first, last))
    for number, reference in connection.execute(rows):
        found.setdefault(number, set()).add(reference)
    return found


def pending(connection: Connection) -> int:
    """How many events of changes and messages are not sealed yet."""
    return int(connection.execute(select(func.count()).select_from(audit_pending)).scalar_one())


def _within(
    statement: Select[tuple[int, int, str, str, str]], limits: Limits
) -> Select[tuple[int, int, str, str, str]]:
    if limits.since_ms > DAWN:
        statement = statement.where(audit.c.at_ms >= limits.since_ms)
    if limits.until_ms < DUSK:
        statement = statement.where(audit.c.at_ms <= limits.until_ms)
    if limits.number is not None:
        statement = statement.where(audit.c.number == limits.number)
    if limits.owner is not None:
        statement = statement.where(audit.c.owner == limits.owner)
    for group in limits.references:
        about = select(audit_entity.c.number).where(audit_entity.c.reference.in_(group))
        statement = statement.where(audit.c.number.in_(about))
    return statement
