"""Holds: a pending Appointment keeps its slots for a while, and the clock ends that (IHE ITI-116).

A hold that has lapsed is in nobody's way, swept or not: a booking that meets one ends it first. Booking a hold and
ending it both begin with the lock of its Appointment, so one of them wins.
"""

from collections.abc import Sequence

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.scheduling import agendas, booking, events
from fhir_server.scheduling.agendas import HOLDING
from fhir_server.scheduling.booking import slot_ids
from fhir_server.scheduling.change import Change
from fhir_server.storage import holds, resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import InTheWayError, UnitOfWork

#: Why an Appointment is cancelled whose hold has lapsed.
LAPSED = {
    "coding": [{"system": "urn:creneau:cancellation", "code": "hold-lapsed", "display": "Hold lapsed"}],
    "text": "The hold lapsed before it was booked.",
}


def claim_slots(uow: UnitOfWork, change: Change) -> None:
    """As `booking.claim_slots`; holds that have lapsed make way.

    Raises as that does, and FhirError CONFLICT when a hold is to be kept or booked that has lapsed.
    """
    if change.before is not None and agendas.is_pending(change.before):
        _keep(uow, change)
    try:
        booking.claim_slots(uow, change)
    except FhirError as refusal:
        lapsed = _lapsed(uow, change) if refusal.category is Category.CONFLICT else []
        if lapsed:
            raise InTheWayError(lambda clearing: end(clearing, lapsed)) from refusal
        raise


def is_standing(uow: UnitOfWork, appointment_id: str) -> bool:
    """Whether a pending Appointment still keeps its slots: without a hold it does so without end."""
    expires_ms = holds.expiry(uow.connection, appointment_id)
    return expires_ms is None or expires_ms > uow.now_ms


def end(uow: UnitOfWork, appointment_ids: Sequence[str]) -> int:
    """Cancel those Appointments whose holds have lapsed, and give their slots back; how many were left to end.

    One that was booked or given up meanwhile stays as it is.
    """
    locked = resources.lock_many(uow, [("Appointment", id_) for id_ in appointment_ids])
    return sum(_end(uow, id_, locked.get(("Appointment", id_))) for id_ in sorted(appointment_ids))


def _end(uow: UnitOfWork, appointment_id: str, stored: Stored | None) -> bool:
    if is_standing(uow, appointment_id):
        return False
    holds.remove(uow, appointment_id)
    before = stored.content() if stored is not None and not stored.deleted else None
    if stored is None or before is None or not agendas.is_pending(before):
        return False
    change = Change("Appointment", stored.id, before, before | {"status": "cancelled", "cancelationReason": LAPSED})
    booking.claim_slots(uow, change)
    events.tell(uow, change, resources.replace(uow, stored, change.after or {}), stored)
    return True


def _keep(uow: UnitOfWork, change: Change) -> None:
    """What becomes of the hold of an Appointment that was pending."""
    after = change.after["status"] if change.after is not None else ""
    if after in HOLDING and not is_standing(uow, change.id):
        raise fault(Category.CONFLICT, "The hold has lapsed; its slots are free again.", "Appointment.status")
    if after != "pending":
        holds.remove(uow, change.id)


def _lapsed(uow: UnitOfWork, change: Change) -> list[str]:
    wanted = slot_ids(change.after) if change.after is not None else []
    return [id_ for id_ in holds.lapsed_on(uow, wanted) if id_ != change.id] if wanted else []
