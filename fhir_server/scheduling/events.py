"""What a change means to those outside, and whom it must be told.

An event is named after what happened to the appointment; a route asks for events by name.
"""

from fhir_server.scheduling.booking import slot_ids
from fhir_server.scheduling.change import Change
from fhir_server.storage import outbox
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

BOOKED, MOVED, CANCELLED = "appointment-booked", "appointment-moved", "appointment-cancelled"

#: Every event a route may ask for.
EVENTS = frozenset({BOOKED, MOVED, CANCELLED})

_BOOKED_STATUS = "booked"
_GONE = frozenset({"cancelled"})


def events_of(change: Change) -> list[str]:
    """The events a change of an Appointment stands for; none for other types."""
    if change.type != "Appointment" or change.after is None:
        return []
    status = change.after["status"]
    was = change.before["status"] if change.before else None
    if status == _BOOKED_STATUS and was != _BOOKED_STATUS:
        return [BOOKED]
    if status == _BOOKED_STATUS and _when_and_where(change.before) != _when_and_where(change.after):
        return [MOVED]
    return [CANCELLED] if status in _GONE and was == _BOOKED_STATUS else []


def tell(uow: UnitOfWork, change: Change, stored: Stored) -> None:
    """Write an outbox row for each route the change meets, but never back to where the change came from (promise 4)."""
    events = events_of(change)
    for route in uow.routes:
        if route.destination != uow.actor.origin:
            for event in events:
                if event in route.events:
                    outbox.add(uow, route.destination, event, stored)


def _when_and_where(appointment: dict[str, object] | None) -> tuple[object, ...]:
    content = appointment or {}
    return content.get("start"), content.get("end"), tuple(slot_ids(content))
