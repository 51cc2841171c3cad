"""Claims: a seat of a slot belongs to one appointment. The table's key is what makes double booking impossible."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fhir_server.storage.ledgers import claim
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Seats:
    """The seats of a slot that are taken."""

    taken: int
    #: How many of them are only held: their appointments are pending.
    tentative: int = 0


_values: dict[str, Any] = {
    "slot_id": bindparam("slot_id"),
    "seat": bindparam("seat"),
    "appointment_id": bindparam("appointment_id"),
    "claimed_ms": bindparam("claimed_ms"),
    "tentative": bindparam("tentative"),
}
_take = {
    True: Prepared(sqlite.insert(claim).values(_values).on_conflict_do_nothing().returning(claim.c.seat)),
    False: Prepared(postgresql.insert(claim).values(_values).on_conflict_do_nothing().returning(claim.c.seat)),
}
_of_both = (claim.c.slot_id == bindparam("of_slot"), claim.c.appointment_id == bindparam("of_appointment"))
_release = Prepared(delete(claim).where(*_of_both))
_change = Prepared(update(claim).where(*_of_both).values(tentative=bindparam("tentative")))
_seats = Prepared(select(claim.c.seat, claim.c.tentative).where(claim.c.slot_id == bindparam("slot_id")))
_holders = Prepared(select(claim.c.appointment_id, claim.c.tentative).where(claim.c.slot_id == bindparam("slot_id")))
_count = Prepared(
    select(func.count(), func.coalesce(func.sum(claim.c.tentative), 0)).where(claim.c.slot_id == bindparam("slot_id"))
)


def take(
    uow: UnitOfWork, slot_id: str, capacity: int, appointment_id: str, *, is_tentative: bool = False
) -> Seats | None:
    """Give the appointment a free seat of the slot, to hold or for good. What is taken now; None when all `capacity`
    seats already were.
    """
    rows = _seats.run(uow.opened, {"slot_id": slot_id}).all()
    taken = {row.seat for row in rows}
    for seat in range(capacity):
        if seat in taken:
            continue
        row = {"slot_id": slot_id, "seat": seat, "appointment_id": appointment_id, "claimed_ms": uow.now_ms}
        row |= {"tentative": int(is_tentative)}
        if _take[uow.database.is_sqlite].run(uow.opened, row).first() is not None:
            return Seats(len(taken) + 1, sum(row.tentative for row in rows) + is_tentative)
        # Only a writer that has not locked the slot's row could have come between: that seat is not ours.
        taken.add(seat)
    return None


def release(uow: UnitOfWork, slot_id: str, appointment_id: str) -> None:
    """Give the appointment's seat back; nothing happens when it has none."""
    _release.run(uow.opened, {"of_slot": slot_id, "of_appointment": appointment_id})


def change(uow: UnitOfWork, slot_id: str, appointment_id: str, *, is_tentative: bool) -> Seats:
    """Let the appointment's seat be held only, or be booked from now on. What is taken now."""
    values = {"of_slot": slot_id, "of_appointment": appointment_id, "tentative": int(is_tentative)}
    _change.run(uow.opened, values)
    return count(uow, slot_id)


def holders(uow: UnitOfWork, slot_id: str) -> dict[str, bool]:
    """Ids of the appointments that have a seat of the slot, and whether they only hold it."""
    return {row.appointment_id: bool(row.tentative) for row in _holders.run(uow.opened, {"slot_id": slot_id})}


def count(uow: UnitOfWork, slot_id: str) -> Seats:
    """The seats of the slot that are taken."""
    return Seats(*map(int, _count.run(uow.opened, {"slot_id": slot_id}).one()))
