"""Which rules a type's writes obey: tables."""

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.encounters import timeline
from fhir_server.scheduling import (
    answers,
    apart,
    binding,
    blocking,
    holds,
    identities,
    lifecycle,
    placing,
    publishing,
    referrals,
    regulation,
    rotas,
)
from fhir_server.scheduling.change import Change
from fhir_server.storage.unit_of_work import UnitOfWork

Rule = Callable[[UnitOfWork, Change], None]

#: Type -> what runs before each write of it, in this order and the same transaction.
RULES: Mapping[str, tuple[Rule, ...]] = {
    "Appointment": (lifecycle.keep, apart.keep_apart, holds.claim_slots, referrals.complete, regulation.keep_operator),
    "AppointmentResponse": (answers.take_over,),
    "Patient": (identities.keep,),
    "Schedule": (rotas.keep,),
    "ServiceRequest": (referrals.end_appointments,),
    "Slot": (placing.keep_in_place, publishing.publish),
}

#: Takes what was stored, what will be, and when the latest word on it was said.
Completion = Callable[[UnitOfWork, dict[str, Any] | None, dict[str, Any], int], None]


def _retell(uow: UnitOfWork, before: dict[str, Any] | None, encounter: dict[str, Any], at_ms: int) -> None:
    """What a visit is follows from all of its movements."""
    timeline.retell(encounter)


#: Type -> what the territory adds to a resource told by a feed, given what was stored before.
COMPLETIONS: Mapping[str, Completion] = {"Appointment": binding.bind, "Slot": blocking.block, "Encounter": _retell}


#: Type -> the elements that cannot be there any more when a feed tells these.
RULED_OUT: Mapping[str, Callable[[dict[str, Any]], tuple[str, ...]]] = {"Appointment": binding.ruled_out}


def ruled_out(type_name: str, told: dict[str, Any]) -> tuple[str, ...]:
    """The elements that what a feed tells of a resource rules out."""
    found = RULED_OUT.get(type_name)
    return found(told) if found is not None else ()


def complete(
    uow: UnitOfWork, type_name: str, before: dict[str, Any] | None, content: dict[str, Any], at_ms: int | None = None
) -> None:
    """Add to a feed's resource, in place, what the feed cannot know.

    `at_ms`: when the latest word on it was said; now, when that is not known.
    """
    completion = COMPLETIONS.get(type_name)
    if completion is not None:
        completion(uow, before, content, uow.now_ms if at_ms is None else at_ms)


def before_write(uow: UnitOfWork, change: Change) -> None:
    """Apply the rules of the changed type. Raises FhirError when one refuses the change."""
    for rule in RULES.get(change.type, ()):
        rule(uow, change)
