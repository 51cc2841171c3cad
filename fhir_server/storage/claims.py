"""Claims: a seat of a slot belongs to one appointment. The table's key is what makes double booking impossible."""

from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from fhir_server.storage.ledgers import claim
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import UnitOfWork

_values: dict[str, Any] = {
    "slot_id": bindparam("slot_id"),
    "seat": bindparam("seat"),
    "appointment_id": bindparam("appointment_id"),
    "claimed_ms": bindparam("claimed_ms"),
}
_take = {
    True: Prepared(sqlite.insert(claim).values(_values).on_conflict_do_nothing().returning(claim.c.seat)),
    False: Prepared(postgresql.insert(claim).values(_values).on_conflict_do_nothing().returning(claim.c.seat)),
}
_release = Prepared(
    delete(claim).where(claim.c.slot_id == bindparam("slot_id"), claim.c.appointment_id == bindparam("appointment_id"))
)
_seats = Prepared(select(claim.c.seat).where(claim.c.slot_id == bindparam("slot_id")))
_holders = Prepared(select(claim.c.appointment_id).where(claim.c.slot_id == bindparam("slot_id")))
_count = Prepared(select(func.count()).where(claim.c.slot_id == bindparam("slot_id")))


def take(uow: UnitOfWork, slot_id: str, capacity: int, appointment_id: str) -> int | None:
    """Give the appointment a free seat of the slot. How many seats are taken now; None when all `capacity` already
    were.
    """
    taken = set(_seats.run(uow.connection, {"slot_id": slot_id}).scalars())
    for seat in range(capacity):
        if seat in taken:
            continue
        row = {"slot_id": slot_id, "seat": seat, "appointment_id": appointment_id, "claimed_ms": uow.now_ms}
        if _take[uow.database.is_sqlite].run(uow.connection, row).first() is not None:
            return len(taken) + 1
        # Only a writer that has not locked the slot's row could have come between: that seat is not ours.
        taken.add(seat)
    return None


def release(uow: UnitOfWork, slot_id: str, appointment_id: str) -> None:
    """Give the appointment's seat back; nothing happens when it has none."""
    _release.run(uow.connection, {"slot_id": slot_id, "appointment_id": appointment_id})


def holders(uow: UnitOfWork, slot_id: str) -> list[str]:
    """Ids of the appointments that hold a seat of the slot."""
    return list(_holders.run(uow.connection, {"slot_id": slot_id}).scalars())


def count(uow: UnitOfWork, slot_id: str) -> int:
    """How many seats of the slot are taken."""
    return int(_count.run(uow.connection, {"slot_id": slot_id}).scalar_one())
