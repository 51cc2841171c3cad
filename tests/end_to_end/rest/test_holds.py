"""`Appointment/$find`, `$hold` and `$book` over HTTP: forms, methods, headers and scopes; items 15 and 19 to 24."""

import uuid
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests import builders
from tests.end_to_end.rest.conftest import Api, issue
from tests.scheduling_calls import matches, outcome, parameters, reference

OPERATIONS = ("find", "hold", "book")
DAY = {"start": "2031-03-03T09:00:00+01:00", "end": "2031-03-03T09:15:00+01:00"}
WINDOW = (("start", "2031-03-03"), ("end", "2031-03-03"))
XML = "application/fhir+xml"
FIND_XML = (
    '<Parameters xmlns="http://hl7.org/fhir">'
    '<parameter><name value="start"/><valueDateTime value="2031-03-03"/></parameter>'
    '<parameter><name value="end"/><valueDateTime value="2031-03-03"/></parameter>'
    '<parameter><name value="practitioner"/>'
    '<valueReference><reference value="Practitioner/{id}"/></valueReference></parameter>'
    "</Parameters>"
)


class Clinic:
    """A doctor of one's own, and the slots of the test."""

    def __init__(self, api: Api, tag: str) -> None:
        self.api = api
        self.id = tag
        self.vendor, self.rival = api.as_client("demo-vendor"), api.as_client("demo-vendor-2")
        self.put("Practitioner", name=[{"family": "Essai"}])
        self.put("Schedule", actor=[self.doctor])

    @property
    def doctor(self) -> dict[str, str]:
        return {"reference": f"Practitioner/{self.id}"}

    def put(self, type_name: str, id_: str | None = None, **elements: Any) -> str:
        named = id_ or self.id
        answer = self.api.put(f"{type_name}/{named}", {"resourceType": type_name, "id": named} | elements)
        assert answer.status_code in (200, 201), answer.text
        return named

    def slot(self, **elements: Any) -> str:
        times = DAY | {"schedule": {"reference": f"Schedule/{self.id}"}}
        return self.put("Slot", f"{self.id}-{uuid.uuid4().hex[:6]}", **builders.slot(**times) | elements)

    def find(self, client: Api, path: str = "Appointment/$find") -> dict[str, Any]:
        answer = client.post(path, parameters(*WINDOW, ("practitioner", self.doctor)))
        assert 200 == answer.status_code, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def option(self, client: Api) -> str:
        return str(matches(self.find(client))[0]["id"])

    def call(self, client: Api, operation: str, id_: str, **headers: str) -> requests.Response:
        asked = parameters(("appointment-reference", reference(id_)))
        return client.post(f"Appointment/${operation}", asked, **headers)


@pytest.fixture
def clinic(api: Api, tag: str) -> Clinic:
    return Clinic(api, tag)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_item_19_post_only(api: Api, operation: str) -> None:
    answer = api.get(f"Appointment/${operation}?start=2031-03-03&end=2031-03-04")

    assert (405, "POST", "not-supported") == (answer.status_code, answer.headers["Allow"], issue(answer))


@pytest.mark.parametrize("path", ["$find", "Slot/$find", "Appointment/x/$find", "Appointment/x/$hold", "$book"])
def test_item_19_on_the_type_alone(api: Api, path: str) -> None:
    assert 404 == api.post(path, parameters()).status_code


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("body", [{}, {"resourceType": "Appointment"}, [1], b"{", {"resourceType": "Parameters"}])
def test_item_19_parameters_or_nothing(api: Api, operation: str, body: Any) -> None:
    answer = api.post(f"Appointment/${operation}", body)

    assert 400 == answer.status_code
    assert "OperationOutcome" == answer.json()["resourceType"]


