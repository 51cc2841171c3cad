"""An appointment told by a feed meets the territory's slots.

HL7 v2 names resources and times, not slots. The free slots that the appointment's resources have at exactly its time
become its own, so that nobody else books them; none is a normal case, since a hospital books outside our agendas too.
"""

from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select

from fhir_server.kernel import dates
from fhir_server.kernel.paths import read
from fhir_server.scheduling.booking import HOLDING
from fhir_server.storage import resources
from fhir_server.storage.keys import any_of, binds
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import reference_index, resource, slot_index
from fhir_server.storage.unit_of_work import UnitOfWork

_schedule = resource.alias("schedule")
#: Statuses that may say why: app-4 of https://www.hl7.org/fhir/R4/appointment.html, by its intent.
_GIVEN_UP = frozenset({"cancelled", "noshow"})


def bind(uow: UnitOfWork, before: dict[str, Any] | None, appointment: dict[str, Any]) -> None:
    """Complete an Appointment's `slot` for its time; slots of a time it no longer has are let go.

    The reason of a cancellation goes with it when the feed books the appointment again.
    """
    if appointment["status"] not in _GIVEN_UP:
        appointment.pop("cancelationReason", None)
    if "slot" in appointment and before is not None and _times(before) == _times(appointment):
        return
    appointment.pop("slot", None)
    found = _find(uow, appointment) if appointment["status"] in HOLDING else []
    if found:
        appointment["slot"] = [{"reference": f"Slot/{slot_id}"} for slot_id in found]


def _find(uow: UnitOfWork, appointment: dict[str, Any]) -> list[str]:
    """Ids of the slots that are free for it, locked so that they stay so."""
    start, end = _times(appointment)
    actors = [text.split("/") for text in read(appointment, "participant.actor.reference") if text.count("/") == 1]
    if start is None or end is None or start < uow.now_ms or not actors:
        return []
    keys = [("Schedule.actor", id_, type_name) for type_name, id_ in actors]
    values: dict[str, Any] = {**binds(keys), "start": start, "end": end}
    candidates = _free_slots(len(keys)).run(uow.connection, values).scalars().all()
    locked = resources.lock_many(uow, [("Slot", slot_id) for slot_id in candidates])
    return sorted(slot.id for slot in locked.values() if not slot.deleted and slot.content()["status"] == "free")


@lru_cache(maxsize=64)
def _free_slots(actors: int) -> Prepared:
    """Free slots at one time on the schedules of that many actors."""
    columns = (reference_index.c.parameter, reference_index.c.target_id, reference_index.c.target_type)
    schedules = (
        select(_schedule.c.id)
        .join(reference_index, reference_index.c.pk == _schedule.c.pk)
        .where(any_of(columns, actors))
    )
    return Prepared(
        select(resource.c.id)
        .join(slot_index, slot_index.c.pk == resource.c.pk)
        .where(
            slot_index.c.schedule_id.in_(schedules),
            slot_index.c.status == "free",
            slot_index.c.start_ms == bindparam("start"),
            slot_index.c.end_ms == bindparam("end"),
        )
    )


def _times(appointment: dict[str, Any]) -> tuple[int | None, int | None]:
    start, end = (appointment.get(name) for name in ("start", "end"))
    return start and dates.interval(start).low, end and dates.interval(end).low
