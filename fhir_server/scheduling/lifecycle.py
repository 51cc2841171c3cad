"""The life of an Appointment, for partners: what may become of it, and what of it may change.

HL7 v2 feeds tell what has happened, and the server acts on its own rules: neither is asked. `proposed` and `pending`
are requests and `booked` is a declaration (GAP); what was agreed keeps whom it is for and what it is about.
https://www.hl7.org/fhir/R4/valueset-appointmentstatus.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.errors import Category, Issue, fault, raise_any
from fhir_server.kernel.paths import read
from fhir_server.scheduling.change import Change
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

#: The state of what is not there yet.
NEW = ""
#: Status -> what it may become. What has no row's right side is the end.
TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    NEW: ("proposed", "pending", "waitlist", "booked", "arrived", "checked-in"),
    "proposed": ("pending", "waitlist", "booked", "cancelled", "entered-in-error"),
    "waitlist": ("proposed", "pending", "booked", "cancelled", "entered-in-error"),
    "pending": ("proposed", "waitlist", "booked", "cancelled", "entered-in-error"),
    "booked": ("arrived", "checked-in", "cancelled", "noshow", "entered-in-error"),
    "arrived": ("checked-in", "fulfilled", "cancelled", "noshow", "entered-in-error"),
    "checked-in": ("fulfilled", "cancelled", "noshow", "entered-in-error"),
    "fulfilled": (),
    "cancelled": (),
    "noshow": (),
    "entered-in-error": (),
}
#: Statuses of what nobody has agreed to yet: all but the patient's own word may still change.
ASKED = frozenset({"proposed", "pending", "waitlist"})
#: Statuses of an agreed appointment.
AGREED = frozenset({"booked", "arrived", "checked-in"})
#: What may change of an agreed appointment, with its status or without.
AMENDABLE = frozenset(
    {
        *("id", "meta", "text", "language", "contained", "extension", "identifier", "status", "cancelationReason"),
        *("comment", "description", "patientInstruction", "priority", "reasonCode", "reasonReference"),
        *("supportingInformation", "basedOn", "requestedPeriod", "participant"),
    }
)
#: What may change besides when it is moved, which is another time or another slot.
MOVABLE = frozenset(
    {"slot", "start", "end", "minutesDuration", "serviceCategory", "serviceType", "specialty", "appointmentType"}
)
#: Moments, which may be written in any zone.
_TIMES = ("start", "end")
#: What changes with every version.
_STAMPED = frozenset({"id", "meta"})


def keep(uow: UnitOfWork, change: Change) -> None:
    """Refuse what a partner may not do to an Appointment.

    Raises FhirError: BUSINESS_RULE with an issue for each element, METHOD_NOT_ALLOWED for a deletion.
    """
    if not uow.actor.is_partner:
        return
    if change.after is None:
        raise fault(
            Category.METHOD_NOT_ALLOWED,
            "An appointment is cancelled, not deleted.",
            headers={"Allow": "GET, PUT, PATCH"},
        )
    raise_any(issues(change.before, change.after, uow.now_ms))


def issues(before: Json | None, after: Json, now_ms: int) -> Iterator[Issue]:
    """All that is wrong with the change of an Appointment; nothing when it may be made."""
    was, becomes = str(before["status"]) if before else NEW, str(after["status"])
    if was != becomes and becomes not in TRANSITIONS.get(was, ()):
        yield _issue(f"An appointment that is {was or 'new'} does not become {becomes}.", "status")
        return
    if was != becomes and becomes == "cancelled":
        yield from _cancelling(before or {}, after, now_ms)
    if before is not None and was not in ASKED:
        yield from _amending(before, after)


def is_past(appointment: Json, now_ms: int) -> bool:
    """Whether its time has begun."""
    return "start" in appointment and dates.interval(appointment["start"]).low < now_ms


def _cancelling(before: Json, after: Json, now_ms: int) -> Iterator[Issue]:
    if not after.get("cancelationReason"):
        yield _issue("A cancellation says why.", "cancelationReason")
    if before["status"] in AGREED and is_past(before, now_ms):
        yield _issue("An appointment that has begun or is over is not cancelled.", "status")


def _amending(before: Json, after: Json) -> Iterator[Issue]:
    """What changes of an appointment that is agreed, or at its end, and may not."""
    is_moved = before["status"] == after["status"] == "booked" and _place(before) != _place(after)
    allowed = _allowed(before["status"], is_moved)
    for name in sorted((before.keys() | after.keys()) - allowed):
        if _value(before, name) != _value(after, name):
            yield _issue(f"The {name} of an appointment that is {before['status']} does not change.", name)
    if "participant" in allowed:
        yield from _taking_part(before, after, is_moved)


def _allowed(status: str, is_moved: bool) -> frozenset[str]:
    if status not in AGREED:
        return _STAMPED
    return AMENDABLE | MOVABLE if is_moved else AMENDABLE


def _taking_part(before: Json, after: Json, is_moved: bool) -> Iterator[Issue]:
    was, becomes = _actors(before), _actors(after)
    patients = {one for one in was if one.startswith("Patient/")}
    if patients and patients != {one for one in becomes if one.startswith("Patient/")}:
        yield _issue("An appointment is not given to another patient; cancel it and book another.", "participant")
    elif not is_moved and not was <= becomes:
        yield _issue("Who takes part in an appointment stays in it; decline instead.", "participant")


def _actors(appointment: Json) -> set[str]:
    return set(read(appointment, "participant.actor.reference"))


def _place(appointment: Json) -> tuple[Any, ...]:
    return (*(_value(appointment, name) for name in _TIMES), *read(appointment, "slot.reference"))


def _value(appointment: Json, name: str) -> Any:
    """An element; of a time the moment, in whatever zone it is written."""
    value = appointment.get(name)
    return dates.interval(value).low if name in _TIMES and value else value


def _issue(diagnostics: str, element: str) -> Issue:
    return Issue(Category.BUSINESS_RULE, diagnostics, f"Appointment.{element}")
