"""Which rules a type's writes obey: two tables."""

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.scheduling import binding, booking, slots
from fhir_server.scheduling.change import Change
from fhir_server.storage.unit_of_work import UnitOfWork

Rule = Callable[[UnitOfWork, Change], None]

#: Type -> what runs before each write of it, in the same transaction.
RULES: Mapping[str, Rule] = {
    "Appointment": booking.claim_slots,
    "Slot": slots.keep_status_true,
}

Completion = Callable[[UnitOfWork, dict[str, Any] | None, dict[str, Any]], None]

#: Type -> what the territory adds to a resource told by a feed, given what was stored before.
COMPLETIONS: Mapping[str, Completion] = {"Appointment": binding.bind}


def complete(uow: UnitOfWork, type_name: str, before: dict[str, Any] | None, content: dict[str, Any]) -> None:
    """Add to a feed's resource, in place, what the feed cannot know."""
    completion = COMPLETIONS.get(type_name)
    if completion is not None:
        completion(uow, before, content)


def before_write(uow: UnitOfWork, change: Change) -> None:
    """Apply the rule of the changed type. Raises FhirError when the rule refuses the change."""
    rule = RULES.get(change.type)
    if rule is not None:
        rule(uow, change)
