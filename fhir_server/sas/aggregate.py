"""Slots of practitioners with all that they refer to (INT_R01, INT_R04).

Statements are few whatever is asked: roles and Schedules of the practitioners, slots, places and structures, and for
a CPTS two more. What cannot be shown validly is left out with what hangs on it, and noted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fhir_server.sas import agendas, directory
from fhir_server.sas.agendas import Fallback
from fhir_server.sas.answer import Answer, Desk, Texts
from fhir_server.sas.asking import Window
from fhir_server.sas.belonging import add_slots
from fhir_server.sas.codes import INDIVIDUAL, Shape
from fhir_server.sas.parts import Shown, Unfit
from fhir_server.storage import aggregation
from fhir_server.storage.aggregation import Found

_RELATED = ("PractitionerRole.practitioner", "Schedule.actor")


@dataclass(frozen=True, slots=True)
class _Person:
    """A stored practitioner, and as whom it is shown: several stored under one number are one."""

    id: str
    shown: Shown


@dataclass(frozen=True, slots=True)
class _Agenda:
    """A Schedule of one practitioner in one role."""

    id: str
    body: str
    practitioner: Shown
    role: Found


@dataclass(frozen=True, slots=True)
class _Opened:
    """An agenda that can be shown."""

    agenda: _Agenda
    role: Shown
    fallback: Fallback


def gather(desk: Desk, shape: Shape, practitioners: Sequence[Found], window: Window) -> Answer:
    """The slots of practitioners that begin in a window, with their agendas, roles, places and CPTS."""
    answer = Answer()
    people = {person.id: person.shown for person in _people(practitioners, answer)}
    if not people or window.low > window.high:
        return answer
    related = aggregation.referring(desk.reader.next(), _RELATED, "Practitioner", list(people))
    found = _agendas(related, people, answer)
    if not found:
        return answer
    rows = aggregation.free_slots(desk.reader.next(), desk.actor, list(found), (window.low, window.high), desk.now_ms)
    used = [found[id_] for id_ in dict.fromkeys(row.schedule_id for row in rows)]
    opened = _opened(desk, used, answer)
    fallbacks = {id_: one.fallback for id_, one in opened.items()}
    for id_ in add_slots(desk, shape, [row for row in rows if row.schedule_id in opened], fallbacks, answer):
        _add_agenda(shape, opened[id_], answer)
    return answer


def schedules(desk: Desk, practitioners: Sequence[Found]) -> list[Shown]:
    """The agendas of practitioners that can be shown, whatever slots they have."""
    answer = Answer()
    people = {person.id: person.shown for person in _people(practitioners, answer)}
    related = aggregation.referring(desk.reader.next(), _RELATED, "Practitioner", list(people)) if people else []
    return [_schedule(INDIVIDUAL, agenda) for agenda in _agendas(related, people, answer).values()]


def _people(practitioners: Sequence[Found], answer: Answer) -> list[_Person]:
    first: dict[str | None, Shown] = {}
    people = []
    for row in practitioners:
        shown = answer.fit("Practitioner", row.id, directory.practitioner(row.body))
        if shown is not None:
            people.append(_Person(row.id, first.setdefault(directory.practitioner_number(row.body), shown)))
    return people


def _agendas(related: Sequence[Found], people: Mapping[str, Shown], answer: Answer) -> dict[str, _Agenda]:
    roles: dict[str, list[Found]] = {}
    for row in related:
        if row.type == "PractitionerRole" and directory.role_owner(row.body) in people:
            roles.setdefault(people[directory.role_owner(row.body)].id, []).append(row)
    found = {}
    for row in related:
        if row.type == "Schedule":
            agenda = _agenda(row, people, roles)
            if isinstance(agenda, Unfit):
                answer.left_out[f"Schedule/{row.id}"] = agenda
            else:
                found[row.id] = agenda
    return found


def _agenda(row: Found, people: Mapping[str, Shown], roles: Mapping[str, list[Found]]) -> _Agenda | Unfit:
    actors = agendas.actors(row.body)
    if isinstance(actors, Unfit):
        return actors
    if len(actors["Practitioner"]) != 1:
        return Unfit("is of several practitioners", "Schedule.actor")
    person = people[actors["Practitioner"][0]]
    mine = {role.id: role for role in roles.get(person.id, ()) if actors["PractitionerRole"] or _is_open(role)}
    chosen = agendas.role_of(actors["PractitionerRole"], list(mine))
    return chosen if isinstance(chosen, Unfit) else _Agenda(row.id, row.body, person, mine[chosen])


def _is_open(role: Found) -> bool:
    return not isinstance(directory.place_of(role.body), Unfit)


def _opened(desk: Desk, used: Sequence[_Agenda], answer: Answer) -> dict[str, _Opened]:
    """Those of the agendas whose role can be shown, with its place and structure."""
    places = {agenda.id: directory.place_of(agenda.role.body) for agenda in used}
    wanted = {
        "Location": {place for place in places.values() if isinstance(place, str)} - {""},
        "Organization": {directory.structure_of(agenda.role.body) for agenda in used} - {""},
    }
    texts = aggregation.named(desk.reader.next(), {name: sorted(ids) for name, ids in wanted.items()})
    found = {}
    for agenda in used:
        place = places[agenda.id]
        one = place if isinstance(place, Unfit) else _open(agenda, place, texts)
        if isinstance(one, Unfit):
            reason = f"PractitionerRole/{agenda.role.id}: {one.reason}"
            answer.left_out[f"Schedule/{agenda.id}"] = Unfit(reason, one.expression)
        else:
            found[agenda.id] = one
    return found


def _open(agenda: _Agenda, place: str, texts: Texts) -> _Opened | Unfit:
    at = texts.get(("Location", place))
    of = texts.get(("Organization", directory.structure_of(agenda.role.body)))
    role = directory.role(agenda.role.body, agenda.practitioner.id, at, of)
    if isinstance(role, Unfit):
        return role
    return _Opened(agenda, role, agendas.fallback(agenda.body, agenda.role.body, at))


def _add_agenda(shape: Shape, opened: _Opened, answer: Answer) -> None:
    answer.add("Schedule", _schedule(shape, opened.agenda))
    answer.add("Practitioner", opened.agenda.practitioner)
    answer.add("PractitionerRole", opened.role)


def _schedule(shape: Shape, agenda: _Agenda) -> Shown:
    named = (("Practitioner", agenda.practitioner.id), ("PractitionerRole", agenda.role.id))
    return agendas.schedule(shape, agenda.id, *named)
