"""From a Schedule to its rota, with all that is wrong with it.

https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-schedule-availability-time. docs/rotas.md has every element.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from fhir_server.kernel import dates
from fhir_server.kernel.errors import Category, Issue
from fhir_server.registry.extensions import AVAILABILITY_TIME, ROTA_OFFER, ROTA_PLACE, SERVICE_TYPE_DURATION
from fhir_server.rotas.holidays import zone_of
from fhir_server.rotas.model import Offer, Period, Rota
from fhir_server.rotas.offers import read_offer
from fhir_server.rotas.parts import Json, Part
from fhir_server.rotas.recurring import read_recurrence

#: Availability times that one Schedule may have, and years in which they may begin.
MAX_PERIODS, FIRST_YEAR, LAST_YEAR = 200, 2000, 2100
#: An opening lasts no longer than a month; what is closed, no longer than five years.
_LONGEST_OPEN, _LONGEST_CLOSED = timedelta(days=31), timedelta(days=5 * 366)
_CLOSED = frozenset({"busy-unavailable", "busy"})
_DEPARTMENT = re.compile(r"0[1-9]|[1-8]\d|9[0-6]|2[AB]|97[1-8]|98[678]")


class Findings:
    """Issues gathered while a rota is read."""

    def __init__(self) -> None:
        self.issues: list[Issue] = []

    def add(self, diagnostics: str, path: str) -> None:
        """Note what is wrong with the element at `path`."""
        self.issues.append(Issue(Category.BUSINESS_RULE, diagnostics, path))


def has_rules(schedule: Json) -> bool:
    """Whether a Schedule in use says when it is free, so that its slots are made by the server."""
    return schedule.get("active", True) and any(_available(schedule))


def read_rota(schedule: Json) -> tuple[Rota, list[Issue]]:
    """The rota of a Schedule, of what can be understood of it, and all that cannot."""
    found = Findings()
    department, zone = _place(schedule, found)
    default = Part(schedule, "Schedule").first(ROTA_OFFER)
    periods = []
    for number, part in enumerate(_available(schedule)):
        if number == MAX_PERIODS:
            found.add(f"A Schedule has at most {MAX_PERIODS} availability times.", part.path)
            break
        period = _period(part, schedule, default, zone, found)
        periods += [] if period is None else [period]
    horizon = schedule.get("planningHorizon", {})
    span = dates.period(horizon.get("start"), horizon.get("end"))
    return Rota(zone, department, tuple(periods), span), found.issues


def _available(schedule: Json) -> Iterator[Part]:
    return Part(schedule, "Schedule").parts(*AVAILABILITY_TIME)


def _place(schedule: Json, found: Findings) -> tuple[str, str]:
    place = Part(schedule, "Schedule").first(ROTA_PLACE)
    stated = {name: place.first(name) for name in ("department", "zone")} if place else {}
    department = _code(stated.get("department"))
    if stated.get("department") and not _DEPARTMENT.fullmatch(department):
        found.add("There is no such department.", _path(stated["department"]))
        department = ""
    zone = _code(stated.get("zone")) or zone_of(department)
    try:
        dates.zone(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        found.add("There is no such zone.", _path(stated.get("zone")))
        zone = zone_of("")
    return department, zone


def _period(part: Part, schedule: Json, default: Part | None, zone: str, found: Findings) -> Period | None:
    count = len(found.issues)
    kind = part.first("type")
    is_open = _code(kind) == "free"
    if not is_open and _code(kind) not in _CLOSED:
        found.add("The type is free or busy-unavailable.", part.path if kind is None else kind.path)
    if part.first("identifier") is None:
        found.add("An availability time has an identifier.", part.path)
    start, end = (_moment(part, name, zone, found) for name in ("start", "end"))
    recurrence = read_recurrence(part.first("rrule"), zone, found.add)
    offer = _offer(part, schedule, default, found) if is_open else None
    if start is not None and end is not None:
        _check_length(part, start, end, is_open, found)
    if len(found.issues) > count or start is None or end is None:
        return None
    return Period(start, end - start, recurrence, offer, _priority(part, found))


def _offer(part: Part, schedule: Json, default: Part | None, found: Findings) -> Offer | None:
    services = list(Part(schedule, "Schedule").parts(*SERVICE_TYPE_DURATION))
    return read_offer(part, part.first(ROTA_OFFER), default, services, schedule, found.add)


def _moment(part: Part, name: str, zone: str, found: Findings) -> datetime | None:
    """A dateTime on the agenda's clock; the end of a day for an `end` that is one."""
    stated = part.first(name)
    if stated is None or not isinstance(stated.value, str):
        found.add(f"An availability time has its {name}.", part.path)
        return None
    try:
        span = dates.interval(stated.value, zone)
    except (ValueError, OverflowError):
        found.add("This is not a date that exists.", stated.path)
        return None
    if not FIRST_YEAR <= int(stated.value[:4]) <= LAST_YEAR:
        found.add(f"It begins and ends between {FIRST_YEAR} and {LAST_YEAR}.", stated.path)
        return None
    is_whole_day = name == "end" and "T" not in stated.value
    return local(span.high if is_whole_day else span.low, zone)


def local(moment: int, zone: str) -> datetime:
    """A moment as the wall clock of the zone shows it."""
    return datetime.fromtimestamp(moment / 1000, dates.zone(zone)).replace(tzinfo=None)


def _check_length(part: Part, start: datetime, end: datetime, is_open: bool, found: Findings) -> None:
    longest = _LONGEST_OPEN if is_open else _LONGEST_CLOSED
    if end <= start:
        found.add("The end comes after the start.", _path(part.first("end")))
    elif end - start > longest:
        found.add(f"It lasts {longest.days} days at most.", _path(part.first("end")))


def _priority(part: Part, found: Findings) -> int:
    stated = part.first("priority")
    if stated is None:
        return 0
    if not isinstance(stated.value, int) or not 0 <= stated.value <= 9:
        found.add("The priority is a number from 0 to 9.", stated.path)
        return 0
    return stated.value


def _code(part: Part | None) -> str:
    return "" if part is None else part.code


def _path(part: Any) -> str:
    return part.path if isinstance(part, Part) else "Schedule.extension"
