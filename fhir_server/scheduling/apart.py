"""One patient, one service, one time: a second booking that overlaps the first is refused where the territory says so.

The setting is `one_booking_at_a_time`. Without it nothing is looked up.
"""

from typing import Any

from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, fault
from fhir_server.scheduling import agendas
from fhir_server.scheduling.agendas import HOLDING, actors_of, span
from fhir_server.scheduling.change import Change
from fhir_server.scheduling.wishes import codes
from fhir_server.storage.unit_of_work import UnitOfWork


def keep_apart(uow: UnitOfWork, change: Change) -> None:
    """Refuse a partner's booking that overlaps another of the same patient for the same service.

    Two who ask at the same time wait for each other. Raises FhirError CONFLICT.
    """
    after = change.after
    if not uow.policy.one_booking_at_a_time or not uow.actor.is_partner or after is None:
        return
    here, patients = span(after), [one for one in actors_of(after) if one.startswith("Patient/")]
    if here is None or not patients or after["status"] not in HOLDING or _is_as_before(change.before, after, here):
        return
    uow.lock(*(f"patient:{patient}" for patient in patients))
    service = codes(after.get("serviceType", ()))
    for other in agendas.appointments_over(uow, patients, here):
        if other.id != change.id and codes(other.content().get("serviceType", ())) == service:
            raise fault(
                Category.CONFLICT, "The patient has a booking for the same service at that time.", "Appointment.start"
            )


def _is_as_before(before: dict[str, Any] | None, after: dict[str, Any], here: Interval) -> bool:
    if before is None or before["status"] not in HOLDING or span(before) != here:
        return False
    return actors_of(before) == actors_of(after) and before.get("serviceType") == after.get("serviceType")
