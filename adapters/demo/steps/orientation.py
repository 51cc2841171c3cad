"""The regulator's step: a caller without a family doctor is led to the best open slot, with the reasons for it."""

from typing import Any

from adapters.demo import codes
from adapters.demo.day import Day
from adapters.demo.fhir_client import FhirClient
from adapters.demo.journal import StepCutShortError, summary
from adapters.demo.person import Person, make_ins
from fhir_server.registry.extensions import NO_FAMILY_DOCTOR

#: Where the caller is: a village at the edge of the territory.
_ADDRESS = {"use": "home", "line": ["3 rue du Grelot"], "city": "Grisevent", "postalCode": "96020"}
_COUNT = 3


def match_and_book(day: Day) -> None:
    """The regulator asks for the slots that meet a caller's need best, and books the first one proposed."""
    samu = day.endpoints.partner("demo-samu")
    patient, request = _called(day, samu)
    path = f"ServiceRequest/{request['id']}/$match?_count={_COUNT}"
    answer = samu.read(path)
    day.show_request(samu, answer, f"GET /{path}")
    proposals = [one for one in answer.content.get("entry", []) if one["search"]["mode"] == "match"]
    if not proposals:
        raise StepCutShortError(f"nothing is proposed (HTTP {answer.status})")
    for entry in proposals:
        day.journal.answered(
            f"{entry['search']['score']:.3f} {entry['resource']['start']} Slot/{entry['resource']['id']}"
        )
    day.journal.answered(*(f"  {text}" for text in _reasons(proposals[0])))
    day.journal.promise("every proposal says why", True, all(len(_reasons(one)) > 1 for one in proposals))
    _book(day, samu, patient, request, proposals[0]["resource"])
    again = samu.read(path)
    left = [entry["id"] for entry in again.entries]
    day.journal.promise("what is booked is proposed no more", False, proposals[0]["resource"]["id"] in left)


def _called(day: Day, samu: FhirClient) -> tuple[dict[str, Any], dict[str, Any]]:
    """A caller and what they need, as the regulator writes it down."""
    person = Person("Carillonnet", "Ysoline", make_ins(int(day.run) + 4, "2"), f"P{day.run}4", "+33639980104")
    patient = samu.create(person.patient() | {"address": [_ADDRESS]})
    day.show_request(samu, patient, "POST /Patient")
    request = samu.create(
        {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "priority": "urgent",
            "subject": codes.reference("Patient", str(patient.content.get("id"))),
            "reasonCode": [{"text": "Fièvre depuis deux jours"}],
            "occurrencePeriod": {"start": day.now.isoformat(timespec="seconds")},
            "extension": [{"url": NO_FAMILY_DOCTOR, "valueBoolean": True}],
        }
    )
    day.show_request(samu, request, "POST /ServiceRequest")
    if (patient.status, request.status) != (201, 201):
        raise StepCutShortError("the caller's need cannot be written down")
    return patient.content, request.content


def _book(day: Day, samu: FhirClient, patient: dict[str, Any], request: dict[str, Any], slot: dict[str, Any]) -> None:
    booking = {
        "resourceType": "Appointment",
        "status": "booked",
        "basedOn": [codes.reference("ServiceRequest", request["id"])],
        "start": slot["start"],
        "end": slot["end"],
        "slot": [codes.reference("Slot", slot["id"])],
        "participant": [{"actor": codes.reference("Patient", patient["id"]), "status": "accepted"}],
    }
    answer = samu.create(booking)
    day.show_request(samu, answer, "POST /Appointment", f"  slot Slot/{slot['id']}")
    stored = day.coordinator.read(f"Slot/{slot['id']}").content
    day.journal.stored(summary(answer.content, "status", "start"), summary(stored, "status"))
    day.journal.promise("the first proposal is booked", (201, "busy"), (answer.status, stored.get("status")))


def _reasons(entry: dict[str, Any]) -> list[str]:
    """What a proposal says for itself, in French."""
    codings = [part["valueCoding"] for one in entry["search"]["extension"] for part in one["extension"][1:2]]
    return [one["_display"]["extension"][0]["extension"][1]["valueString"] for one in codings]
