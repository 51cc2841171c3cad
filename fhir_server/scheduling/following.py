"""An Appointment changed because of another resource: written with its slots, its version and its news."""

from typing import Any

from fhir_server.scheduling import events, holds
from fhir_server.scheduling.change import Change
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork


def follow(uow: UnitOfWork, stored: Stored, after: dict[str, Any]) -> Stored:
    """Store the next version of a locked Appointment, its slots taken or given back. Raises as booking does."""
    change = Change(stored.type, stored.id, stored.content(), after)
    holds.claim_slots(uow, change)
    return _store(uow, stored, change)


def _store(uow: UnitOfWork, stored: Stored, change: Change) -> Stored:
    made = resources.replace(uow, stored, change.after or {}, happened_ms=stored.happened_ms, told=stored.told)
    events.tell(uow, change, made, stored)
    return made


def mark(uow: UnitOfWork, stored: Stored, after: dict[str, Any]) -> Stored:
    """Store the next version of a locked resource that no rule has a say in."""
    return _store(uow, stored, Change(stored.type, stored.id, stored.content(), after))
