"""From the Parameters of `$find` (IHE ITI-115) to searches: of slots, and of those whose agendas they stand in.

Parameters of different kinds must all be met, of several of one kind one must. Who is meant is found first, as
Schedules; what a slot says itself is asked of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from fhir_server.interactions.operation_parameters import Given
from fhir_server.interactions.parties import local_reference
from fhir_server.kernel import dates
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, fault
from fhir_server.search import query as search
from fhir_server.search.model import Query
from fhir_server.search.values import MAX_VALUES
from fhir_server.storage import select

Json = dict[str, Any]
#: Raises FhirError (FORBIDDEN) unless the client may search a type.
Check = Callable[[str, str], None]

#: Longest window that is looked through, in days.
MAX_DAYS = 62
_DAY_MS = 24 * 3_600_000
#: Most who may be meant by one parameter.
_MOST = 1000
_HIDDEN = str.maketrans({character: f"\\{character}" for character in "\\,$|"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of party: what names it, and by which references others who have agendas belong to it."""

    types: tuple[str, ...]
    belonging: tuple[tuple[str, str], ...]


#: Parameter -> whom it names.
KINDS: Mapping[str, Kind] = {
    "practitioner": Kind(("Practitioner", "PractitionerRole"), (("PractitionerRole", "practitioner"),)),
    "organization": Kind(
        ("Organization",),
        (("PractitionerRole", "organization"), ("HealthcareService", "organization"), ("Location", "organization")),
    ),
    "location-reference": Kind(("Location",), (("PractitionerRole", "location"), ("HealthcareService", "location"))),
}


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, and where."""

    connection: Connection
    actor: Actor
    access_check: Check
    base_url: str
    now_ms: int

    def rows(self, type_name: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """Ids of what a search finds. Raises FhirError: TOO_COSTLY for too many, FORBIDDEN beyond the scopes."""
        self.access_check(type_name, "s")
        query = search.parse(type_name, [*pairs, ("_count", str(_MOST))], strict=True, base_url=self.base_url)
        page = select.run(self.connection, replace(query, asked_ms=self.now_ms), self.actor)
        if page.next_cursor is not None:
            raise fault(Category.TOO_COSTLY, f"More than {_MOST} of type {type_name} are meant; narrow it down.")
        return [row.id for row in page.matches]

    def referring(self, type_name: str, code: str, targets: Sequence[str]) -> list[str]:
        """Ids of the resources of a type that refer to one of those named, `Type/id`. Raises FhirError as `rows`."""
        parts = (targets[start : start + MAX_VALUES] for start in range(0, len(targets), MAX_VALUES))
        return [id_ for part in parts for id_ in self.rows(type_name, [(code, ",".join(part))])]


def window(start: str, end: str) -> Interval:
    """The time asked for: of a date, all of it. Raises FhirError: VALUE, INVALID, TOO_COSTLY beyond MAX_DAYS."""
    try:
        low, until = dates.interval(start).low, dates.interval(end)
    except ValueError:
        raise fault(Category.VALUE, "start and end are dates or times.", "Parameters.parameter") from None
    high = until.low if "T" in end else until.high
    if low >= high:
        raise fault(Category.INVALID, "The window ends before it starts.", "Parameters.parameter")
    if high - low > MAX_DAYS * _DAY_MS:
        raise fault(Category.TOO_COSTLY, f"At most {MAX_DAYS} days are looked through.", "Parameters.parameter")
    return Interval(low, high)


def slots_query(asked: Mapping[str, list[Given]], schedules: list[str] | None, here: Interval, now_ms: int) -> Query:
    """The search for the slots that may be proposed, with their Schedules, the soonest first."""
    pairs = [
        ("status", "free"),
        ("start", f"ge{dates.to_instant(max(here.low, now_ms))}"),
        ("start", f"lt{dates.to_instant(here.high)}"),
        ("end", f"le{dates.to_instant(here.high)}"),
        ("_sort", "start"),
        ("_total", "accurate"),
        ("_include", "Slot:schedule"),
    ]
    if schedules is not None:
        pairs.append(("schedule", ",".join(f"Schedule/{id_}" for id_ in schedules)))
    for name, code in (("specialty", "specialty"), ("visit-type", "service-type")):
        if tokens := [_token(value, where) for value, where in asked[name]]:
            pairs.append((code, ",".join(tokens)))
    return replace(search.parse("Slot", pairs, strict=True), asked_ms=now_ms)


def schedules_of(look: Look, asked: Mapping[str, list[Given]]) -> tuple[list[str] | None, dict[str, int]]:
    """Ids of the Schedules of those who are named, None when nobody is; and the rank of each actor that is preferred.

    Raises FhirError: VALUE for a reference that names none of those it may, and as `Look.rows`.
    """
    found: set[str] | None = None
    ranks: dict[str, int] = {}
    for name, parties in _parties(look, asked):
        actors = [actor for party in parties for actor in party]
        agendas = set(look.referring("Schedule", "actor", actors))
        found = agendas if found is None else found & agendas
        if name == "practitioner":
            ranks = {actor: rank for rank, party in reversed(list(enumerate(parties))) for actor in party}
    if found is not None and len(found) > MAX_VALUES:
        raise fault(Category.TOO_COSTLY, f"More than {MAX_VALUES} agendas are meant; narrow it down.")
    return (None if found is None else sorted(found)), ranks


def code_of(text: str, where: str) -> tuple[str, str]:
    """System and code of a token. Raises FhirError (VALUE) unless both are there."""
    system, _, code = text.rpartition("|")
    if not system or not code:
        raise fault(Category.VALUE, "A code is given as system|code, both parts.", where)
    return system, code


def _parties(look: Look, asked: Mapping[str, list[Given]]) -> Iterator[tuple[str, list[list[str]]]]:
    """For each parameter that is given, `Type/id` of those with agendas whom each of its values means."""
    for name, kind in KINDS.items():
        if asked[name]:
            yield name, [list(_meant(look, kind, value, where)) for value, where in asked[name]]
    if asked["location-string"]:
        places = [look.rows("Location", [("address", text.translate(_HIDDEN))]) for text, _ in asked["location-string"]]
        kind = KINDS["location-reference"]
        yield "location-string", [list(_with_members(look, kind, "Location", ids)) for ids in places]


def _meant(look: Look, kind: Kind, reference: Json, where: str) -> Iterator[str]:
    named = local_reference(reference, look.base_url)
    if named is not None and named[0] in kind.types:
        yield from _with_members(look, kind, named[0], [named[1]])
    elif named is None and "value" in reference.get("identifier", {}):
        number = reference["identifier"]
        token = f"{number['system'].translate(_HIDDEN)}|" if "system" in number else ""
        ids = look.rows(kind.types[0], [("identifier", token + number["value"].translate(_HIDDEN))])
        yield from _with_members(look, kind, kind.types[0], ids)
    else:
        raise fault(Category.VALUE, f"A reference to, or an identifier of: {', '.join(kind.types)}.", where)


def _with_members(look: Look, kind: Kind, type_name: str, ids: list[str]) -> Iterator[str]:
    named = [f"{type_name}/{id_}" for id_ in ids]
    yield from named
    if not named or type_name != kind.types[0]:
        return
    for member, code in kind.belonging:
        yield from (f"{member}/{id_}" for id_ in look.referring(member, code, named))


def _token(text: str, where: str) -> str:
    system, code = code_of(text, where)
    return f"{system.translate(_HIDDEN)}|{code.translate(_HIDDEN)}"
