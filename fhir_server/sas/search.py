"""Searches and reads of `/sas`: from parameters to the body of an answer, within the time that SAS waits."""

from collections.abc import Callable
from dataclasses import dataclass

from fhir_server.interactions.read import read as read_stored
from fhir_server.interactions.visibility import absent
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.sas import aggregate, asking, bundle, codes, directory, national, sos
from fhir_server.sas.answer import Answer, Desk
from fhir_server.sas.asking import Pairs, Window
from fhir_server.sas.memory import memory_of
from fhir_server.sas.parts import Unfit, parsed, targets
from fhir_server.storage import aggregation
from fhir_server.storage.aggregation import Found
from fhir_server.storage.deadline import Hurried, within
from fhir_server.storage.unit_of_work import Store

#: Seconds after which no statement begins, and which none takes longer than: together less than the 7 s SAS waits.
PATIENCE = 3.0

IDENTIFIER, ACTOR = "identifier", "actor"


@dataclass(frozen=True, slots=True)
class Request:
    """What every request of `/sas` has."""

    actor: Actor
    #: The base, and the address asked for with its query as it came.
    base_url: str
    link: str
    #: Where slots are booked that do not say so; empty for nowhere.
    address: str


def search_slots(store: Store, request: Request, pairs: Pairs) -> bytes:
    """INT_R01 or INT_R04. Raises FhirError: 400 for what cannot be meant, UNAVAILABLE when time is up."""
    asked = asking.slots_of_practitioners(pairs, store.database.clock())
    with within(store, PATIENCE) as reader:
        answer = aggregate.gather(
            _desk(store, request, reader), asked.shape, _practitioners(reader, asked.numbers), asked.window
        )
    return bundle.of_slots(answer, asked.shape, "Slot", asked.brings, base_url=request.base_url, link=request.link)


def search_schedules(store: Store, request: Request, pairs: Pairs) -> bytes:
    """The request of SOS Médecins; any other is a search by actor. Raises FhirError as `search_slots`."""
    if not asking.is_for_structures(pairs):
        return _schedules_of(store, request, pairs)
    asked = asking.slots_of_structures(pairs, store.database.clock())
    with within(store, PATIENCE) as reader:
        numbers = national.written(asked.numbers, national.OF_STRUCTURES)
        structures = aggregation.identified(reader.next(), "Organization", national.STRUCTURE_SYSTEMS, numbers)
        answer = sos.gather(_desk(store, request, reader), structures, asked.window)
    return bundle.of_slots(answer, codes.SOS, "Schedule", asked.brings, base_url=request.base_url, link=request.link)


def search_practitioners(store: Store, request: Request, pairs: Pairs) -> bytes:
    """Practitioners by their national identifiers. Raises FhirError as `search_slots`."""
    numbers = asking.numbers(pairs, IDENTIFIER, national.PERSON_SYSTEMS)
    with within(store, PATIENCE) as reader:
        shown = [directory.practitioner(row.body) for row in _practitioners(reader, numbers)]
    found = (one for one in shown if not isinstance(one, Unfit))
    return bundle.of_matches("Practitioner", found, base_url=request.base_url, link=request.link)


def read(store: Store, request: Request, type_name: str, id_: str) -> bytes:
    """One resource in its shape. Raises FhirError (NOT_FOUND) for what is not there, or cannot be shown."""
    body = read_stored(store, request.actor, type_name, id_).body
    with within(store, PATIENCE) as reader:
        text = _READ[type_name](_desk(store, request, reader), id_, body)
    if text is None:
        raise absent(type_name, id_)
    return text.encode()


def practitioners_of(reader: Hurried, schedule: str) -> list[Found]:
    """The practitioners whose agenda a stored Schedule is."""
    ids = targets(parsed(schedule).get("actor", ()), "Practitioner")
    found = aggregation.named(reader.next(), {"Practitioner": ids})
    return [Found(type_name, id_, body) for (type_name, id_), body in found.items()]


def _read_slot(desk: Desk, id_: str, body: str) -> str | None:
    """A slot while it is offered: as one of a CPTS, else as any, else as one of SOS."""
    content = parsed(body)
    at = asking.begins(content)
    if at.low < desk.now_ms:
        return None
    schedule = "".join(targets([content["schedule"]], "Schedule"))
    texts = aggregation.named(desk.reader.next(), {"Schedule": [schedule]})
    for answer in (found(desk, text, at) for text in texts.values() for found in _WAYS):
        for slot in answer.slots:
            if slot.id == id_:
                return slot.text
    return None


def _of_cpts(desk: Desk, schedule: str, at: Window) -> Answer:
    answer = aggregate.gather(desk, codes.CPTS, practitioners_of(desk.reader, schedule), at)
    answer.slots = [slot for slot in answer.slots if slot.services]
    return answer


def _of_practitioner(desk: Desk, schedule: str, at: Window) -> Answer:
    return aggregate.gather(desk, codes.INDIVIDUAL, practitioners_of(desk.reader, schedule), at)


def of_structure(desk: Desk, schedule: str, at: Window) -> Answer:
    """The slots of the structure that runs the place whose agenda a stored Schedule is."""
    places = aggregation.named(desk.reader.next(), {"Location": targets(parsed(schedule).get("actor", ()), "Location")})
    owners = sorted({directory.place_owner(body) for body in places.values()} - {""})
    found = aggregation.named(desk.reader.next(), {"Organization": owners})
    return sos.gather(desk, [Found(type_name, id_, body) for (type_name, id_), body in found.items()], at)


#: The ways to show a slot, the fullest first.
_WAYS: tuple[Callable[[Desk, str, Window], Answer], ...] = (_of_cpts, _of_practitioner, of_structure)


def _read_schedule(desk: Desk, id_: str, body: str) -> str | None:
    found = aggregate.schedules(desk, practitioners_of(desk.reader, body))
    return next((one.text for one in found if one.id == id_), None)


def _read_practitioner(_desk: Desk, _id: str, body: str) -> str | None:
    shown = directory.practitioner(body)
    return None if isinstance(shown, Unfit) else shown.text


_READ: dict[str, Callable[[Desk, str, str], str | None]] = {
    "Slot": _read_slot,
    "Schedule": _read_schedule,
    "Practitioner": _read_practitioner,
}


def _schedules_of(store: Store, request: Request, pairs: Pairs) -> bytes:
    values = [value for name, value in pairs if name in (ACTOR, f"{ACTOR}:Practitioner")]
    if len(values) != 1 or not values[0].strip():
        raise fault(Category.REQUIRED, "A search of Schedule names its actor, or is that of SOS Médecins.", ACTOR)
    ids = [part.strip().removeprefix("Practitioner/") for part in values[0].split(",")]
    with within(store, PATIENCE) as reader:
        texts = aggregation.named(reader.next(), {"Practitioner": ids})
        people = [Found(type_name, id_, body) for (type_name, id_), body in texts.items()]
        found = aggregate.schedules(_desk(store, request, reader), people)
    return bundle.of_matches("Schedule", found, base_url=request.base_url, link=request.link)


def _practitioners(reader: Hurried, numbers: tuple[str, ...]) -> list[Found]:
    forms = national.written(numbers, national.OF_PERSONS)
    return aggregation.identified(reader.next(), "Practitioner", national.PERSON_SYSTEMS, forms) if forms else []


def _desk(store: Store, request: Request, reader: Hurried) -> Desk:
    database = store.database
    return Desk(reader, request.actor, database.clock(), request.address, memory_of(database))
