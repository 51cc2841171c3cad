"""Requests for an appointment by message (HL7 v2 SRM, SQM): find a slot and take it, move it, tell what is open.

Who asks names persons, places, services and times; the slot is ours to find. Several who want the last one wait for
each other: one gets it, the others are told that there is none.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_server.kernel.errors import Category, fault
from fhir_server.scheduling import agendas
from fhir_server.scheduling.agendas import FREE, HOLDING, TAKEN, WITHDRAWN, actors_of, span
from fhir_server.scheduling.wishes import Wish, codes
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

#: What a wish may ask for, under `action`.
BOOK, MOVE, SEARCH = "book", "move", "search"
#: What a slot looks like as an appointment, to who asks what is open, taken or closed.
_AS_APPOINTMENT = {FREE: "proposed", TAKEN: "booked", WITHDRAWN: "cancelled"}
#: How many slots are looked through for one that fits, and how many are told to a query that names no limit.
_LOOKED_THROUGH, _TOLD = 500, 50


def decide(uow: UnitOfWork, told: Mapping[str, Any], before: Json | None, asked: Json) -> None:
    """Give the Appointment asked for a slot that is free, whose time and resources become its own.

    One that cannot be decided here, since it names nobody with an agenda of ours, is left `proposed`. What is booked
    already stays as it is when it is asked for again. Raises FhirError: UNKNOWN_REFERENCE for an agenda that is not
    known, BUSINESS_RULE when no slot fits.
    """
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


def search(uow: UnitOfWork, told: Mapping[str, Any], asked: Json) -> list[Json]:
    """The slots that a query asks for, each as an Appointment that could be made of it; in the order of their times.

    `told` holds the `statuses` of slots asked for and a `limit`.
    """
    wish = Wish.of(asked, told, uow.now_ms)
    schedules = _schedules(uow, wish)
    wanted = None if not (wish.actors or wish.agendas) else schedules
    statuses = told.get("statuses") or (FREE,)
    limit = min(int(told.get("limit") or _TOLD), _LOOKED_THROUGH)
    found = [slot for status in statuses for slot in _fitting(uow, wish, wanted, status)]
    ordered = sorted(found, key=lambda slot: (slot.content()["start"], slot.pk))
    return [_proposal(uow, slot) for slot in ordered[:limit]]


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
    for period in wish.periods:
        for slot in agendas.slots_in(uow, schedules, period, status, _LOOKED_THROUGH):
            content = slot.content()
            if wish.fits(content, codes(_services(uow, content, agenda_of))):
                yield slot


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
