"""A regulator asks which slots meet a request, over HTTP: proposals with reasons, refusals that say why."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.end_to_end.rest.conftest import Api, issue, matches

REASON = "urn:creneau:StructureDefinition:match-reason"
HERE = {"line": ["3 rue du Grelot"], "city": "Grisevent", "postalCode": "96020"}


@pytest.fixture
def samu(api: Api) -> Api:
    return api.as_client("demo-samu")


def _agenda(api: Api, tag: str) -> str:
    """A slot in an hour at the patient's own commune; its id."""
    api.put(f"Location/{tag}", {"resourceType": "Location", "id": tag, "address": HERE})
    actors = [{"reference": f"Practitioner/{tag}"}, {"reference": f"Location/{tag}"}]
    api.put(f"Schedule/{tag}", {"resourceType": "Schedule", "id": tag, "actor": actors})
    start = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=1)
    times = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (start, start + timedelta(minutes=15))]
    schedule = {"reference": f"Schedule/{tag}"}
    return str(api.create("Slot", schedule=schedule, status="free", start=times[0], end=times[1])["id"])


def _request(api: Api, **elements: Any) -> dict[str, Any]:
    patient = api.create("Patient", name=[{"family": "ESSAI", "given": ["Camille"]}], address=[HERE])
    subject = {"reference": f"Patient/{patient['id']}"}
    return api.create("ServiceRequest", status="active", intent="order", subject=subject, **elements)


def test_the_best_slot_is_proposed_with_reasons_and_can_be_booked(api: Api, samu: Api, tag: str) -> None:
    slot_id = _agenda(api, tag)
    request = _request(samu, priority="urgent")

    answer = samu.get(f"ServiceRequest/{request['id']}/$match?_count=1")

    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert (bundle["type"], bundle["total"], matches(bundle)) == ("searchset", 1, [slot_id])
    assert bundle["link"][0]["url"].endswith(f"/fhir/ServiceRequest/{request['id']}/$match?_count=1")
    entry = bundle["entry"][0]
    assert entry["fullUrl"].endswith(f"/fhir/Slot/{slot_id}")
    assert 0 < entry["search"]["score"] <= 1
    assert {one["url"] for one in entry["search"]["extension"]} == {REASON}
    slot = entry["resource"]
    booking = {
        "resourceType": "Appointment",
        "status": "booked",
        "basedOn": [{"reference": f"ServiceRequest/{request['id']}"}],
        "slot": [{"reference": f"Slot/{slot_id}"}],
        "start": slot["start"],
        "end": slot["end"],
        "participant": [{"actor": request["subject"], "status": "accepted"}],
    }
    assert samu.post("Appointment", booking).status_code == 201
    assert slot_id not in matches(samu.get(f"ServiceRequest/{request['id']}/$match?_count=50").json())


def test_a_request_that_is_not_stored_is_asked_about_in_a_body(api: Api, samu: Api, tag: str) -> None:
    slot_id = _agenda(api, tag)
    patient = {"resourceType": "Patient", "id": "p", "address": [HERE]}
    request = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "contained": [patient],
        "subject": {"reference": "#p"},
    }
    parameters = [{"name": "resource", "resource": request}, {"name": "_count", "valueInteger": 50}]

    answer = samu.post("ServiceRequest/$match", {"resourceType": "Parameters", "parameter": parameters})

    assert answer.status_code == 200, answer.text
    assert slot_id in matches(answer.json())
    xml = samu.send(
        "POST", "ServiceRequest/$match?_format=xml", {"resourceType": "Parameters", "parameter": parameters}
    )
    assert xml.status_code == 200
    assert REASON in xml.text


def test_what_is_wrong_is_told_with_its_element(api: Api, samu: Api) -> None:
    over = _request(samu, occurrencePeriod={"end": "2020-01-01"})
    good = _request(samu)
    wrong = {"resourceType": "Parameters", "parameter": [{"name": "within", "valueInteger": 0}]}

    past = samu.get(f"ServiceRequest/{over['id']}/$match")
    body = samu.post(f"ServiceRequest/{good['id']}/$match", wrong)

    assert (past.status_code, past.json()["issue"][0]["expression"]) == (422, ["ServiceRequest.occurrence"])
    assert (body.status_code, body.json()["issue"][0]["expression"]) == (400, ["Parameters.parameter[0]"])
    assert (samu.post("ServiceRequest/$match").status_code, issue(samu.post("ServiceRequest/$match"))) == (
        400,
        "required",
    )
    assert samu.get("ServiceRequest/unknown/$match").status_code == 404
    assert api.as_client("demo-vendor").get(f"ServiceRequest/{good['id']}/$match").status_code == 404
    assert samu.get("Patient/$match").status_code == 404
    assert samu.get("ServiceRequest/$match?limit=3").json()["issue"][0]["expression"] == ["limit"]


def test_the_operation_is_published(api: Api) -> None:
    definition = api.get("OperationDefinition/match").json()
    rest = api.get("metadata").json()["rest"][0]["resource"]
    (told,) = [one["operation"] for one in rest if one["type"] == "ServiceRequest"]

    assert definition["url"] == "urn:creneau:OperationDefinition:match"
    assert (definition["affectsState"], definition["type"], definition["instance"]) == (False, True, True)
    assert ("match", definition["url"]) in [(one["name"], one["definition"]) for one in told]
