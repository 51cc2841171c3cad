"""Blocked times told by a feed (SIU^S23, S24): nobody is offered a slot of theirs while the block stands.

A block is a Slot, `busy-unavailable`, on an agenda of whom it is told of; withdrawn it is `entered-in-error`, so that a
block that arrives after its own withdrawal is known to be old. The free slots it covers are withdrawn with it; slots
that are booked stay booked, and are withdrawn when they come free.
"""

from typing import Any

from fhir_server.kernel.dates import Interval, to_instant
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.ids import new_id
from fhir_server.scheduling import agendas, settling
from fhir_server.scheduling.agendas import FREE, LONGEST_BLOCK_MS, WITHDRAWN, overlap, span
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]


def block(uow: UnitOfWork, before: Json | None, slot: Json) -> None:
    """Complete a block with its agenda, made if there is none, and withdraw or offer again the slots it covers.

    Raises FhirError: UNKNOWN_REFERENCE for an agenda that is not known, BUSINESS_RULE for a block that ends before it
    begins or lasts for more than 62 days.
    """
    here = span(slot)
    if here is None or here.high - here.low > LONGEST_BLOCK_MS:
        raise fault(Category.BUSINESS_RULE, "A block ends after it begins and lasts for 62 days at most.", "Slot.end")
    if before is None:
        agendas.mark(uow.actor, slot)
    slot["schedule"] = {"reference": f"Schedule/{_schedule(uow, slot['schedule'])}"}
    schedules = agendas.schedules_of(uow, agendas.owners(uow, slot))
    id_ = before["id"] if before is not None else ""
    was = span(before) if before is not None and before["status"] == WITHDRAWN else None
    if slot["status"] == WITHDRAWN:
        _withdraw(uow, schedules, here)
        _offer(uow, schedules, was, but=id_, still=here)
    else:
        _cut_others(uow, schedules, here, but=id_)
        _offer(uow, schedules, was, but=id_)
        _offer(uow, schedules, here, but=id_)


def _schedule(uow: UnitOfWork, told: Json) -> str:
    """The agenda of whom a block names: a Schedule, or someone who may have one."""
    reference = told.get("reference", "")
    if reference.startswith("Schedule/"):
        return str(reference.removeprefix("Schedule/"))
    found = agendas.schedules_of(uow, [reference]) if reference else agendas.schedules_named(uow, [told["identifier"]])
    if found:
        return found[0]
    if not reference:
        raise fault(Category.UNKNOWN_REFERENCE, "No Schedule is known by the identifier given.", "Slot.schedule")
    agenda = {"resourceType": "Schedule", "actor": [{"reference": reference}]}
    return resources.insert_first(uow, "Schedule", new_id(), agenda, method="POST").id


def _withdraw(uow: UnitOfWork, schedules: list[str], here: Interval) -> None:
    for slot in _locked(uow, schedules, here, FREE):
        content = slot.content()
        if content["status"] == FREE:
            resources.replace(uow, slot, settling.blocked(content))


def _offer(
    uow: UnitOfWork, schedules: list[str], there: Interval | None, *, but: str, still: Interval | None = None
) -> None:
    """Offer again what was withdrawn for a block: all of it, or what is not `still` within it."""
    if there is None:
        return
    for slot in _locked(uow, schedules, there, WITHDRAWN):
        content = slot.content()
        own = span(content)
        if settling.is_blocked(content) and not (still is not None and own is not None and overlap(own, still)):
            settling.settle(uow, slot, unblocked=but)


def _cut_others(uow: UnitOfWork, schedules: list[str], opened: Interval, *, but: str) -> None:
    """Take an opened time out of the other blocks that feeds told."""
    for slot in _locked(uow, schedules, opened, WITHDRAWN):
        content = slot.content()
        there = span(content)
        if slot.id == but or there is None or not agendas.is_told(content):
            continue
        left = [part for part in _less(there, opened) if part.low < part.high]
        first = _at(content, left[0]) if left else content | {"status": "entered-in-error"}
        resources.replace(uow, slot, first, happened_ms=slot.happened_ms, told=slot.told)
        for part in left[1:]:
            rest = {name: value for name, value in content.items() if name not in ("id", "identifier")}
            resources.insert_first(uow, "Slot", new_id(), _at(rest, part), method="POST")


def _less(there: Interval, opened: Interval) -> list[Interval]:
    return [Interval(there.low, min(there.high, opened.low)), Interval(max(there.low, opened.high), there.high)]


def _at(content: Json, part: Interval) -> Json:
    return content | {"start": to_instant(part.low), "end": to_instant(part.high)}


def _locked(uow: UnitOfWork, schedules: list[str], here: Interval, status: str) -> list[Stored]:
    found = agendas.slots_over(uow, schedules, here, status)
    return [one for one in resources.lock_many(uow, [("Slot", id_) for id_ in found]).values() if not one.deleted]
