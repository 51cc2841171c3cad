"""Where a partner may publish a Slot: within its Schedule's horizon, and not across another slot that counts.

Slots of exactly the same times are seats of one offer, and as many as their publisher says. A free slot that a rota
made gives way to one published by hand, and one that is withdrawn or in error is in nobody's way.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import bindparam, literal, select, union_all

from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, Issue, raise_any
from fhir_server.rotas.slot import slot_id
from fhir_server.scheduling import allocation
from fhir_server.scheduling.agendas import FREE, HELD, LONGEST_MS, TAKEN, overlap, span
from fhir_server.scheduling.change import Change
from fhir_server.storage import resources
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import date_index, resource, slot_index
from fhir_server.storage.unit_of_work import UnitOfWork

#: Statuses of slots that are offered, or were.
_COUNTS = frozenset({FREE, TAKEN, HELD})
#: What decides on the place of a slot.
_PLACE = ("schedule", "start", "end", "status")
_HORIZON = "horizon"

_schedule = (
    select(resource.c.pk).where(resource.c.type == "Schedule", resource.c.id == bindparam("schedule")).scalar_subquery()
)
_around = Prepared(
    union_all(
        select(resource.c.id, slot_index.c.start_ms, slot_index.c.end_ms, slot_index.c.status)
        .join(slot_index, slot_index.c.pk == resource.c.pk)
        .where(
            slot_index.c.schedule_id == bindparam("schedule"),
            slot_index.c.start_ms > bindparam("first"),
            slot_index.c.start_ms < bindparam("high"),
            slot_index.c.end_ms > bindparam("low"),
            resource.c.id != bindparam("slot_id"),
        ),
        select(literal(""), date_index.c.low_ms, date_index.c.high_ms, literal(_HORIZON)).where(
            date_index.c.pk == _schedule, date_index.c.parameter == "Schedule.date"
        ),
    )
)


def keep_in_place(uow: UnitOfWork, change: Change) -> None:
    """Check where a partner's slot is when that is new.

    Raises FhirError BUSINESS_RULE when it crosses another slot of its Schedule, or leaves the planning horizon.
    """
    after = change.after
    if after is None or not uow.actor.is_partner or after["status"] not in _COUNTS:
        return
    before = change.before or {}
    if all(before.get(name) == after.get(name) for name in _PLACE):
        return
    raise_any(_issues(uow, change.id, after))


def _issues(uow: UnitOfWork, id_: str, slot: dict[str, Any]) -> Iterator[Issue]:
    here, schedule = span(slot), str(slot["schedule"].get("reference", "")).removeprefix("Schedule/")
    if here is None:
        return
    values = {"schedule": schedule, "slot_id": id_, "low": here.low, "high": here.high, "first": here.low - LONGEST_MS}
    for row in _around.run(uow.connection, values):
        there = Interval(row.start_ms, row.end_ms)
        if row.status == _HORIZON:
            if here.low < there.low or here.high > there.high:
                yield _issue("The slot is outside the planningHorizon of its Schedule.")
        elif row.status in _COUNTS and there != here and overlap(there, here) and not _gives_way(row, schedule):
            yield _issue(f"The slot crosses {_name(uow, row.id)} of the same Schedule.")


def _gives_way(row: Any, schedule: str) -> bool:
    return bool(row.status == FREE and row.id == slot_id(schedule, row.start_ms))


def _name(uow: UnitOfWork, id_: str) -> str:
    """What a slot is called to the actor, who may be one of those from whom it is kept."""
    stored = resources.load(uow.connection, "Slot", id_)
    return f"Slot/{id_}" if stored is not None and allocation.is_allowed(uow.actor, stored, uow.now_ms) else "a slot"


def _issue(diagnostics: str) -> Issue:
    return Issue(Category.BUSINESS_RULE, diagnostics, "Slot.start")
