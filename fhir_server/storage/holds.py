"""Holds: until when a pending appointment keeps its seats. Whoever meets one that has lapsed may end it."""

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from fhir_server.storage.keys import any_of, binds
from fhir_server.storage.ledgers import claim, hold
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import UnitOfWork

_names = ("appointment_id", "owner", "expires_ms")
_insert = Prepared(insert(hold).values({name: bindparam(name) for name in _names}))
_delete = Prepared(delete(hold).where(hold.c.appointment_id == bindparam("of_id")))
_find = Prepared(select(hold.c.expires_ms).where(hold.c.appointment_id == bindparam("of_id")))
_due = Prepared(
    select(hold.c.appointment_id)
    .where(hold.c.expires_ms <= bindparam("now_ms"))
    .order_by(hold.c.expires_ms, hold.c.appointment_id)
    .limit(bindparam("count"))
)
_of_owner = Prepared(
    select(func.count(), func.min(hold.c.expires_ms)).where(
        hold.c.owner == bindparam("owner"), hold.c.expires_ms > bindparam("now_ms")
    )
)


def add(uow: UnitOfWork, appointment_id: str, expires_ms: int) -> None:
    """Let an appointment of the actor keep its seats until that moment."""
    _insert.run(uow.connection, {"appointment_id": appointment_id, "owner": uow.actor.owner, "expires_ms": expires_ms})


def remove(uow: UnitOfWork, appointment_id: str) -> None:
    """Forget the hold of an appointment that is booked, or given up; nothing happens when it has none."""
    _delete.run(uow.connection, {"of_id": appointment_id})


def expiry(connection: Connection, appointment_id: str) -> int | None:
    """When an appointment's hold lapses; None for one that is pending without end, or not pending."""
    found: int | None = _find.run(connection, {"of_id": appointment_id}).scalar()
    return found


def due(connection: Connection, now_ms: int, count: int) -> list[str]:
    """Ids of at most `count` appointments whose holds have lapsed, the oldest first."""
    return list(_due.run(connection, {"now_ms": now_ms, "count": count}).scalars())


def standing(uow: UnitOfWork) -> tuple[int, int]:
    """How many holds of the actor have not lapsed, and when the first of them does."""
    values = {"owner": uow.actor.owner, "now_ms": uow.now_ms}
    found = tuple(_of_owner.run(uow.connection, values).one())
    return int(found[0]), int(found[1] or 0)


def lapsed_on(uow: UnitOfWork, slot_ids: list[str]) -> list[str]:
    """Ids of the appointments that still sit on one of the slots though their holds have lapsed."""
    found = (
        select(hold.c.appointment_id)
        .join(claim, claim.c.appointment_id == hold.c.appointment_id)
        .where(any_of((claim.c.slot_id,), len(slot_ids)), hold.c.expires_ms <= bindparam("now_ms"))
        .distinct()
    )
    values = {**binds([(slot_id,) for slot_id in slot_ids]), "now_ms": uow.now_ms}
    return list(uow.connection.execute(found, values).scalars())
