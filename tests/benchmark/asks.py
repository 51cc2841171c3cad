"""What the clients ask without changing anything: addresses and forms, all different, the same in every run over the
same store.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from urllib.parse import quote

from fhir_server.kernel.dates import zone
from tests.benchmark import content
from tests.benchmark.extent import Extent

_SEED = 20_261
_COUNT = 500
#: Agendas a search asks for.
_AGENDAS = 20
#: How many lists are followed to their deep pages, and how many next links in each.
_LISTS, _DEEP = 4, 200
#: Practitioners that the SAS platform asks for at once, and how many of them are of this territory: agendas here are
#: three times as full as a rota of three hours a day, which 25 practitioners would have.
_ASKED, _KNOWN = 25, 6
_OF_CPTS = "&_include=Slot:service-type-reference&_include:iterate=HealthcareService:organization"
_INCLUDE, _ITERATE = "&_include=Slot:schedule", "&_include:iterate=Schedule:actor"
_ITERATE_TWICE = f"{_ITERATE}&_include:iterate=PractitionerRole:practitioner"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a GET, or a POST of a form when there is one."""

    path: str
    form: str = ""


#: Answers a request: the body.
Answer = Callable[[Ask], bytes]
#: Makes the requests of a scenario; `Answer` serves those whose addresses the server gives.
Asking = Callable[[Extent, Answer], Sequence[Ask]]


def _every(one: Callable[[Extent, random.Random], str]) -> Asking:
    """As many addresses as `one` gives with chances that are the same in every run."""

    def asking(store: Extent, _answer: Answer) -> list[Ask]:
        return [Ask("/fhir/" + one(store, random.Random(_SEED + number))) for number in range(_COUNT)]

    return asking


def _search(store: Extent, chance: random.Random) -> str:
    """Twenty agendas over one day and the next morning, free slots only, the first fifty."""
    agendas = _some_agendas(chance)
    start = datetime.combine(store.first_day, datetime.min.time()) + timedelta(
        days=chance.randrange(max(1, store.days - 1)), hours=6
    )
    window = f"start=ge{start.isoformat()}Z&start=lt{(start + timedelta(days=1)).isoformat()}Z"
    return f"Slot?schedule={agendas}&{window}&status=free&_sort=start&_count=50"


def _by_form(store: Extent, answer: Answer) -> list[Ask]:
    asked = (one.path.partition("?") for one in _every(_search)(store, answer))
    return [Ask(f"{path}/_search", form) for path, _, form in asked]


def _appointments(store: Extent, chance: random.Random) -> str:
    return f"Appointment?patient=Patient/{content.patient_id(_person(store, chance))}&date=ge{_before(store, 60)}"


def _chain(store: Extent, chance: random.Random) -> str:
    number = _token(content.PATIENT_SYSTEM, content.patient_number(_person(store, chance)))
    return f"Appointment?patient.identifier={number}&date=ge{_before(store, 60)}"


def _chain_twice(store: Extent, chance: random.Random) -> str:
    number = _token(content.DOCTOR_SYSTEM, content.doctor_number(chance.randrange(content.SCHEDULES)))
    day = store.first_day + timedelta(days=chance.randrange(store.days))
    return f"Slot?schedule.actor:PractitionerRole.practitioner.identifier={number}&start=ge{day}&status=free"


def _has(store: Extent, chance: random.Random) -> str:
    return f"Patient?_has:Appointment:patient:date=ge{_before(store, chance.randrange(1, content.PAST_DAYS))}"


def _has_one(store: Extent, chance: random.Random) -> str:
    number = content.appointment_number(chance.randrange(store.sizes.appointments))
    return f"Patient?_has:Appointment:patient:identifier={_token(content.APPOINTMENT_SYSTEM, number)}"


def _history(store: Extent, chance: random.Random) -> str:
    number = content.with_history(chance.randrange(store.sizes.appointments))
    return f"Appointment/{content.appointment_id(number)}/_history"


def _match(_store: Extent, chance: random.Random) -> str:
    return f"ServiceRequest/{content.request_id(chance.randrange(content.REQUESTS))}/$match?_count=10"


