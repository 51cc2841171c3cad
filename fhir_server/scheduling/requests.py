"""Requests for an appointment by message (HL7 v2 SRM, SQM): find a slot and take it, move it, tell what is open.

Who asks names persons, places, services and times; the slot is ours to find. Several who want the last one wait for
each other: one gets it, the others are told that there is none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel.errors import Category, fault
from fhir_server.scheduling import agendas, allocation
from fhir_server.scheduling.agendas import FREE, HELD, HOLDING, TAKEN, WITHDRAWN, actors_of, span
from fhir_server.scheduling.wishes import Wish, codes
from fhir_server.storage import claims, resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

#: What a wish may ask for, under `action`.
BOOK, MOVE, CHANGE, DISCONTINUE, SEARCH = "book", "move", "change", "discontinue", "search"
#: Statuses of an Appointment that has begun: one that is discontinued then was held.
_BEGUN = frozenset({"arrived", "checked-in", "fulfilled"})
#: What a slot looks like as an appointment, to who asks what is open, taken or closed.
_AS_APPOINTMENT = {FREE: "proposed", TAKEN: "booked", HELD: "pending", WITHDRAWN: "cancelled"}
#: How many slots are looked through for one that fits, and how many are told to a query that names no limit.
_LOOKED_THROUGH, _TOLD = 500, 50
#: Among the statuses asked for: the first slot alone.
_FIRST = "first"


def decide(uow: UnitOfWork, told: Mapping[str, Any], before: Json | None, asked: Json) -> None:
    """Give the Appointment asked for a slot that is free, whose time and resources become its own.

    One that cannot be decided here, since it names nobody with an agenda of ours, is left `proposed`. What is booked
    already stays as it is when it is asked for again. Raises FhirError: UNKNOWN_REFERENCE for an agenda that is not
    known, BUSINESS_RULE when no slot fits, or someone is added who is not free.
    """
    if told["action"] == CHANGE:
        _check_added(uow, before or {}, asked)
        return
    if told["action"] == DISCONTINUE:
        _discontinue(before or {}, asked)
        return
    is_held = before is not None and before["status"] in HOLDING
    if told["action"] == BOOK and is_held and before is not None:
        asked |= {name: before[name] for name in ("status", "start", "end", "minutesDuration", "participant")}
        return
    if (told["action"] == BOOK and asked["status"] not in HOLDING) or (told["action"] == MOVE and not is_held):
        return
    wish = Wish.of(_asked_anew(asked, before), told, uow.now_ms)
    schedules = _schedules(uow, wish)
    if wish.is_open or (not schedules and (wish.actors or wish.agendas)):
        _leave_open(asked)
        return
    slot = next(_takeable(uow, wish, schedules), None)
    if slot is None:
        raise fault(Category.BUSINESS_RULE, "No slot is open that fits the request.")
    content = slot.content()
    times = {"start": content["start"], "end": content["end"], "minutesDuration": _minutes(content)}
    asked |= {"status": "booked", **times}
    _add_owners(uow, asked, content)


@dataclass(frozen=True, slots=True)
class Found:
    """What a query found, or one page of it."""

    #: Each slot as an Appointment that could be made of it; in the order of their times.
    slots: list[Json]
    #: How many more there are (at least), and what a query names to be told them; empty when there are none.
    remaining: int
    pointer: str


def search(uow: UnitOfWork, told: Mapping[str, Any], asked: Json) -> Found:
    """The slots that a query asks for.

    `told` holds the `statuses` of slots asked for, a `limit` and the `pointer` that an earlier query ended with. Raises
    FhirError: UNKNOWN_REFERENCE for an agenda that is not known, VALUE for a pointer that is none.
    """
    after = _place(told.get("pointer") or "")
    wish = Wish.of(asked, told, uow.now_ms).from_time(after[0])
    schedules = _schedules(uow, wish)
    wanted = None if not (wish.actors or wish.agendas) else schedules
    statuses = told.get("statuses") or (FREE,)
    limit = 1 if _FIRST in statuses else min(int(told.get("limit") or _TOLD), _LOOKED_THROUGH)
    states = [status for status in statuses if status != _FIRST]
    states += [HELD] if TAKEN in states else []
    patients = [actor for actor in actors_of(asked) if actor.startswith("Patient/")]
    found = {slot.pk: slot for status in states for slot in _standing(uow, wish, wanted, status, patients)}
    ordered = sorted((_at(slot), slot) for slot in found.values() if _at(slot) > after)
    page = [slot for _, slot in ordered[:limit]]
    rest = 0 if _FIRST in statuses else len(ordered) - len(page)
    pointer = "{}.{}".format(*_at(page[-1])) if rest else ""
    return Found([_proposal(uow, slot) for slot in page], rest, pointer)


def _place(pointer: str) -> tuple[int, int]:
    """Start and number of the last slot told; before all slots without a pointer."""
    start, _, number = pointer.partition(".")
    if pointer and not (start.isdigit() and number.isdigit() and len(pointer) < 40):
        raise fault(Category.VALUE, "The continuation pointer is not one that was given.")
    return (int(start), int(number)) if pointer else (0, 0)


def _at(slot: Stored) -> tuple[int, int]:
    here = span(slot.content())
    return (here.low if here is not None else 0), slot.pk


def _standing(
    uow: UnitOfWork, wish: Wish, schedules: list[str] | None, status: str, patients: list[str]
) -> Iterator[Stored]:
    """The slots of one status that fit; of the booked ones, those that patients who are named hold."""
    for slot in _fitting(uow, wish, schedules, status):
        if status not in (TAKEN, HELD) or not patients or _is_held(uow, slot, patients):
            yield slot


def _is_held(uow: UnitOfWork, slot: Stored, patients: list[str]) -> bool:
    holders = (resources.load(uow.connection, "Appointment", id_) for id_ in claims.holders(uow, slot.id))
    return any(one is not None and not set(patients).isdisjoint(actors_of(one.content())) for one in holders)


def _check_added(uow: UnitOfWork, before: Json, asked: Json) -> None:
    added = set(actors_of(asked)) - set(actors_of(before))
    if asked["status"] in HOLDING and not all(_is_free(uow, actor, asked) for actor in sorted(added)):
        raise fault(Category.BUSINESS_RULE, "Someone who is to be added is not free at the time of the appointment.")


def _discontinue(before: Json, asked: Json) -> None:
    if before.get("status") in _BEGUN:
        asked["status"] = "fulfilled"
        asked.pop("cancelationReason", None)


def _asked_anew(asked: Json, before: Json | None) -> Json:
    """A request that names nobody speaks of those who take part already."""
    if before is None or asked.get("participant"):
        return asked
    return asked | {"participant": before.get("participant", [])}


def _leave_open(asked: Json) -> None:
    """FHIR knows a request without a time as proposed; one with a time waits for an answer."""
    asked["status"] = "pending" if "start" in asked and "end" in asked else "proposed"


def _schedules(uow: UnitOfWork, wish: Wish) -> list[str]:
    named = agendas.schedules_named(uow, wish.agendas)
    if len(named) < len(wish.agendas):
        raise fault(Category.UNKNOWN_REFERENCE, "No Schedule is known by the identifier given.", "Appointment.slot")
    return list(dict.fromkeys([*named, *agendas.schedules_of(uow, wish.actors)]))


def _takeable(uow: UnitOfWork, wish: Wish, schedules: list[str]) -> Iterator[Stored]:
    """The slots that fit and are still free once locked, at a time when all who are named are."""
    for slot in _fitting(uow, wish, schedules or None, FREE):
        locked = resources.lock(uow, "Slot", slot.id)
        content = locked.content() if locked is not None and not locked.deleted else {}
        if locked and content.get("status") == FREE and all(_is_free(uow, actor, content) for actor in wish.actors):
            yield locked


def _is_free(uow: UnitOfWork, actor: str, slot: Json) -> bool:
    """Whether someone named has a free slot at the time, or no agenda here at all."""
    schedules, here = agendas.schedules_of(uow, [actor]), span(slot)
    return not schedules or (here is not None and bool(agendas.slots_over(uow, schedules, here, FREE)))


def _fitting(uow: UnitOfWork, wish: Wish, schedules: list[str] | None, status: str) -> Iterator[Stored]:
    agenda_of: dict[str, Json] = {}
    names_of: dict[str, set[str]] = {}
    for period in wish.periods:
        for slot in agendas.slots_in(uow, schedules, period, status, _LOOKED_THROUGH):
            if not _is_for(uow, slot):
                continue
            content = slot.content()
            services = codes(_services(uow, content, agenda_of))
            if wish.fits(content, services) and _is_selected(uow, wish, content, names_of):
                yield slot


def _is_for(uow: UnitOfWork, slot: Stored) -> bool:
    """Whether who asks may take the slot. A feed tells of all the territory, and takes what is meant for it."""
    return slot.owner == uow.actor.owner or allocation.is_open_to(uow.actor, slot, uow.now_ms)


def _is_selected(uow: UnitOfWork, wish: Wish, slot: Json, known: dict[str, set[str]]) -> bool:
    """Whether one of those whose agenda it is, or the agenda, is named in each of the selections."""
    reference = slot.get("schedule", {}).get("reference", "")
    if wish.selections and reference not in known:
        known[reference] = {name for one in (reference, *agendas.owners(uow, slot)) for name in _names(uow, one)}
    return all(not selection.isdisjoint(known[reference]) for selection in wish.selections)


def _names(uow: UnitOfWork, reference: str) -> set[str]:
    """By what a resource is known, folded: its id, its numbers and its name."""
    type_name, _, id_ = reference.partition("/")
    stored = resources.load(uow.connection, type_name, id_)
    content = stored.content() if stored is not None and not stored.deleted else {}
    told = [id_, content.get("name"), *(one.get("value") for one in content.get("identifier", ()))]
    return {text.casefold() for text in told if isinstance(text, str)}


def _services(uow: UnitOfWork, slot: Json, known: dict[str, Json]) -> list[Json]:
    """The services a slot offers: its own, else those of its agenda."""
    reference = slot.get("schedule", {}).get("reference", "")
    if reference not in known:
        schedule = resources.load(uow.connection, "Schedule", reference.removeprefix("Schedule/"))
        known[reference] = schedule.content() if schedule is not None and not schedule.deleted else {}
    own: list[Json] = slot.get("serviceType") or known[reference].get("serviceType", [])
    return own


def _minutes(slot: Json) -> int:
    here = span(slot)
    return max(1, (here.high - here.low) // 60_000) if here is not None else 1


def _add_owners(uow: UnitOfWork, asked: Json, slot: Json) -> None:
    """Those whose agenda it is take part, whether they were named or not."""
    known = set(actors_of(asked))
    missing = [actor for actor in agendas.owners(uow, slot) if actor not in known]
    taking_part = [{"actor": {"reference": actor}, "status": "accepted", "required": "required"} for actor in missing]
    asked["participant"] = [*asked.get("participant", ()), *taking_part]


def _proposal(uow: UnitOfWork, slot: Stored) -> Json:
    content = slot.content()
    made: Json = {
        "resourceType": "Appointment",
        "status": _AS_APPOINTMENT[content["status"]],
        "slot": [{"reference": slot.reference}],
        "start": content["start"],
        "end": content["end"],
        "minutesDuration": _minutes(content),
        "supportingInformation": [content["schedule"]],
    }
    _add_owners(uow, made, content)
    services = _services(uow, content, {})
    return made | ({"serviceType": services} if services else {})
