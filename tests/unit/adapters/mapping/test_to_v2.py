"""Outbound messages beside the golden cases: faults, overlays, and what a partner can read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.hl7v2.parse import parse
from adapters.mapping.feed import FeedMapping
from adapters.mapping.tables import load
from adapters.mapping.to_fhir import to_fhir
from adapters.mapping.to_v2 import to_v2
from fhir_server.kernel.errors import Category, FhirError

TABLES = load()
FEED = FeedMapping("site", charset="UNICODE UTF-8", namespaces={"HO": "https://ho.example"})
NOW = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
V2_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"

Json = dict[str, Any]


def appointment(**elements: Any) -> Json:
    return {
        "resourceType": "Appointment",
        "id": "a1",
        "status": "booked",
        "start": "2026-01-12T08:30:00Z",
        "end": "2026-01-12T08:50:00Z",
        "participant": [{"actor": {"reference": "Patient/p1"}, "status": "accepted"}],
        **elements,
    }


def sent(*resources: Json, event: str = "appointment-booked") -> Any:
    by_reference = {f"{body['resourceType']}/{body['id']}": body for body in resources}
    return parse(to_v2(event, by_reference, TABLES, FEED, control_id="1", now=NOW))


def patient(*identifiers: Json) -> Json:
    return {"resourceType": "Patient", "id": "p1", "identifier": list(identifiers), "name": [{"text": "Inconnu"}]}


def identifier(kind: str, system: str, value: str) -> Json:
    return {"type": {"coding": [{"system": V2_TYPES, "code": kind}]}, "system": system, "value": value}


def test_unknown_event() -> None:
    with pytest.raises(FhirError) as caught:
        sent(appointment(), event="appointment-dreamt")

    assert caught.value.category == Category.EVENT_NOT_SUPPORTED


def test_event_without_its_resource() -> None:
    with pytest.raises(FhirError) as caught:
        sent(patient())

    assert caught.value.category == Category.STRUCTURE


def test_time_that_is_none() -> None:
    with pytest.raises(FhirError) as caught:
        sent(appointment(start="soon", minutesDuration=20))

    assert caught.value.issues[0].expression == "Appointment.start"


def test_number_of_a_stranger_is_not_sent() -> None:
    message = sent(appointment(), patient(identifier("PI", "https://elsewhere.example", "1")))

    assert [repetition.text for repetition in message.all("PID-3")] == ["p1^^^CRENEAU^PI"]


def test_text_never_becomes_structure() -> None:
    message = sent(appointment(reasonCode=[{"text": "a|b^c\rMSH|"}]))

    assert message["SCH-7.2"] == "a|b^c\nMSH|"
    assert [segment.name for segment in message.segments] == ["MSH", "SCH", "TQ1", "RGS"]


def test_what_is_sent_comes_back_as_ours() -> None:
    echo = to_fhir(sent(appointment(), patient(identifier("PI", "https://ho.example", "7"))), TABLES, FEED)

    assert echo[0].keys == (("https://ho.example", "7"),)
    assert echo[-1].keys == (("urn:creneau:id", "a1"),)
    assert (echo[-1].resource["start"], echo[-1].resource["minutesDuration"]) == ("2026-01-12T09:30:00+01:00", 20)