def test_item_19_in_xml(clinic: Clinic) -> None:
    clinic.slot()
    asked = FIND_XML.format(id=clinic.id).encode()
    found = clinic.vendor.post("Appointment/$find", asked, Content_Type=XML, Accept=XML)
    id_ = found.text.partition('<Appointment><id value="')[2].partition('"')[0]
    hold = (
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="appointment-reference"/>'
        f'<valueReference><reference value="Appointment/{id_}"/></valueReference></parameter></Parameters>'
    ).encode()
    kept = clinic.vendor.post("Appointment/$hold", hold, Content_Type=XML, Accept=XML)
    booked = clinic.vendor.post("Appointment/$book", hold, Content_Type=XML, Accept=XML)

    for answer, status in ((found, "proposed"), (kept, "pending"), (booked, "booked")):
        assert (200, f"{XML}; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
        assert f'<status value="{status}"/>' in answer.text


def test_item_19_count_caps_and_total_counts(clinic: Clinic) -> None:
    for _ in range(3):
        clinic.slot()
    found = clinic.find(clinic.vendor, "Appointment/$find?_count=2")

    assert (3, 2) == (found["total"], len(matches(found)))
    for count in ("0", "-1", "x"):
        asked = parameters(*WINDOW)
        assert 400 == clinic.vendor.post(f"Appointment/$find?_count={count}", asked).status_code


def test_item_20_stale_is_a_bundle_that_says_so(clinic: Clinic) -> None:
    slot = clinic.slot()
    option = clinic.option(clinic.vendor)
    assert 204 == clinic.api.delete(f"Slot/{slot}").status_code

    for operation in ("hold", "book"):
        answer = clinic.call(clinic.vendor, operation, option)
        found = answer.json()
        assert (200, "searchset", 0) == (answer.status_code, found["type"], found["total"])
        assert [("fatal", "not-found")] == outcome(found)


def test_item_21_a_hold_says_until_when(clinic: Clinic) -> None:
    slot = clinic.slot()
    answer = clinic.call(clinic.vendor, "hold", clinic.option(clinic.vendor))

    left = parsedate_to_datetime(answer.headers["Expires"]) - datetime.now(UTC)
    assert timedelta(seconds=200) < left <= timedelta(seconds=300)
    assert "no-store" == answer.headers["Cache-Control"]
    assert "busy-tentative" == clinic.vendor.get(f"Slot/{slot}").json()["status"]
    assert slot in clinic.vendor.found(f"Slot?schedule=Schedule/{clinic.id}&status=busy,busy-tentative")
    assert [] == clinic.vendor.found(f"Slot?schedule=Schedule/{clinic.id}&status=free")


def test_item_21_another_partner_is_refused(clinic: Clinic) -> None:
    clinic.slot()
    mine, others = clinic.option(clinic.vendor), clinic.option(clinic.rival)
    first = clinic.call(clinic.vendor, "hold", mine)
    again = clinic.call(clinic.vendor, "hold", mine)
    refused = clinic.call(clinic.rival, "hold", others)

    assert (200, 200, first.json()) == (first.status_code, again.status_code, again.json())
    assert (409, "conflict") == (refused.status_code, issue(refused))
    assert ("fatal", "not-found") in [(one["severity"], one["code"]) for one in refused.json()["issue"]]


def test_item_24_from_resource_is_created(clinic: Clinic) -> None:
    slot = clinic.slot()
    wanted = builders.appointment(slot, status="pending", **DAY)
    answer = clinic.vendor.post("Appointment/$book", parameters(("appointment-resource", wanted)))

    [made] = matches(answer.json())
    assert (201, "booked") == (answer.status_code, made["status"])
    assert f"{clinic.api.base}/Appointment/{made['id']}/_history/1" == answer.headers["Location"]
    stale = clinic.vendor.post(
        "Appointment/$book", parameters(("appointment-resource", made | {"comment": "x"})), If_Match='W/"7"'
    )
    assert 412 == stale.status_code


def test_item_15_the_same_key_is_answered_alike(clinic: Clinic) -> None:
    clinic.slot()
    option, key = clinic.option(clinic.vendor), f"key-{clinic.id}"
    answers = [clinic.call(clinic.vendor, "book", option, Idempotency_Key=key) for _ in range(2)]
    other = clinic.call(clinic.vendor, "book", "another", Idempotency_Key=key)

    assert [None, "true"] == [one.headers.get("Idempotent-Replayed") for one in answers]
    assert answers[0].json() == answers[1].json()
    assert 422 == other.status_code


def test_the_scopes_must_let_find_hold_and_book(clinic: Clinic) -> None:
    clinic.slot()
    sas, auditor, agenda = (clinic.api.as_client(f"demo-{name}") for name in ("sas", "auditor", "agenda"))
    option = clinic.option(sas)
    stranger = parameters(
        ("appointment-reference", reference(clinic.option(agenda))), ("patient-resource", builders.patient())
    )

    assert 403 == auditor.post("Appointment/$find", parameters(*WINDOW)).status_code
    assert [403, 403] == [clinic.call(sas, operation, option).status_code for operation in ("hold", "book")]
    assert 403 == agenda.post("Appointment/$book", stranger).status_code


def test_118_what_was_booked_is_found_again(clinic: Clinic) -> None:
    """The searches of ITI-118, by GET and by POST."""
    clinic.slot()
    number = {"system": "urn:x:118", "value": clinic.id}
    person = builders.patient(identifier=[number])
    option = clinic.option(clinic.vendor)
    asked = parameters(("appointment-reference", reference(option)), ("patient-resource", person))
    [booked] = matches(clinic.vendor.post("Appointment/$book", asked).json())

    for query in (
        f"patient.identifier=urn:x:118|{clinic.id}",
        f"patient.identifier=urn:x:118|{clinic.id}&date=ge2031-03-03&date=lt2031-03-04&status=booked",
        f"practitioner=Practitioner/{clinic.id}&patient.identifier=urn:x:118|{clinic.id}",
        f"_id={booked['id']}&_include=Appointment:actor",
        f"identifier=urn:creneau:option|{option}",
    ):
        form = clinic.vendor.send(
            "POST", "Appointment/_search", query.encode(), Content_Type="application/x-www-form-urlencoded"
        )
        assert [booked["id"]] == clinic.vendor.found(f"Appointment?{query}")
        assert [booked["id"]] == [one["id"] for one in matches(form.json())]
    assert [] == clinic.vendor.found(f"Appointment?patient.identifier=urn:unknown|{clinic.id}")
