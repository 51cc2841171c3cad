"""Slots: their seats, and why nobody may contradict them.

A slot's status is the server's as soon as an appointment holds a seat of it; until then its publisher's.
Slot capacity: http://fhir-registry.smarthealthit.org/StructureDefinition/slot-capacity (SMART Scheduling Links).
"""

from typing import Any

from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.extensions import CAPACITY
from fhir_server.scheduling.change import Change
from fhir_server.storage import claims, resources
from fhir_server.storage.claims import Seats
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

#: Statuses that follow from claims; the others are their publisher's word and outlast a cancelled booking.
COUNTED = ("free", "busy", "busy-tentative")
#: What a claimed slot may not change: the appointment was promised it.
_PROMISED = ("schedule", "start", "end")


def capacity(slot: dict[str, Any]) -> int:
    """How many appointments the slot can hold: its `slot-capacity`, or one."""
    for extension in slot.get("extension", ()):
        if extension.get("url") == CAPACITY and isinstance(extension.get("valueInteger"), int):
            return max(0, int(extension["valueInteger"]))
    return 1


def status_by_claims(slot: dict[str, Any], seats: Seats) -> str:
    """The status that the seats taken imply, unless the publisher withdrew the slot.

    Without a seat left it is `busy-tentative` while one of them is only held: it may come free again.
    """
    status: str = slot["status"]
    if status not in COUNTED:
        return status
    if seats.taken < capacity(slot):
        return "free"
    return "busy-tentative" if seats.tentative else "busy"


def settle(uow: UnitOfWork, slot: Stored, seats: Seats) -> None:
    """Write the slot's next version if the seats taken change its status."""
    content = slot.content()
    status = status_by_claims(content, seats)
    if status != content["status"]:
        resources.replace(uow, slot, content | {"status": status})


def keep_status_true(uow: UnitOfWork, change: Change) -> None:
    """Refuse a write of a Slot that contradicts the appointments holding it (promise 2).

    Raises FhirError CONFLICT when a claimed slot would be freed, moved, shrunk below its claims or deleted.
    """
    seats = claims.count(uow, change.id) if change.before else Seats(0)
    claimed = seats.taken
    if not claimed or change.before is None:
        return
    if change.after is None:
        raise fault(Category.CONFLICT, f"{claimed} appointment(s) hold this slot; cancel them first.")
    for element in _PROMISED:
        if change.before.get(element) != change.after.get(element):
            raise fault(Category.CONFLICT, f"A booked slot keeps its {element}.", f"Slot.{element}")
    if claimed > capacity(change.after):
        raise fault(Category.CONFLICT, f"{claimed} seats of the slot are taken.", "Slot.extension")
    if change.after["status"] != status_by_claims(change.after, seats):
        raise fault(Category.CONFLICT, "The status of a booked slot follows from its appointments.", "Slot.status")
    if change.before["status"] in COUNTED and change.after["status"] not in COUNTED:
        raise fault(
            Category.CONFLICT, "A booked slot cannot be withdrawn; cancel its appointments first.", "Slot.status"
        )
