"""The national SAS platform's step: the slots of three doctors over 72 hours, with their CPTS (INT_R04)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from adapters.demo import codes, tables
from adapters.demo.day import Day
from adapters.demo.fhir_client import Answer

#: Doctors who consult at a practice two half-days a week, so that some of the next 72 hours have slots on any day.
_DOCTORS = ("dr-brumeval", "dr-chantelune", "dr-dormevent")
_HOURS = 72


def aggregate(day: Day) -> None:
    """The national SAS platform asks for the slots of three doctors."""
    found = day.endpoints.partner("demo-sas")
    platform = replace(found, base_url=found.base_url.removesuffix("/fhir") + "/sas")
    numbers = [f"8{row['rpps']}" for row in tables.read().practitioners if row["id"] in _DOCTORS]
    pairs = _question(day, numbers)
    answer = platform.search("Slot", pairs)
    shown = [f"  {name}={value}" for name, value in pairs]
    day.show_request(platform, answer, "GET /sas/Slot", *shown)
    slots, doctors = answer.entries, _resources(answer, "Practitioner")
    day.journal.answered(f"{len(slots)} slots of {len(doctors)} doctors", *_lines(slots[:3]))
    day.journal.promise("all slots are in one page", (200, len(slots)), (answer.status, answer.content.get("total")))
    known = {doctor["identifier"][0]["value"] for doctor in doctors}
    day.journal.promise(
        "some of the three doctors have slots, and nobody else", True, bool(known) and known <= {*numbers}
    )
    day.journal.promise("every slot says where it is booked", True, all(map(_is_bookable, slots)))


def _question(day: Day, numbers: list[str]) -> list[tuple[str, str]]:
    return [
        ("_include", "Slot:schedule"),
        ("_include:iterate", "Schedule:actor"),
        ("_include", "Slot:service-type-reference"),
        ("_include:iterate", "HealthcareService:organization"),
        ("start", f"ge{day.now.isoformat(timespec='milliseconds')}"),
        ("start", f"le{(day.now + timedelta(hours=_HOURS)).isoformat(timespec='milliseconds')}"),
        ("schedule.actor:Practitioner.identifier", ",".join(f"{codes.PERSON}|{number}" for number in numbers)),
        ("status", "free"),
    ]


def _resources(answer: Answer, type_name: str) -> list[dict[str, Any]]:
    found = [entry["resource"] for entry in answer.content.get("entry", [])]
    return [one for one in found if one["resourceType"] == type_name]


def _lines(slots: list[dict[str, Any]]) -> list[str]:
    audiences = [",".join(coding["code"] for coding in slot["meta"]["security"]) for slot in slots]
    return [f"{slot['start']} {codes_} {slot['comment']}" for slot, codes_ in zip(slots, audiences, strict=True)]


def _is_bookable(slot: dict[str, Any]) -> bool:
    address = urlsplit(slot.get("comment", ""))
    return address.scheme == "https" and bool(address.query)
