"""What the platform asks: from the parameters of a URL to slots of whom, and when. Refuses what cannot be meant.

The national guide leaves clients some habits: a `+` that arrives as a space, no zone at all, spaces after commas.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.errors import Category, FhirError, Issue, fault, raise_any
from fhir_server.sas import codes, national
from fhir_server.sas.codes import Shape

#: Practitioners or structures of one request.
MOST_NUMBERS = 25
#: Days that one request may span: everything is answered in one page. SAS asks for three.
MOST_DAYS = 15

PRACTITIONERS = "schedule.actor:Practitioner.identifier"
STRUCTURES = "actor:Location.organization.identifier"
_HAS = "_has:Slot:schedule:"
_DAY_MS = 86_400_000

#: An offset whose `+` was decoded as a space, or that has no minutes: the national test kit writes `+00`.
_OFFSET = re.compile(r"(.+T.+\d)([ +-])(\d\d)(:\d\d)?")

#: What an include brings along; anything else brings nothing.
_BRINGS = {
    "Slot:schedule": {"Schedule"},
    "Schedule:actor": {"Practitioner", "PractitionerRole", "Location"},
    "Schedule:actor:Practitioner": {"Practitioner"},
    "Schedule:actor:PractitionerRole": {"PractitionerRole"},
    "Schedule:actor:Location": {"Location"},
    "Slot:service-type-reference": {"HealthcareService"},
    "HealthcareService:organization": {"Organization"},
    "Location:organization": {"Organization"},
}
_INCLUDES = frozenset({"_include", "_include:iterate", "_include:recurse", "_revinclude"})

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Window:
    """The moments at which slots may begin, both included, in epoch milliseconds."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for slots."""

    shape: Shape
    #: National numbers of practitioners or structures, as they were written.
    numbers: tuple[str, ...]
    window: Window
    #: Types that come along.
    brings: frozenset[str]


def slots_of_practitioners(pairs: Pairs, now_ms: int) -> Asked:
    """INT_R01, or INT_R04 when services are to come along. Raises FhirError (400) with all that is wrong."""
    included = [value.strip() for name, value in pairs if name in _INCLUDES]
    shape = codes.CPTS if "Slot:service-type-reference" in included else codes.INDIVIDUAL
    return _asked(shape, pairs, ("", PRACTITIONERS, national.PERSON_SYSTEMS), included, now_ms)


def slots_of_structures(pairs: Pairs, now_ms: int) -> Asked:
    """The request of SOS Médecins. Raises FhirError (400) with all that is wrong."""
    included = [value.strip() for name, value in pairs if name in _INCLUDES]
    asked = _asked(codes.SOS, pairs, (_HAS, STRUCTURES, national.STRUCTURE_SYSTEMS), included, now_ms)
    return Asked(asked.shape, asked.numbers, asked.window, asked.brings | {"Schedule"})


def begins(slot: Mapping[str, Any]) -> Window:
    """The window of one slot."""
    start = dates.interval(slot["start"]).low
    return Window(start, start)


def is_for_structures(pairs: Pairs) -> bool:
    """Whether a search of Schedule is that of SOS Médecins."""
    return any(name.startswith(_HAS) or name == STRUCTURES for name, _ in pairs)


def numbers(pairs: Pairs, name: str, systems: Sequence[str]) -> tuple[str, ...]:
    """The values of `system|value,…` that are of these systems, or of none said.

    Raises FhirError (400) unless there are 1 to 25 identifiers; those of other systems are nobody's.
    """
    values = _values(pairs, name)
    if len(values) != 1:
        raise fault(Category.REQUIRED, f"{name} is given once, with all identifiers.", name)
    found = [part.strip().rpartition("|") for part in values[0].split(",") if part.strip()]
    if not 1 <= len(found) <= MOST_NUMBERS or not all(value.strip() for _, _, value in found):
        raise fault(Category.VALUE, f"{name} names 1 to {MOST_NUMBERS} identifiers.", name)
    return tuple(value.strip() for system, _, value in found if system.strip() in ("", *systems))


def _asked(
    shape: Shape, pairs: Pairs, names: tuple[str, str, Sequence[str]], included: Sequence[str], now_ms: int
) -> Asked:
    prefix, name, systems = names
    found: tuple[str, ...] = ()
    issues = list(_problems(pairs, prefix))
    try:
        found = numbers(pairs, name, systems)
    except FhirError as error:
        issues += error.issues
    raise_any(issues)
    brings = frozenset[str]().union(*(_BRINGS.get(one, set()) for one in included))
    return Asked(shape, found, _window(pairs, f"{prefix}start", now_ms), brings)


def _problems(pairs: Pairs, prefix: str) -> Iterator[Issue]:
    bounds = sorted(value[:2] for value in _values(pairs, f"{prefix}start"))
    if bounds != ["ge", "le"]:
        yield Issue(Category.REQUIRED, "start is given twice: once with ge, once with le.", f"{prefix}start")
    if _values(pairs, f"{prefix}status") != ["free"]:
        yield Issue(Category.VALUE, "status is given once, and is free.", f"{prefix}status")


def _window(pairs: Pairs, name: str, now_ms: int) -> Window:
    bounds = {value[:2]: _moment(value[2:], name) for value in _values(pairs, name)}
    # What has begun is not offered any more.
    low, high = max(bounds["ge"].low, now_ms), bounds["le"].high - 1
    if high - low > MOST_DAYS * _DAY_MS:
        raise fault(Category.TOO_COSTLY, f"start spans more than {MOST_DAYS} days.", name)
    return Window(low, high)


def _moment(text: str, name: str) -> dates.Interval:
    found = _OFFSET.fullmatch(text)
    try:
        return dates.interval(f"{found[1]}{found[2].replace(' ', '+')}{found[3]}{found[4] or ':00'}" if found else text)
    except ValueError:
        raise fault(Category.VALUE, "start is no FHIR date and time.", name) from None


def _values(pairs: Pairs, name: str) -> list[str]:
    return [value.strip() for given, value in pairs if given == name]
