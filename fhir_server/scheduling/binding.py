"""An appointment told by a feed meets the territory's slots.

HL7 v2 names resources and times, not slots. The free slots that the appointment's resources have at its time become
its own, those that share only a part of it too, so that nobody else books them; none is a normal case, since a hospital
books outside our agendas too. A slot without a seat left stays whose it is, and is marked overbooked.
"""

from typing import Any

from fhir_server.kernel.dates import Interval
from fhir_server.scheduling import agendas, settling
from fhir_server.scheduling.agendas import FREE, HELD, HOLDING, TAKEN, Offer, actors_of, offer, overlap, span
from fhir_server.scheduling.booking import slot_ids
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

#: Statuses that may say why: app-4 of https://www.hl7.org/fhir/R4/appointment.html, by its intent.
_GIVEN_UP = frozenset({"cancelled", "noshow"})


def bind(uow: UnitOfWork, before: dict[str, Any] | None, appointment: dict[str, Any], at_ms: int) -> None:
    """Complete an Appointment's `slot` for its time and resources; slots it no longer has a part in are let go.

    `slot` may name a Schedule by its identifier: its slots count as those of a participant. The reason of a
    cancellation goes with it when the feed books the appointment again.
    """
    if appointment["status"] not in _GIVEN_UP:
        appointment.pop("cancelationReason", None)
    if before is None:
        agendas.mark(uow.actor, appointment)
    named = _named_schedules(uow, before, appointment)
    held = slot_ids(before) if before is not None and before["status"] in HOLDING else []
    if before is not None and held and appointment["status"] in HOLDING and _is_same(before, appointment):
        appointment["slot"] = before["slot"]
        return
    if before is not None:
        _leave(uow, before, held)
    if appointment["status"] in HOLDING:
        found = {*_kept(uow, before, appointment, held), *_found(uow, appointment, named, held)}
        appointment["slot"] = [{"reference": f"Slot/{slot_id}"} for slot_id in sorted(found)]
    if not appointment.get("slot") or (appointment["status"] not in HOLDING and agendas.is_told(appointment)):
        # What a feed made keeps no slot it does not hold: its state must not depend on what came first.
        appointment.pop("slot", None)


def ruled_out(told: dict[str, Any]) -> tuple[str, ...]:
    """Elements that a state told of an Appointment rules out: one that is not given up has no reason for it."""
    return ("cancelationReason",) if told.get("status", "cancelled") not in _GIVEN_UP else ()


def _leave(uow: UnitOfWork, before: dict[str, Any], held: list[str]) -> None:
    """Look again at slots that were overbooked by this appointment among others."""
    there = span(before)
    if there is None or before["status"] not in HOLDING or there.high <= uow.now_ms:
        return
    found = agendas.slots_of(uow, actors_of(before), there, TAKEN, HELD)
    for slot in resources.lock_many(uow, [("Slot", id_) for id_ in found if id_ not in held]).values():
        if not slot.deleted and slot.content().get("overbooked"):
            settling.settle(uow, slot, leaving=before["id"])


def _is_same(before: dict[str, Any], appointment: dict[str, Any]) -> bool:
    """Whether time and resources are what they were."""
    return span(before) == span(appointment) and set(actors_of(before)) == set(actors_of(appointment))


def _found(uow: UnitOfWork, appointment: dict[str, Any], named: list[str], held: list[str]) -> list[str]:
    """Ids of the slots that are free for it, locked so that they stay so; those without a seat left are marked."""
    here = span(appointment)
    if here is None or here.high <= uow.now_ms:
        return []
    ids = {
        *agendas.slots_over(uow, named, here, FREE, TAKEN, HELD),
        *agendas.slots_of(uow, actors_of(appointment), here, FREE, TAKEN, HELD),
    }
    locked = resources.lock_many(uow, [("Slot", id_) for id_ in ids])
    ahead = sorted((slot for slot in locked.values() if _is_ahead(slot, uow.now_ms)), key=lambda slot: slot.id)
    # Slots of one agenda with the same times are seats of one offer: one of them is enough.
    offers: dict[Offer, list[Stored]] = {}
    for slot in ahead:
        offers.setdefault(offer(slot.content()), []).append(slot)
    found = []
    for seats in offers.values():
        free = [slot.id for slot in seats if slot.content()["status"] == FREE]
        if any(slot.id in held for slot in seats):
            continue
        found += free[:1]
        if not free:
            settling.overbook(uow, seats[0])
    return found


def _kept(uow: UnitOfWork, before: dict[str, Any] | None, appointment: dict[str, Any], held: list[str]) -> list[str]:
    """Which slots it holds and keeps: of a time it still has, and of nobody who no longer takes part."""
    here = span(appointment)
    if before is None or here is None or not held:
        return []
    left = set(actors_of(before)) - set(actors_of(appointment))
    gone = set(agendas.schedules_of(uow, left)) - set(agendas.schedules_of(uow, actors_of(appointment)))
    locked = resources.lock_many(uow, [("Slot", id_) for id_ in held])
    return [slot.id for slot in locked.values() if _stays(slot, here, gone)]


def _stays(slot: Stored, here: Interval, gone: set[str]) -> bool:
    content = {} if slot.deleted else slot.content()
    there = span(content)
    schedule = content.get("schedule", {}).get("reference", "").removeprefix("Schedule/")
    return there is not None and overlap(there, here) and schedule not in gone


def _is_ahead(slot: Stored, now_ms: int) -> bool:
    there = None if slot.deleted else span(slot.content())
    return there is not None and there.low >= now_ms


def _named_schedules(uow: UnitOfWork, before: dict[str, Any] | None, appointment: dict[str, Any]) -> list[str]:
    """Ids of the schedules that `slot` names by identifier; it becomes again what it was."""
    slots = appointment.get("slot", [])
    wanted = [item["identifier"] for item in slots if item.get("type") == "Schedule"]
    if wanted:
        appointment.pop("slot")
        appointment |= {"slot": before["slot"]} if before is not None and "slot" in before else {}
    return agendas.schedules_named(uow, wanted)
