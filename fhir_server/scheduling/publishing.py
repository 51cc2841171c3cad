"""A slot is published: nobody may contradict its bookings, and what feeds told of its time counts at once."""

from fhir_server.kernel.errors import raise_any
from fhir_server.scheduling import agendas, quiet, settling, slots
from fhir_server.scheduling.change import Change
from fhir_server.search import access
from fhir_server.storage.unit_of_work import UnitOfWork


def publish(uow: UnitOfWork, change: Change) -> None:
    """Check a write of a Slot, and settle the state of one that is offered.

    Raises FhirError: CONFLICT when it contradicts the appointments that hold the slot (promise 2), BUSINESS_RULE when
    what it says of direct access cannot be understood.
    """
    raise_any(access.issues(change.after or {}))
    slots.keep_status_true(uow, change)
    if change.after is None or agendas.is_told(change.after):
        return
    if change.after["status"] != agendas.FREE and not settling.is_blocked(change.after):
        return
    is_quiet = quiet.is_quiet(uow, change.id, change.after)
    settled = settling.at_rest(change.after) if is_quiet else settling.settled(uow, change.id, change.after)
    change.after.update(settled)
