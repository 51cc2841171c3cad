"""Whether the audit trail is as it was sealed: what was taken out, changed or put in, and where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from fhir_server.audit.chain import GENESIS, link
from fhir_server.audit.event import references
from fhir_server.storage import audit
from fhir_server.storage.audit import Sealed
from fhir_server.storage.ledgers import audit_entity

#: Faults that are told; the rest are counted.
_MOST_TOLD = 100
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the trail as it was at some time."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look along the whole trail has found."""

    #: One line for each fault, in the order of the trail.
    faults: tuple[str, ...]
    head: Head | None
    #: Events sealed, and those of the table that are not yet.
    count: int
    pending: int


def verify(connection: Connection, key: bytes, noted: Sequence[Head] = ()) -> Verdict:
    """Compute the chain anew, compare it with what is stored and with heads noted elsewhere, and check the index."""
    wanted = {head.number: head.hash for head in noted}
    faults: list[str] = []
    previous, number, count = GENESIS, 0, 0
    hash_ = GENESIS
    bunch: list[Sealed] = []
    for row in audit.walk(connection):
        count += 1
        faults += _gap(number, row.number)
        # After a gap the chain goes on from what is stored: each fault is told once, where it is.
        if row.number == number + 1 and link(key, previous, row.number, row.line) != row.hash:
            faults.append(f"event {row.number}, or the one before it, is not what was sealed with this key")
        faults += _columns(row)
        if wanted.pop(row.number, row.hash) != row.hash:
            faults.append(f"event {row.number} is not the head that was noted: the chain was made anew")
        previous, number, hash_ = row.hash, row.number, row.hash
        bunch.append(row)
        if len(bunch) == _AT_ONCE:
            faults += _index(connection, bunch)
            bunch.clear()
    faults += _index(connection, bunch)
    faults += [f"the trail ends before event {number}, which was noted as its head" for number in sorted(wanted)]
    faults += _beyond(connection, number)
    told = faults[:_MOST_TOLD] + ([f"and {len(faults) - _MOST_TOLD} more"] if len(faults) > _MOST_TOLD else [])
    return Verdict(tuple(told), Head(number, hash_) if count else None, count, audit.pending(connection))


def _gap(before: int, number: int) -> Iterator[str]:
    if number != before + 1:
        gone = f"event {before + 1} was" if number == before + 2 else f"events {before + 1} to {number - 1} were"
        yield f"{gone} taken out"


def _columns(row: Sealed) -> Iterator[str]:
    try:
        event = row.event
    except ValueError:
        yield f"event {row.number} cannot be read"
        return
    if (event.at_ms, event.owner) != (row.at_ms, row.owner):
        yield f"event {row.number}: its columns do not say what it says"


def _index(connection: Connection, rows: Sequence[Sealed]) -> Iterator[str]:
    if not rows:
        return
    found = audit.entities(connection, rows[0].number, rows[-1].number)
    for row in rows:
        try:
            expected = references(row.event)
        except ValueError:
            continue
        if found.get(row.number, set()) != expected:
            yield f"event {row.number}: its index was changed, so searches do not find it as they should"


def _beyond(connection: Connection, number: int) -> Iterator[str]:
    left = select(func.max(audit_entity.c.number)).where(audit_entity.c.number > number)
    last = connection.execute(left).scalar()
    if last is not None:
        yield (
            f"events {number + 1} to {last} were taken out at the end"
            if last > number + 1
            else (f"event {last} was taken out at the end")
        )
