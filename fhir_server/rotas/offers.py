"""What the slots of an availability time are: as its own `rota-offer` says, else the Schedule's, else the Schedule."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import time, timedelta
from typing import Any

from fhir_server.kernel.audiences import AUDIENCES, HOLDERS
from fhir_server.rotas.model import Offer, Release
from fhir_server.rotas.parts import Json, Part

Complain = Callable[[str, str], None]

#: A slot lasts a day at most; seats it may have; days before its own on which it may be released.
MAX_MINUTES, MAX_CAPACITY, MAX_DAYS_BEFORE = 1440, 100, 60
_KNOWN = frozenset(
    {"minutes", "capacity", "serviceType", "appointmentType", "audience", "holder", "comment", "holidays"}
    | {"releaseBefore", "releaseAt", "releaseDaysBefore"}
)
_HOLIDAYS = frozenset({"closed", "open", "only"})
_UNITS = {"min": 1, "h": 60, "d": 1440, "minute": 1, "hour": 60, "day": 1440}
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_ROUTINE = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0276", "code": "ROUTINE"}]}


class _Reader:
    """The parts of an offer, from the first of its places that has them."""

    def __init__(self, places: Sequence[Part], complain: Complain) -> None:
        self._places = places
        self.complain = complain

    def parts(self, name: str) -> list[Part]:
        """Every part of that name, of the first place that has any."""
        found = (list(place.parts(name)) for place in self._places)
        return next((parts for parts in found if parts), [])

    def first(self, name: str) -> Part | None:
        """The first part of that name."""
        return next(iter(self.parts(name)), None)

    def codes(self, name: str, known: Any) -> tuple[str, ...]:
        """The codes of parts, each of which must be known."""
        for part in self.parts(name):
            if part.code not in known:
                self.complain(f"It is one of {', '.join(sorted(known))}.", part.path)
        return tuple(part.code for part in self.parts(name) if part.code in known)

    def number(self, name: str, least: int, greatest: int) -> int | None:
        """A number within bounds."""
        part = self.first(name)
        if part is None:
            return None
        if not isinstance(part.value, int) or isinstance(part.value, bool) or not least <= part.value <= greatest:
            self.complain(f"It is a number from {least} to {greatest}.", part.path)
            return None
        return part.value


def read_offer(
    period: Part,
    own: Part | None,
    default: Part | None,
    services: Sequence[Part],
    schedule: Json,
    complain: Complain,
) -> Offer | None:
    """The offer of an availability time; None, with a complaint, when it is not told how long its slots are."""
    places = [place for place in (own, default) if place is not None]
    for place in places:
        _check_known(place, complain)
    reader = _Reader(places, complain)
    minutes = reader.number("minutes", 1, MAX_MINUTES) or _minutes(services, complain)
    if minutes is None and reader.first("minutes") is not None:
        return None
    if minutes is None:
        complain("Nothing tells how long its slots are: `minutes`, or one service-type-duration.", period.path)
        return None
    appointment_type = reader.first("appointmentType")
    comment = reader.first("comment")
    return Offer(
        minutes=minutes,
        capacity=reader.number("capacity", 1, MAX_CAPACITY) or 1,
        service_types=tuple(_service_types(reader, services, schedule)),
        appointment_type=_ROUTINE if appointment_type is None else _concept(appointment_type, complain),
        audiences=reader.codes("audience", AUDIENCES),
        holders=reader.codes("holder", HOLDERS),
        release=_release(reader),
        holidays=next(iter(reader.codes("holidays", _HOLIDAYS)), "closed"),
        comment="" if comment is None else str(comment.value),
    )


def _check_known(place: Part, complain: Complain) -> None:
    """A part passed over, a holder misspelt, would open to all what was meant for some."""
    for number, one in enumerate(place.content.get("extension", ())):
        if one.get("url") not in _KNOWN:
            complain("An offer has no such part.", f"{place.path}.extension[{number}]")


def _service_types(reader: _Reader, services: Sequence[Part], schedule: Json) -> Iterator[Json]:
    stated = reader.parts("serviceType")
    if stated:
        yield from (_concept(part, reader.complain) for part in stated)
        return
    found = [part.first("serviceType") for part in services]
    yield from (_concept(part, reader.complain) for part in found if part is not None)
    if not services:
        yield from schedule.get("serviceType", ())


def _concept(part: Part, complain: Complain) -> Json:
    if not isinstance(part.value, dict):
        complain("It is a CodeableConcept.", part.path)
        return {}
    return part.value


def _minutes(services: Sequence[Part], complain: Complain) -> int | None:
    """The one length that the Schedule's services have."""
    stated = [part for one in services if (part := one.first("duration")) is not None]
    lengths = {length for part in stated if (length := _duration(part, complain)) is not None}
    if len(lengths) != 1:
        return None
    minutes = lengths.pop() // timedelta(minutes=1)
    return minutes if 1 <= minutes <= MAX_MINUTES else None


def _duration(part: Part, complain: Complain) -> timedelta | None:
    value = part.value if isinstance(part.value, dict) else {}
    unit = _UNITS.get(str(value.get("code") or value.get("unit") or ""))
    number = value.get("value")
    if unit is None or number is None or not 0 <= float(number) <= 1e5:
        complain("It is a Duration in min, h or d.", part.path)
        return None
    return timedelta(minutes=float(number) * unit)


def _release(reader: _Reader) -> Release | None:
    before, at = reader.first("releaseBefore"), reader.first("releaseAt")
    days = reader.number("releaseDaysBefore", 0, MAX_DAYS_BEFORE) or 0
    stated = before or at
    if stated is None:
        return None
    if not reader.parts("holder"):
        reader.complain("Only what is kept for a holder is released.", stated.path)
    if before is not None and at is not None:
        reader.complain("It is released so long before, or at a time, not both.", at.path)
    if before is not None:
        return Release(before=_duration(before, reader.complain))
    return Release(at=_time(stated, reader.complain), days_before=days)


def _time(part: Part, complain: Complain) -> time:
    if not isinstance(part.value, str) or not _TIME.fullmatch(part.value):
        complain("It is a time of the day.", part.path)
        return time()
    return time.fromisoformat(part.value)
