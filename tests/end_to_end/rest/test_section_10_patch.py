"""Patch: behaviours 39 to 50 of docs/fhir.md."""

import base64
import json
from typing import Any

import pytest
import requests

from tests.builders import patient
from tests.end_to_end.rest.conftest import Api

JSON_PATCH = "application/json-patch+json"


@pytest.fixture
def path(api: Api) -> str:
    """A patient to patch."""
    return f"Patient/{api.post('Patient', patient(deceasedBoolean=False)).json()['id']}"


def operation(kind: str, path: str, **parts: Any) -> dict[str, Any]:
    """One operation of a FHIRPath Patch; a part's value is named by its type: `value__String`."""
    found: list[dict[str, Any]] = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}]
    for key, value in parts.items():
        name, _, type_name = key.partition("__")
        found.append({"name": name, f"value{type_name}": value} if type_name else {"name": name, "part": value})
    return {"name": "operation", "part": found}


def by_path(api: Api, address: str, *operations: dict[str, Any], **headers: str) -> requests.Response:
    body = {"resourceType": "Parameters", "parameter": list(operations)}
    return api.patch(address, body, Content_Type="application/fhir+json", **headers)


def test_039_json_patch(api: Api, path: str) -> None:
    changes = [
        {"op": "replace", "path": "/gender", "value": "male"},
        {"op": "add", "path": "/name/0/given/-", "value": "Alix"},
        {"op": "add", "path": "/active", "value": True},
        {"op": "remove", "path": "/deceasedBoolean"},
        {"op": "test", "path": "/name/0/family", "value": "ESSAI"},
    ]
    answer = api.patch(path, changes)
    found = answer.json()

    assert (200, 'W/"2"') == (answer.status_code, answer.headers["ETag"])
    assert ("male", ["Camille", "Alix"], True, False) == (
        found["gender"],
        found["name"][0]["given"],
        found["active"],
        "deceasedBoolean" in found,
    )


def test_040_a_test_that_fails(api: Api, path: str) -> None:
    answer = api.patch(path, [{"op": "test", "path": "/gender", "value": "male"}])

    assert 422 == answer.status_code


@pytest.mark.parametrize(
    "change",
    [
        {"op": "replace", "path": "/unknown/0", "value": "x"},
        {"op": "add", "path": "/unknown", "value": "x"},
        {"op": "replace", "path": "/id", "value": "x"},
        {"op": "replace", "path": "/meta/versionId", "value": "9"},
        {"op": "replace", "path": "/resourceType", "value": "Slot"},
        {"op": "replace", "path": "/gender", "value": 7},
        {"op": "replace", "path": "/name", "value": "x"},
        {"op": "move", "path": "/gender"},
        {"op": "no-such", "path": "/gender"},
    ],
)
def test_041_bad_operations(api: Api, path: str, change: dict[str, Any]) -> None:
    answer = api.patch(path, [change])

    assert answer.status_code in (400, 422)
    assert "1" == api.get(path).json()["meta"]["versionId"]


def test_042_what_would_be_invalid(api: Api, path: str) -> None:
    answers = [
        api.patch(path, [{"op": "replace", "path": "/birthDate", "value": "2026-02-30"}]),
        api.patch(path, [{"op": "replace", "path": "/gender", "value": "x"}]),
        by_path(api, path, operation("replace", "Patient.gender", value__Code="x")),
    ]

    assert [400, 400, 400] == [answer.status_code for answer in answers]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", JSON_PATCH, 400),
        (b"{}", JSON_PATCH, 400),
        (b"[", JSON_PATCH, 400),
        (b"[1]", JSON_PATCH, 400),
        (b"[]", "text/plain", 415),
        (b"[]", "application/merge-patch+json", 415),
        (b"[]", "application/fhir+json", 400),
        (b'{"resourceType":"Patient"}', "application/fhir+json", 400),
    ],
)
def test_043_bodies_of_no_use(api: Api, path: str, body: bytes, content_type: str, status: int) -> None:
    assert status == api.patch(path, body, Content_Type=content_type).status_code


