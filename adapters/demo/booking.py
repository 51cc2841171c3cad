"""Booking over FHIR, as a vendor does it: the patient first, then the appointment that names the slot."""

from typing import Any

from adapters.demo import codes
from adapters.demo.day import Day
from adapters.demo.fhir_client import Answer, FhirClient
from adapters.demo.journal import StepCutShortError, summary
from adapters.demo.person import Person

_IDENTIFIERS = "https://teleconsultation.example/appointment"


def create_patient(day: Day, client: FhirClient, person: Person) -> dict[str, Any]:
    """The vendor's own Patient for a person. Raises StepCutShortError when the server refuses it."""
    answer = client.create(person.patient())
    day.show_request(client, answer, "POST /Patient")
    if answer.status != 201:
        raise StepCutShortError(f"the patient should be created; the server answers HTTP {answer.status}")
    day.journal.stored(summary(answer.content))
    return answer.content


def practitioner_of(day: Day, slot: dict[str, Any]) -> str:
    """Reference of the doctor whose slot it is. Raises StepCutShortError when its schedule names none."""
    schedule = day.vendor.read(slot["schedule"]["reference"])
    for actor in schedule.content.get("actor", []):
        if actor.get("reference", "").startswith("Practitioner/"):
            return str(actor["reference"])
    raise StepCutShortError(f"{slot['schedule']['reference']} names no doctor (HTTP {schedule.status})")


def appointment(
    patient: dict[str, Any],
    slot: dict[str, Any],
    practitioner: str,
    number: str,
    based_on: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A booked teleconsultation of a patient in a slot."""
    request = {} if based_on is None else {"basedOn": [codes.reference("ServiceRequest", based_on["id"])]}
    return {
        "resourceType": "Appointment",
        "identifier": [{"system": _IDENTIFIERS, "value": number}],
        "status": "booked",
        "serviceType": [codes.concept(codes.VISIT, "VR")],
        **request,
        "start": slot["start"],
        "end": slot["end"],
        "slot": [codes.reference("Slot", slot["id"])],
        "participant": [
            {"actor": codes.reference("Patient", patient["id"]), "status": "accepted"},
            {"actor": {"reference": practitioner}, "status": "accepted"},
        ],
    }


def book(
    day: Day,
    client: FhirClient,
    patient: dict[str, Any],
    slot: dict[str, Any],
    practitioner: str,
    number: str,
    based_on: dict[str, Any] | None = None,
) -> Answer:
    """Ask for the booking and show what the server says."""
    answer = client.create(appointment(patient, slot, practitioner, number, based_on))
    request = [f"  basedOn ServiceRequest/{based_on['id']}"] if based_on else []
    day.show_request(client, answer, f"POST /Appointment {number}", f"  slot Slot/{slot['id']}", *request)
    return answer
