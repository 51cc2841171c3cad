"""Which Schedules have rotas, up to when their slots are made, and the slots that stand in one."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fhir_server.storage.keys import any_of, binds, chunks
from fhir_server.storage.ledgers import claim, rota
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import resource, slot_index
from fhir_server.storage.unit_of_work import UnitOfWork

_first: dict[str, Any] = {"schedule_id": bindparam("schedule_id"), "changes": 1, "made_until_ms": 0}
_again: dict[str, Any] = {"changes": rota.c.changes + 1, "made_until_ms": 0}
_key = ["schedule_id"]
_mark = {
    True: Prepared(
        sqlite.insert(rota).values(_first).on_conflict_do_update(index_elements=["schedule_id"], set_=_again)
    ),
    False: Prepared(
        postgresql.insert(rota).values(_first).on_conflict_do_update(index_elements=["schedule_id"], set_=_again)
    ),
}
_changes = Prepared(select(rota.c.changes).where(rota.c.schedule_id == bindparam("schedule_id")))
_is_same = (rota.c.schedule_id == bindparam("of_id"), rota.c.changes == bindparam("of_changes"))
_finish = Prepared(update(rota).where(*_is_same).values(made_until_ms=bindparam("made_until_ms")))
_forget = Prepared(delete(rota).where(*_is_same))
_due = Prepared(
    select(rota.c.schedule_id)
    .where(rota.c.made_until_ms < bindparam("until_ms"))
    .order_by(rota.c.made_until_ms, rota.c.schedule_id)
)
_every = Prepared(select(rota.c.schedule_id).order_by(rota.c.schedule_id))
_standing = Prepared(
    select(resource.c.id, slot_index.c.start_ms, slot_index.c.end_ms)
    .join(slot_index, slot_index.c.pk == resource.c.pk)
    .where(
        slot_index.c.schedule_id == bindparam("schedule_id"),
        slot_index.c.start_ms >= bindparam("low"),
        slot_index.c.start_ms < bindparam("high"),
    )
    .order_by(slot_index.c.start_ms, slot_index.c.pk)
)
_is_claimed = exists().where(claim.c.slot_id == resource.c.id)
_held = Prepared(
    select(resource.c.id, resource.c.body)
    .join(slot_index, slot_index.c.pk == resource.c.pk)
    .where(
        slot_index.c.schedule_id == bindparam("schedule_id"),
        slot_index.c.start_ms >= bindparam("low"),
        or_(slot_index.c.status == "busy", slot_index.c.status == "busy-tentative", _is_claimed),
    )
    .order_by(slot_index.c.start_ms, slot_index.c.pk)
)
_last = Prepared(select(func.max(slot_index.c.start_ms)).where(slot_index.c.schedule_id == bindparam("schedule_id")))


def mark(uow: UnitOfWork, schedule_id: str) -> None:
    """Note that the rules of a Schedule changed: its slots are to be made again."""
    _mark[uow.database.is_sqlite].run(uow.connection, {"schedule_id": schedule_id})


def changes(connection: Connection, schedule_id: str) -> int | None:
    """How often the rules of a Schedule were changed; None for one that has no rota."""
    found: int | None = _changes.run(connection, {"schedule_id": schedule_id}).scalar()
    return found


def finish(uow: UnitOfWork, schedule_id: str, changes: int, made_until_ms: int) -> None:
    """Note up to when slots are made by the rules after so many changes; nothing, if there was another change."""
    values = {"of_id": schedule_id, "of_changes": changes, "made_until_ms": made_until_ms}
    _finish.run(uow.connection, values)


def forget(uow: UnitOfWork, schedule_id: str, changes: int) -> None:
    """Note that a Schedule without rules has no slots of a rota left; nothing, if there was another change."""
    _forget.run(uow.connection, {"of_id": schedule_id, "of_changes": changes})


def due(connection: Connection, until_ms: int) -> list[str]:
    """Ids of the Schedules whose slots are not made up to that moment, changed rules first."""
    return list(_due.run(connection, {"until_ms": until_ms}).scalars())


def every(connection: Connection) -> list[str]:
    """Ids of all Schedules that have rotas."""
    return list(_every.run(connection, {}).scalars())


def standing(connection: Connection, schedule_id: str, low: int, high: int) -> list[tuple[str, int, int]]:
    """Id, start and end of the slots of a Schedule that begin from `low` to before `high`, in order."""
    rows = _standing.run(connection, {"schedule_id": schedule_id, "low": low, "high": high})
    return [(row.id, row.start_ms, row.end_ms) for row in rows]


def held(connection: Connection, schedule_id: str, low: int) -> list[tuple[str, str]]:
    """Id and body of the slots of a Schedule that begin from `low` on and that somebody has, in order."""
    return [(row.id, row.body) for row in _held.run(connection, {"schedule_id": schedule_id, "low": low})]


def claimed(uow: UnitOfWork, slot_ids: Sequence[str]) -> set[str]:
    """Which of these slots have a seat that is taken."""
    found: set[str] = set()
    for keys in chunks([(slot_id,) for slot_id in slot_ids]):
        found |= set(_claimed(len(keys)).run(uow.connection, binds(keys)).scalars())
    return found


def last_start(connection: Connection, schedule_id: str) -> int:
    """When the last slot of a Schedule begins; 0 when it has none."""
    return _last.run(connection, {"schedule_id": schedule_id}).scalar() or 0


@lru_cache(maxsize=256)
def _claimed(slots: int) -> Prepared:
    return Prepared(select(claim.c.slot_id).where(any_of((claim.c.slot_id,), slots)))
