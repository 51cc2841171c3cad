"""Schedules with availability rules: a test states only what matters to it."""

from typing import Any

from tests import builders

_FR_CORE = "https://hl7.fr/ig/fhir/core/StructureDefinition/"


def part(url: str, **value: Any) -> dict[str, Any]:
    """A part of an extension: `part("freq", valueCode="DAILY")`."""
    return {"url": url, **value}


def rule(**parts: Any) -> dict[str, Any]:
    """An rrule: a list is a part that repeats."""
    found = []
    for name, value in parts.items():
        for one in value if isinstance(value, list) else [value]:
            kind = "valueInteger" if isinstance(one, int) else "valueDateTime" if name == "until" else "valueString"
            found.append(part(name, valueCoding={"code": one}) if name == "freq" else part(name, **{kind: one}))
    return {"url": "rrule", "extension": found}


def offer(**parts: Any) -> dict[str, Any]:
    """A rota-offer: numbers, codes, concepts and durations by their kind."""
    found = []
    for name, value in parts.items():
        for one in value if isinstance(value, list) else [value]:
            found.append(part(name, **{_kind(name, one): one}))
    return {"url": "urn:creneau:StructureDefinition:rota-offer", "extension": found}


def _kind(name: str, value: Any) -> str:
    kinds = {"serviceType": "valueCodeableConcept", "appointmentType": "valueCodeableConcept", "comment": "valueString"}
    kinds |= {"releaseBefore": "valueDuration", "releaseAt": "valueTime"}
    return kinds.get(name, "valueInteger" if isinstance(value, int) else "valueCode")


def availability(
    start: str, end: str, *more: dict[str, Any], kind: str = "free", name: str = "a", priority: int | None = None
) -> dict[str, Any]:
    """One availability time; `more` are its rule and its offer."""
    parts = [
        part("type", valueCoding={"code": kind}),
        part("start", valueDateTime=start),
        part("end", valueDateTime=end),
        part("identifier", valueIdentifier={"value": name}),
        *more,
    ]
    parts += [] if priority is None else [part("priority", valueInteger=priority)]
    return {"url": f"{_FR_CORE}fr-core-schedule-availability-time", "extension": parts}


def closed(start: str, end: str, *more: dict[str, Any]) -> dict[str, Any]:
    """A leave, or a day off."""
    return availability(start, end, *more, kind="busy-unavailable", name="leave")


def place(**codes: str) -> dict[str, Any]:
    """Department and zone."""
    parts = [part(name, valueCode=code) for name, code in codes.items()]
    return {"url": "urn:creneau:StructureDefinition:rota-place", "extension": parts}


def schedule(*extensions: dict[str, Any], **elements: Any) -> dict[str, Any]:
    """A Schedule with these rules."""
    return builders.schedule(extension=list(extensions), **elements)


#: Mondays from eight to nine from the day of the standing clock on, slots of twenty minutes.
MONDAYS = availability(
    "2026-03-02T08:00:00+01:00",
    "2026-03-02T09:00:00+01:00",
    rule(freq="WEEKLY", byDay=["MO"]),
    offer(minutes=20),
)
