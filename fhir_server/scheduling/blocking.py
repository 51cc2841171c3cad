"""Blocked times told by a feed (SIU^S23, S24): nobody is offered a slot of theirs while the block stands.

A block is a Slot, `busy-unavailable`, on an agenda of whom it is told of; withdrawn it is `entered-in-error`, so that a
block that arrives after its own withdrawal is known to be old. The free slots it covers are withdrawn with it; slots
that are booked stay booked, and are withdrawn when they come free.

A withdrawal opens its time of other blocks, too, if they were told before it, whatever arrives first: hospitals name
the time that they open by another number. A block of which nothing is left is entered in error.
"""

from collections.abc import Sequence
from typing import Any

from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.ids import new_id
from fhir_server.scheduling import agendas, settling
from fhir_server.scheduling.agendas import ENDED, FREE, LONGEST_BLOCK_MS, WITHDRAWN, overlap, span
from fhir_server.scheduling.openings import Word, left
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]


def block(uow: UnitOfWork, before: Json | None, slot: Json, at_ms: int) -> None:
    """Complete a block with its agenda, made if there is none, and withdraw or offer again the slots it covers.

    `at_ms`: when the latest word on it was said. Raises FhirError: UNKNOWN_REFERENCE for an agenda that is not known,
    BUSINESS_RULE for a block that ends before it begins or lasts for more than 62 days.
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
    word = Word(here, at_ms)
    if slot["status"] == WITHDRAWN:
        still = left(word, agendas.words(uow, schedules, here, ENDED, but=id_))
        slot["status"] = WITHDRAWN if still else ENDED
        for part in still:
            _withdraw(uow, schedules, part)
        _offer(uow, schedules, was, but=id_, still=still)
    else:
        _end_others(uow, schedules, word, but=id_)
        _offer(uow, schedules, was, but=id_, opening=word)
        _offer(uow, schedules, here, but=id_, opening=word)


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
    uow: UnitOfWork,
    schedules: list[str],
    there: Interval | None,
    *,
    but: str,
    still: Sequence[Interval] = (),
    opening: Word | None = None,
) -> None:
    """Offer again what was withdrawn for a block: all of it, or what is not `still` within it."""
    if there is None:
        return
    for slot in _locked(uow, schedules, there, WITHDRAWN):
        content = slot.content()
        own = span(content)
        if settling.is_blocked(content) and not (own is not None and any(overlap(own, part) for part in still)):
            settling.settle(uow, slot, unblocked=but, opening=opening)


def _end_others(uow: UnitOfWork, schedules: list[str], opening: Word, *, but: str) -> None:
    """Enter in error the other blocks of which nothing is left."""
    for slot in _locked(uow, schedules, opening.span, WITHDRAWN):
        content = slot.content()
        there = span(content)
        if slot.id == but or there is None or not agendas.is_told(content):
            continue
        openings = [opening, *agendas.words(uow, schedules, there, ENDED, but=but)]
        if not left(Word(there, slot.happened_ms), openings):
            ended = content | {"status": ENDED}
            resources.replace(uow, slot, ended, happened_ms=slot.happened_ms, told=slot.told)


def _locked(uow: UnitOfWork, schedules: list[str], here: Interval, status: str) -> list[Stored]:
    found = agendas.slots_over(uow, schedules, here, status)
    return [one for one in resources.lock_many(uow, [("Slot", id_) for id_ in found]).values() if not one.deleted]
