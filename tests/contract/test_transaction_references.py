"""References between the entries of a transaction, and those that stand for a search, on every store."""

from typing import Any

from fhir_server.bootstrap import Services
from fhir_server.kernel.errors import Category
from tests import builders
from tests.contract.bundles import MRN, URN, entry, identified, patient_named, refusal, stored, transact

NEW_ENTRY = entry("POST", "Patient", builders.patient())


def test_references_between_entries_are_written_anew_everywhere(services: Services) -> None:
    """Behaviour 64: references nested and in arrays, uris, extensions, contained resources and narratives."""
    patient, request, definition = URN.format(1), URN.format(2), "urn:oid:1.2.3.4"
    narrative = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{patient}">who</a> <b>{patient}</b></div>'
    referral = builders.service_request(
        subject={"reference": patient},
        supportingInfo=[
            {"reference": request},
            {"reference": "https://other.example/fhir/Patient/1"},
            {"reference": "#t"},
        ],
        instantiatesUri=[definition],
        instantiatesCanonical=[patient],
        text={"status": "generated", "div": narrative},
        contained=[
            {"resourceType": "Task", "id": "t", "status": "draft", "intent": "order", "focus": {"reference": patient}}
        ],
        extension=[{"url": "http://x.test/e", "valueReference": {"reference": patient}}],
        basedOn=[{"reference": request}],
    )

    answers = transact(
        services,
        entry("POST", "ServiceRequest", referral, URN.format(3)),
        entry("POST", "Patient", builders.patient(), patient),
        entry("POST", "ServiceRequest", builders.service_request(), request),
        entry("POST", "Task", {"resourceType": "Task", "status": "draft", "intent": "order"}, definition),
    )

    who, what, task = (answers[number]["response"]["location"].split("/")[-4:-2] for number in (1, 2, 3))
    found = stored(services, "/".join(answers[0]["response"]["location"].split("/")[-4:-2]))
    person = "/".join(who)
    assert found["subject"]["reference"] == person
    assert [one["reference"] for one in found["supportingInfo"]] == [
        "/".join(what),
        "https://other.example/fhir/Patient/1",
        "#t",
    ]
    assert found["instantiatesUri"] == ["/".join(task)]
    assert found["instantiatesCanonical"] == [patient]
    assert found["text"]["div"] == narrative.replace(f'href="{patient}"', f'href="{person}"')
    assert found["contained"][0]["focus"]["reference"] == person
    assert found["extension"][0]["valueReference"]["reference"] == person
    assert found["basedOn"] == [{"reference": "/".join(what)}]


def test_a_placeholder_id_of_a_new_resource_is_written_anew_too(services: Services) -> None:
    answers = transact(
        services,
        entry("POST", "Patient", builders.patient(), "http://client.example/fhir/Patient/temporary"),
        entry("POST", "ServiceRequest", builders.service_request(subject={"reference": "Patient/temporary"})),
    )

    assert answers[1]["resource"]["subject"]["reference"] == f"Patient/{answers[0]['resource']['id']}"


def test_a_reference_between_entries_must_be_to_a_type_that_may_stand_there(services: Services) -> None:
    found = refusal(
        services,
        entry("POST", "Slot", builders.slot(schedule={"reference": URN.format(1)})),
        entry("POST", "Patient", builders.patient(), URN.format(1)),
    )

    assert found == (Category.VALUE, "Bundle.entry[0].resource.schedule")


def test_a_conditional_reference_is_resolved(services: Services) -> None:
    """Behaviour 38: in the store, among the transaction's own, ambiguous, and to nothing."""
    there = patient_named(services, "stored")

    def refer(value: str) -> dict[str, Any]:
        subject = {"reference": f"Patient?identifier={MRN}|{value}"}
        return entry("POST", "ServiceRequest", builders.service_request(subject=subject))

    one, two, made = transact(
        services,
        refer("stored"),
        refer("made"),
        entry("POST", "Patient", builders.patient(**identified("made"))),
    )
    assert one["resource"]["subject"]["reference"] == f"Patient/{there}"
    assert two["resource"]["subject"]["reference"] == f"Patient/{made['resource']['id']}"

    assert refusal(services, refer("none"))[0] is Category.UNKNOWN_REFERENCE
    patient_named(services, "stored")
    assert refusal(services, NEW_ENTRY, refer("stored")) == (Category.MULTIPLE_MATCHES, "Bundle.entry[1]")
    gone = entry("DELETE", f"Patient/{there}")
    (answer, _) = transact(services, refer("stored"), gone)
    assert answer["response"]["status"] == "201 Created"
