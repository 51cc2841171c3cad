"""Booking is a claim: an Appointment that names Slots takes a seat of each, all or none, in its own transaction.

The FHIR text leaves double booking to servers (https://www.hl7.org/fhir/R4/appointment.html); here one racer wins
whatever path it comes by, and the others are told 409.
"""

from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.errors import Category, Issue, fault, raise_any
from fhir_server.kernel.paths import read
from fhir_server.scheduling import agendas, allocation, series, settling, slots
from fhir_server.scheduling.agendas import HOLDING
from fhir_server.scheduling.change import Change
from fhir_server.storage import claims, resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork


def claim_slots(uow: UnitOfWork, change: Change) -> None:
    """Take and give back slots as the Appointment's change asks (promise 1).

    Raises FhirError: UNKNOWN_REFERENCE for a slot that does not exist, CONFLICT for one that is taken or withdrawn,
    BUSINESS_RULE for one that is over or whose times are not the appointment's, CONFLICT for deleting a booking.
    """
    if change.after is None and change.before is not None and change.before["status"] in HOLDING:
        raise fault(Category.CONFLICT, "A booked appointment is cancelled, not deleted.", "Appointment.status")
    held, wanted = _slots_held(change.before), _slots_held(change.after)
    found = resources.lock_many(uow, [("Slot", slot_id) for slot_id in held | wanted])
    locked = {slot_id: slot for (_, slot_id), slot in found.items()}
    for slot_id in sorted(held - wanted):
        _give_back(uow, change.id, locked[slot_id])
    if wanted:
        _check(uow, change, wanted, wanted - held, locked)
    for slot_id in sorted(wanted - held):
        _take(uow, change, locked[slot_id])
    if wanted & held and _is_pending(change.before) != _is_pending(change.after):
        for slot_id in sorted(wanted & held):
            seats = claims.change(uow, slot_id, change.id, is_tentative=_is_pending(change.after))
            slots.settle(uow, locked[slot_id], seats)


def slot_ids(appointment: dict[str, Any]) -> list[str]:
    """Ids of the slots an Appointment names, in its order."""
    return [text.removeprefix("Slot/") for text in read(appointment, "slot.reference") if text.startswith("Slot/")]


def _slots_held(appointment: dict[str, Any] | None) -> set[str]:
    if appointment is None or appointment["status"] not in HOLDING:
        return set()
    return set(slot_ids(appointment))


def _is_pending(appointment: dict[str, Any] | None) -> bool:
    return appointment is not None and agendas.is_pending(appointment)


def _give_back(uow: UnitOfWork, appointment_id: str, slot: Stored) -> None:
    claims.release(uow, slot.id, appointment_id)
    settling.settle(uow, slot, leaving=appointment_id)


def _take(uow: UnitOfWork, change: Change, slot: Stored) -> None:
    content = slot.content()
    is_open, is_held = content["status"] == "free", _is_pending(change.after)
    seats = claims.take(uow, slot.id, slots.capacity(content), change.id, is_tentative=is_held) if is_open else None
    if seats is None:
        raise fault(Category.CONFLICT, f"Slot/{slot.id} is no longer free.", _expression(change, slot.id))
    slots.settle(uow, slot, seats)


def _check(uow: UnitOfWork, change: Change, wanted: set[str], new: set[str], locked: dict[str, Stored]) -> None:
    """All that can be wrong with the slots before any is taken, told at once."""
    there = {slot_id for slot_id in wanted if _is_there(uow, locked.get(slot_id), slot_id in new)}
    raise_any([_missing(change, slot_id) for slot_id in sorted(wanted - there)])
    spans = {slot_id: _span(locked[slot_id].content()) for slot_id in wanted}
    over = [slot_id for slot_id in sorted(new) if spans[slot_id].low < uow.now_ms]
    raise_any(
        Issue(Category.BUSINESS_RULE, f"Slot/{slot_id} has begun or is over.", _expression(change, slot_id))
        for slot_id in over
    )
    if uow.actor.is_partner and new:
        contents = {slot_id: locked[slot_id].content() for slot_id in wanted}
        raise_any(series.issues(slot_ids(change.after or {}), contents))
    if uow.actor.is_feed or (not new and agendas.span(change.before or {}) == agendas.span(change.after or {})):
        # A feed's time is what it is, and its appointment keeps the slots that share a part of it.
        return
    _check_times(change, dates.Interval(min(s.low for s in spans.values()), max(s.high for s in spans.values())))


def _check_times(change: Change, bounds: dates.Interval) -> None:
    appointment = change.after or {}
    for element, bound in (("start", bounds.low), ("end", bounds.high)):
        if element in appointment and dates.interval(appointment[element]).low != bound:
            raise fault(
                Category.BUSINESS_RULE, f"The {element} is not that of the slots named.", f"Appointment.{element}"
            )


def _span(slot: dict[str, Any]) -> dates.Interval:
    return dates.Interval(dates.interval(slot["start"]).low, dates.interval(slot["end"]).low)


def _is_there(uow: UnitOfWork, slot: Stored | None, is_new: bool) -> bool:
    """Whether it exists, and for one that is to be taken, whether it is the actor's to take now."""
    if slot is None or slot.deleted:
        return False
    return not is_new or allocation.is_allowed(uow.actor, slot, uow.now_ms)


def _missing(change: Change, slot_id: str) -> Issue:
    return Issue(Category.UNKNOWN_REFERENCE, f"Slot/{slot_id} does not exist.", _expression(change, slot_id))


def _expression(change: Change, slot_id: str) -> str:
    references = read(change.after or {}, "slot.reference")
    return f"Appointment.slot[{references.index(f'Slot/{slot_id}')}]"
