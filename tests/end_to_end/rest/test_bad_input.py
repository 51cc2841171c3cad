"""Bad input of every kind, over HTTP: each is refused with an outcome that says so, and nothing breaks."""

from typing import Any

import pytest

from tests.builders import patient, service_request, slot
from tests.end_to_end.rest.conftest import Api, issue

SELF = "urn:uuid:0b8b1a3e-6c1c-4c8e-9a39-2f6a4a4f0c09"


@pytest.mark.parametrize(
    "query",
    [
        "Nonsense?x=y",
        "slot?status=free",
        "Slot/" + "x" * 65,
        "Slot?status:fuzzy=free",
        "Slot?_count=-1",
        "Slot?_count=abc",
        "Slot?_cursor=" + "A" * 5000,
        "Slot?_cursor=eyJhIjoxfQ",
        "Slot?status=" + "a," * 7000,
        "ServiceRequest?" + "subject:Patient." * 200 + "name=x",
        "Patient?" + "_has:Task:subject:" * 200 + "status=x",
        "Patient?identifier=a|b|c",
        "Slot?start=2026-02-30",
        "Slot?start=2026-01-01T24:00:00Z",
        "Slot?start=0000",
        "Slot?start=ge",
        "Slot?" + "&".join("_include=Slot:schedule" for _ in range(100)),
        "Slot?_sort=" + ",".join(["start"] * 40),
    ],
)
def test_queries(api: Api, query: str) -> None:
    answer = api.get(query, Prefer="handling=strict")

    assert 400 <= answer.status_code < 500, answer.text[:300]
    assert "OperationOutcome" == answer.json()["resourceType"]


def test_a_cursor_belongs_to_its_query(api: Api, tag: str) -> None:
    for _ in range(3):
        api.create("Organization", name=tag)
    links = api.get(f"Organization?name={tag}&_count=1").json()["link"]
    following = next(link["url"] for link in links if link["relation"] == "next")
    cursor = following.split("_cursor=")[1]

    assert 200 == api.get(f"Organization?name={tag}&_count=1&_cursor={cursor}").status_code
    assert 400 == api.get(f"Organization?name=other&_count=1&_cursor={cursor}").status_code
    assert 400 == api.get(f"Organization?name={tag}&_count=1&_cursor={cursor[:-2]}xx").status_code


@pytest.mark.parametrize("count", ["1000000000000", "999999999999999999999999999"])
def test_a_count_beyond_all_bounds(api: Api, count: str) -> None:
    assert api.get(f"Slot?_count={count}").status_code in (200, 400)


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"resourceType":"Patient"}',
        b'{"resourceType":"Patient","multipleBirthInteger":NaN}',
        b'{"resourceType":"Patient","multipleBirthInteger":Infinity}',
        b'{"resourceType":"Patient","multipleBirthInteger":1e400}',
        b'{"resourceType":"Patient","multipleBirthInteger":' + b"9" * 5000 + b"}",
        b'{"resourceType":"Patient","name":[{"family":"\\ud800"}]}',
        b'{"resourceType":"Patient","active":true,"active":false}',
        b'{"resourceType":"Patient","name":null}',
        b'{"resourceType":["Patient"]}',
        b'{"resourceType":"Patient"} {}',
        b"\x00",
        b'{"resourceType":"Patient","extension":' + b"[" * 100_000,
    ],
)
def test_json(api: Api, body: bytes) -> None:
    answer = api.post("Patient", body)

    assert (400, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY e "x">]><Patient xmlns="http://hl7.org/fhir"><language value="&e;"/></Patient>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><Patient xmlns="http://hl7.org/fhir"/>',
        b'<?xml version="1.0" encoding="UTF-16"?><Patient xmlns="http://hl7.org/fhir"/>',
        b'<Patient xmlns="http://hl7.org/fhir">' + b"<contained>" * 20_000,
        b'<Patient xmlns="http://hl7.org/fhir"><gender value="nonsense"/></Patient>',
        b'<Patient xmlns="http://hl7.org/fhir"><multipleBirthInteger value="1.5"/></Patient>',
        b"<Patient/>",
    ],
)
def test_xml(api: Api, body: bytes) -> None:
    answer = api.post("Patient", body, Content_Type="application/fhir+xml")

    assert (400, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"])


@pytest.mark.parametrize(
    "reference", ["Slot/1", "Nonsense/1", "file:///etc/passwd", "javascript:x", "Patient/a b", "#none"]
)
def test_references(api: Api, reference: str) -> None:
    answer = api.post("ServiceRequest", service_request(subject={"reference": reference}))

    assert answer.status_code in (400, 422)


def test_an_entry_that_refers_to_itself(api: Api) -> None:
    organization: dict[str, Any] = {"resourceType": "Organization", "name": "x", "partOf": {"reference": SELF}}
    entry = {"fullUrl": SELF, "resource": organization, "request": {"method": "POST", "url": "Organization"}}
    answer = api.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    made = answer.json()["entry"][0]["resource"]

    assert (200, f"Organization/{made['id']}") == (answer.status_code, made["partOf"]["reference"])


@pytest.mark.parametrize("start", ["2026-03-03T24:00:00Z", "2026-03-03T09:00:00", "0000-01-01T00:00:00Z", "2026-03-03"])
def test_instants(api: Api, start: str) -> None:
    assert 400 == api.post("Slot", slot(start=start)).status_code


def test_a_form_that_is_none(api: Api) -> None:
    answer = api.post("Patient/_search", b"\xff\xfe=%zz&name=%FF", Content_Type="application/x-www-form-urlencoded")

    assert (400, "invalid") == (answer.status_code, issue(answer))


def test_a_name_of_every_character(api: Api) -> None:
    family = "é漢字😀\u202e\"'<>&\\ \t"
    made = api.post("Patient", patient(name=[{"family": family}])).json()
    as_xml = api.get(f"Patient/{made['id']}", Accept="application/fhir+xml").content
    again = api.put(f"Patient/{made['id']}", as_xml, Content_Type="application/fhir+xml")

    assert (200, 'W/"1"', family) == (again.status_code, again.headers["ETag"], again.json()["name"][0]["family"])