def _sas(known: int, more: str) -> Asking:
    """INT_R01 for 25 practitioners, of whom so many are known here, over 72 hours; `more` stands after it."""

    def one(store: Extent, chance: random.Random) -> str:
        doctors = chance.sample(range(content.SCHEDULES), known)
        numbers = [content.doctor_number(number) for number in doctors]
        numbers += [f"898{chance.randrange(10**9):09d}" for _ in range(_ASKED - known)]
        start = datetime.combine(store.first_day, datetime.min.time(), zone(content.ZONE))
        ends = (start, start + timedelta(hours=72))
        window = [
            f"start={bound}{end.isoformat(timespec='milliseconds')}"
            for bound, end in zip(("ge", "le"), ends, strict=True)
        ]
        who = ",".join(f"{content.DOCTOR_SYSTEM}|{number}" for number in numbers)
        asked = f"schedule.actor:Practitioner.identifier={who}&status=free"
        return "&".join(["_include=Slot:schedule", "_include:iterate=Schedule:actor", *window, asked]) + more

    def asking(store: Extent, _answer: Answer) -> list[Ask]:
        return [Ask("/sas/Slot?" + one(store, random.Random(_SEED + number))) for number in range(_COUNT)]

    return asking


def _name(_store: Extent, chance: random.Random) -> str:
    return f"Patient?family={quote(content.family(chance.randrange(content.FAMILIES)))}"


def _list(_store: Extent, chance: random.Random) -> str:
    """The free slots of twenty agendas over all days."""
    return f"Slot?schedule={_some_agendas(chance)}&status=free&_sort=start&_count=20"


def _lists(one: Callable[[Extent, random.Random], str]) -> Asking:
    return lambda store, answer: _every(one)(store, answer)[:_LISTS]


def _always(address: str) -> Asking:
    return lambda _store, _answer: [Ask(f"/fhir/{address}")]


def _deep(first: Asking) -> Asking:
    """The pages that so many next links lead to from these; from a shorter list, its last."""

    def asking(store: Extent, answer: Answer) -> list[Ask]:
        return [list(islice(_pages(ask, answer), _DEEP))[-1] for ask in first(store, answer)]

    return asking


def _pages(ask: Ask, answer: Answer) -> Iterator[Ask]:
    """What the next links lead to, page after page. Raises ValueError when there is no second page."""
    following = _next(answer(ask))
    if following is None:
        raise ValueError(f"{ask.path} has one page only")
    while following is not None:
        yield following
        following = _next(answer(following))


def _next(body: bytes) -> Ask | None:
    links = {link["relation"]: link["url"] for link in json.loads(body)["link"]}
    return Ask("/fhir" + links["next"].partition("/fhir")[2]) if "next" in links else None


def _some_agendas(chance: random.Random) -> str:
    return ",".join(f"Schedule/agenda-{agenda:03d}" for agenda in chance.sample(range(content.SCHEDULES), _AGENDAS))


def _person(store: Extent, chance: random.Random) -> int:
    return chance.randrange(store.sizes.patients)


def _before(store: Extent, days: int) -> str:
    return str(store.first_day - timedelta(days=days))


def _token(system: str, code: str) -> str:
    return quote(f"{system}|{code}", safe=":/.")


_LATEST = _always("Appointment?_sort=-date&_count=20")

#: The requests of every scenario that changes nothing.
ASKED: dict[str, Asking] = {
    "read": _every(lambda store, chance: f"Slot/slot-{chance.randrange(store.sizes.slots):07d}"),
    "search": _every(_search),
    "search-include": _every(lambda store, chance: _search(store, chance) + _INCLUDE),
    "search-includes": _every(lambda store, chance: _search(store, chance) + _INCLUDE + _ITERATE),
    "iterate": _every(lambda store, chance: _search(store, chance) + _INCLUDE + _ITERATE_TWICE),
    "form": _by_form,
    "appointments": _every(_appointments),
    "chain": _every(_chain),
    "chain-twice": _every(_chain_twice),
    "has": _every(_has),
    "has-one": _every(_has_one),
    "match": _every(_match),
    "name": _every(_name),
    "names": _always("Patient?_sort=family&_count=20"),
    "latest": _LATEST,
    "latest-deep": _deep(_LATEST),
    "list": _lists(_list),
    "list-deep": _deep(_lists(_list)),
    "sas": _sas(_KNOWN, ""),
    "sas-cpts": _sas(_KNOWN, _OF_CPTS),
    "sas-full": _sas(_ASKED, ""),
    "history": _every(_history),
    "history-type": _always("Appointment/_history?_count=20"),
}
