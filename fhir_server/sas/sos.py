"""Slots of SOS Médecins: those of places, which structures run. No practitioner is named."""

from collections.abc import Iterable, Mapping, Sequence

from fhir_server.sas import agendas, directory
from fhir_server.sas.agendas import Fallback
from fhir_server.sas.answer import Answer, Desk
from fhir_server.sas.asking import Window
from fhir_server.sas.belonging import add_slots
from fhir_server.sas.codes import SOS
from fhir_server.sas.parts import Shown, Unfit
from fhir_server.storage import aggregation
from fhir_server.storage.aggregation import Found

#: A place in its shape, with its stored text.
_Places = Mapping[str, tuple[Shown, str]]


def gather(desk: Desk, structures: Sequence[Found], window: Window) -> Answer:
    """The slots of the places of structures that begin in a window, with their agendas."""
    answer = Answer()
    run = _fit(answer, ((row, directory.sos_organization(row.body)) for row in structures))
    if not run or window.low > window.high:
        return answer
    rows = aggregation.referring(desk.reader.next(), ("Location.organization",), "Organization", list(run))
    places = _fit(answer, ((row, directory.sos_location(row.body)) for row in rows))
    if not places:
        return answer
    found = aggregation.referring(desk.reader.next(), ("Schedule.actor",), "Location", list(places))
    fallbacks, shown = _agendas(found, places, answer)
    if not shown:
        return answer
    free = aggregation.free_slots(desk.reader.next(), desk.actor, list(shown), (window.low, window.high), desk.now_ms)
    for id_ in add_slots(desk, SOS, free, fallbacks, answer):
        schedule, place = shown[id_]
        answer.add("Schedule", schedule)
        answer.add("Location", places[place][0])
        answer.add("Organization", run[directory.place_owner(places[place][1])][0])
    return answer


def _fit(answer: Answer, found: Iterable[tuple[Found, Shown | Unfit]]) -> dict[str, tuple[Shown, str]]:
    fit = ((row, answer.fit(row.type, row.id, one)) for row, one in found)
    return {row.id: (one, row.body) for row, one in fit if one is not None}


def _agendas(
    found: Sequence[Found], places: _Places, answer: Answer
) -> tuple[dict[str, Fallback], dict[str, tuple[Shown, str]]]:
    """What slots fall back on, and the shape and place of each Schedule that is of one place."""
    fallbacks: dict[str, Fallback] = {}
    shown: dict[str, tuple[Shown, str]] = {}
    for row in found:
        actors = agendas.actors(row.body)
        named = [] if isinstance(actors, Unfit) else actors["Location"]
        if len(named) != 1 or named[0] not in places:
            reason = "is not active, or not of exactly one place"
            answer.left_out[f"Schedule/{row.id}"] = Unfit(reason, "Schedule.actor")
            continue
        fallbacks[row.id] = agendas.fallback(row.body, None, places[named[0]][1])
        shown[row.id] = agendas.schedule(SOS, row.id, ("Location", named[0])), named[0]
    return fallbacks, shown
