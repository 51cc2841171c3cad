"""The writes of a batch or transaction, planned: which resource each is about, found and locked before any is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.interactions import condition
from fhir_server.interactions.bundle_entry import Entry
from fhir_server.interactions.bundle_failure import located
from fhir_server.interactions.condition import no_match
from fhir_server.interactions.reach import AccessCheck
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.kernel.ids import new_id
from fhir_server.scheduling.booking import slot_ids
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork


@dataclass(slots=True)
class Step:
    """One write with the resource it is about."""

    entry: Entry
    #: What its condition found.
    found: Stored | None
    #: The id its resource has or will have; empty when there is nothing to write.
    id: str
    #: What will be written; references are rewritten in it.
    resource: dict[str, Any] | None

    @property
    def key(self) -> tuple[str, str]:
        return self.entry.type, self.id

    @property
    def reference(self) -> str:
        return f"{self.entry.type}/{self.id}"

    @property
    def makes(self) -> bool:
        """Whether it carries the resource that it is about."""
        return self.entry.interaction in ("create", "update")

    @property
    def is_written(self) -> bool:
        """Whether that resource will be stored: a conditional create may find it there already."""
        return self.entry.interaction == "update" or (self.entry.interaction == "create" and self.found is None)


def plan(uow: UnitOfWork, entries: Sequence[Entry], access_check: AccessCheck) -> list[Step]:
    """The steps of the entries that write, in their order, everything they are about locked in one go.

    Raises FhirError, located: MULTIPLE_MATCHES and NOT_FOUND of conditions, FORBIDDEN for an update that would create.
    """
    writes = [entry for entry in entries if entry.is_write]
    conditions = [entry.condition for entry in writes if entry.condition is not None]
    names = [key for asked in conditions for key in asked.names()]
    if names:
        uow.lock(*names)
    found, locked = condition.matches_of(uow, conditions, _named(writes))
    by_condition = dict(zip(map(id, conditions), found, strict=True))
    steps: list[Step] = []
    for entry in writes:
        try:
            steps.append(_step(entry, by_condition.get(id(entry.condition), [])))
            _check_creation(steps[-1], locked, access_check)
        except FhirError as error:
            raise located(error, entry.number, entry.type) from None
    return steps


def check_identities(steps: Sequence[Step]) -> None:
    """Raise FhirError (INVALID), located, when two entries are about the same resource."""
    seen: dict[Any, int] = {}
    for step in steps:
        asked = step.entry.condition
        keys: list[Any] = [step.key] if step.id else []
        if asked is not None and step.found is None:
            keys.append(asked.names()[0])
        for key in keys:
            if key in seen:
                problem = fault(Category.INVALID, f"This entry and entry {seen[key]} are about the same resource.")
                raise located(problem, step.entry.number, step.entry.type)
            seen[key] = step.entry.number


def _named(writes: Sequence[Entry]) -> list[tuple[str, str]]:
    """What the entries name by id, and the slots that bookings among them will ask for."""
    named = [(entry.type, entry.id) for entry in writes if entry.id]
    bookings = [entry.resource for entry in writes if entry.type == "Appointment" and entry.resource is not None]
    return named + [("Slot", slot_id) for booking in bookings for slot_id in slot_ids(booking)]


def _step(entry: Entry, found: Sequence[Stored]) -> Step:
    if len(found) > 1:
        raise fault(Category.MULTIPLE_MATCHES, f"More than one {entry.type} meets the condition.")
    match = found[0] if found else None
    if entry.interaction == "patch" and not entry.id and match is None:
        raise no_match(entry.type)
    resource = dict(entry.resource) if entry.resource is not None else None
    return Step(entry, match, match.id if match else _id(entry), resource)


def _id(entry: Entry) -> str:
    if entry.interaction == "create":
        return new_id()
    if entry.interaction == "update" and not entry.id:
        return (entry.resource or {}).get("id") or new_id()
    return entry.id


def _check_creation(step: Step, locked: dict[tuple[str, str], Stored], access_check: AccessCheck) -> None:
    """An update that creates needs the letter c as well."""
    there = step.found or locked.get(step.key)
    if step.entry.interaction == "update" and (there is None or there.deleted):
        access_check(step.entry.type, "c")