def test_044_missing_and_deleted(api: Api, path: str) -> None:
    api.delete(path)
    change = [{"op": "add", "path": "/active", "value": True}]

    assert [404, 410] == [api.patch(it, change).status_code for it in ("Patient/never-there", path)]


def test_045_if_match(api: Api, path: str) -> None:
    change = [{"op": "add", "path": "/active", "value": True}]

    assert [412, 200] == [api.patch(path, change, If_Match=f'W/"{version}"').status_code for version in (7, 1)]


def test_046_a_patch_without_effect(api: Api, path: str) -> None:
    answer = api.patch(path, [{"op": "replace", "path": "/gender", "value": "female"}])

    assert (200, 'W/"1"') == (answer.status_code, answer.headers["ETag"])


def test_047_times_keep_their_form(api: Api, path: str) -> None:
    changes = [
        {"op": "remove", "path": "/deceasedBoolean"},
        {"op": "add", "path": "/deceasedDateTime", "value": "2026-03-01T10:00:00.500+01:00"},
        {"op": "replace", "path": "/birthDate", "value": "1979-03"},
    ]
    found = api.patch(path, changes).json()

    assert ("2026-03-01T10:00:00.500+01:00", "1979-03") == (found["deceasedDateTime"], found["birthDate"])


def test_048_one_of_a_choice(api: Api, path: str) -> None:
    add = {"op": "add", "path": "/deceasedDateTime", "value": "2026"}
    remove = {"op": "remove", "path": "/deceasedBoolean"}

    assert [400, 200] == [api.patch(path, changes).status_code for changes in ([add], [add, remove])]


def test_049_fhirpath_patch(api: Api, path: str) -> None:
    contact = [
        {"name": "name", "valueHumanName": {"text": "Alix"}},
        {"name": "gender", "valueCode": "male"},
    ]
    answer = by_path(
        api,
        path,
        operation("replace", "Patient.gender", value__Code="male"),
        operation("delete", "Patient.deceased"),
        operation("add", "Patient", name__String="contact", value=contact),
        operation("insert", "Patient.name[0].given", value__String="Alix", index__Integer=0),
        operation("move", "Patient.name[0].given", source__Integer=0, destination__Integer=1),
    )
    found = answer.json()

    assert 200 == answer.status_code, answer.text
    assert ("male", False) == (found["gender"], "deceasedBoolean" in found)
    assert [{"name": {"text": "Alix"}, "gender": "male"}] == found["contact"]
    assert ["Camille", "Alix"] == found["name"][0]["given"]


def test_049_fhirpath_patch_in_xml(api: Api, path: str) -> None:
    body = (
        b'<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
        b'<part><name value="type"/><valueCode value="replace"/></part>'
        b'<part><name value="path"/><valueString value="Patient.gender"/></part>'
        b'<part><name value="value"/><valueCode value="other"/></part></parameter></Parameters>'
    )
    answer = api.patch(path, body, Content_Type="application/fhir+xml")

    assert (200, "other") == (answer.status_code, answer.json()["gender"])


def test_050_patches_in_a_transaction(api: Api, tag: str) -> None:
    made = [
        api.post("Patient", patient(identifier=[{"system": "urn:test", "value": f"{tag}-{n}"}])).json() for n in (1, 2)
    ]
    by_json = base64.b64encode(json.dumps([{"op": "replace", "path": "/gender", "value": "male"}]).encode()).decode()
    binary = {"resourceType": "Binary", "contentType": JSON_PATCH, "data": by_json}
    parameters = {
        "resourceType": "Parameters",
        "parameter": [operation("replace", "Patient.gender", value__Code="other")],
    }
    entries = [
        {"resource": binary, "request": {"method": "PATCH", "url": f"Patient/{made[0]['id']}", "ifMatch": 'W/"1"'}},
        {"resource": parameters, "request": {"method": "PATCH", "url": f"Patient?identifier=urn:test|{tag}-2"}},
    ]
    answer = api.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})

    assert 200 == answer.status_code, answer.text
    assert ["male", "other"] == [api.get(f"Patient/{it['id']}").json()["gender"] for it in made]
