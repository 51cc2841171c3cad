"""Which rule a type's writes obey: a table."""

from collections.abc import Callable, Mapping

from fhir_server.scheduling import booking, slots
from fhir_server.scheduling.change import Change
from fhir_server.storage.unit_of_work import UnitOfWork

Rule = Callable[[UnitOfWork, Change], None]

#: Type -> what runs before each write of it, in the same transaction.
RULES: Mapping[str, Rule] = {
    "Appointment": booking.claim_slots,
    "Slot": slots.keep_status_true,
}


def before_write(uow: UnitOfWork, change: Change) -> None:
    """Apply the rule of the changed type. Raises FhirError when the rule refuses the change."""
    rule = RULES.get(change.type)
    if rule is not None:
        rule(uow, change)
