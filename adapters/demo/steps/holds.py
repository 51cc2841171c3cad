"""Two steps of vendors: one holds a slot for a caller who hesitates; when the moment has passed, the other books it."""

import time
from datetime import timedelta
from typing import Any

from adapters.demo import codes
from adapters.demo.booking import appointment as booking
from adapters.demo.booking import create_patient, practitioner_of
from adapters.demo.day import Day
from adapters.demo.fhir_client import Answer, FhirClient
from adapters.demo.journal import StepCutShortError, summary

#: Seconds within which a hold must have ended, whatever the demonstration's `hold_seconds`.
_PATIENCE = 60


def hold(day: Day) -> None:
    """The vendor is proposed appointments and holds the first; nobody else is proposed it, or can book it."""
    options = _find(day, day.vendor)
    others = {one["slot"][0]["reference"]: one for one in _find(day, day.rival)}
    if not options:
        raise StepCutShortError("nothing is proposed")
    slot = options[0]["slot"][0]["reference"]
    kept = _call(day, day.vendor, "hold", options[0]["id"])
    day.held = next((one for one in kept.entries), None)
    after = day.coordinator.read(slot).content
    day.journal.stored(
        summary(kept.entries[0], "status", "start") if kept.entries else "nothing", summary(after, "status")
    )
    refused = _call(day, day.rival, "book", others[slot]["id"]) if slot in others else None
    left = [one["slot"][0]["reference"] for one in _find(day, day.rival)]
    day.journal.promise("the slot is held", "busy-tentative", after.get("status"))
    day.journal.promise("the other vendor cannot book it", 409, refused.status if refused else 0)
    day.journal.promise("and is proposed it no more", False, slot in left)


def lapse(day: Day) -> None:
    """The caller never came back: the hold ends by itself, and the other vendor books the slot."""
    if day.held is None:
        raise StepCutShortError("nothing is held")
    ended = _ended(day, f"Appointment/{day.held['id']}")
    reference = day.held["slot"][0]["reference"]
    slot = day.coordinator.read(reference).content
    day.journal.stored(summary(ended, "status"), summary(slot, "status"))
    day.journal.promise(
        "the hold has ended, and the slot is free", ("cancelled", "free"), (ended["status"], slot["status"])
    )
    patient = create_patient(day, day.rival, day.rival_patient)
    wanted = booking(patient, slot, practitioner_of(day, slot), f"TLC{day.run}-9") | {"status": "pending"}
    asked = {"name": "appointment-resource", "resource": wanted}
    answer = day.rival.operate("Appointment/$book", {"resourceType": "Parameters", "parameter": [asked]})
    day.show_request(day.rival, answer, "POST /Appointment/$book", f"  slot {reference}")
    day.journal.promise("the other vendor books it", 201, answer.status)


def _find(day: Day, client: FhirClient) -> list[dict[str, Any]]:
    tomorrow = day.now.date() + timedelta(days=1)
    asked = [
        {"name": "start", "valueDateTime": str(tomorrow)},
        {"name": "end", "valueDateTime": str(tomorrow + timedelta(days=7))},
        {"name": "visit-type", "valueString": f"{codes.VISIT}|VR"},
    ]
    answer = client.operate("Appointment/$find", {"resourceType": "Parameters", "parameter": asked})
    day.show_request(client, answer, "POST /Appointment/$find", "  visit-type VR, from tomorrow for a week")
    day.journal.answered(f"{answer.content.get('total')} can be had")
    return answer.entries


def _call(day: Day, client: FhirClient, operation: str, id_: str) -> Answer:
    asked = {"name": "appointment-reference", "valueReference": {"reference": f"Appointment/{id_}"}}
    answer = client.operate(f"Appointment/${operation}", {"resourceType": "Parameters", "parameter": [asked]})
    day.show_request(client, answer, f"POST /Appointment/${operation}", f"  Appointment/{id_}")
    return answer


def _ended(day: Day, reference: str) -> dict[str, Any]:
    """The Appointment once it is cancelled. Raises StepCutShortError when that does not come about."""
    give_up = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up:
        found = day.vendor.read(reference)
        if found.content.get("status") == "cancelled":
            return found.content
        time.sleep(0.25)
    raise StepCutShortError(f"{reference} is held still after {_PATIENCE} seconds")
