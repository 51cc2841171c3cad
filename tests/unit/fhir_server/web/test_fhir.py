"""The FHIR routes, from a request to its answer."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.builders import patient, schedule
from tests.unit.fhir_server.web.conftest import Headers

BASE = "http://127.0.0.1:8080/fhir"
Bearer = Callable[..., Headers]


@pytest.fixture
def created(client: FlaskClient, bearer: Bearer) -> TestResponse:
    """An organization, created."""
    return client.post("/fhir/Organization", json=ORGANIZATION, headers=bearer())


ORGANIZATION = {"resourceType": "Organization", "name": "CPTS"}


def path(created: TestResponse) -> str:
    """The path of what was created."""
    return f"/fhir/Organization/{content(created)['id']}"


def content(response: TestResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(response.get_data())
    return found


def put(client: FlaskClient, headers: Headers, address: str, **elements: Any) -> TestResponse:
    body = ORGANIZATION | {"id": address.rpartition("/")[2]} | elements
    return client.put(address, data=json.dumps(body), headers=headers)


def test_create(created: TestResponse) -> None:
    assert 201 == created.status_code
    assert f"{BASE}/Organization/{content(created)['id']}/_history/1" == created.headers["Location"]
    assert ('W/"1"', "application/fhir+json; charset=utf-8", "no-store", "nosniff") == tuple(
        created.headers[name] for name in ("ETag", "Content-Type", "Cache-Control", "X-Content-Type-Options")
    )
    assert "Last-Modified" in created.headers
    assert ("CPTS", "1") == (content(created)["name"], content(created)["meta"]["versionId"])


def test_read(client: FlaskClient, bearer: Bearer, created: TestResponse) -> None:
    found = client.get(path(created), headers=bearer())

    assert (200, created.get_data(), 'W/"1"') == (found.status_code, found.get_data(), found.headers["ETag"])


def test_head(client: FlaskClient, bearer: Bearer, created: TestResponse) -> None:
    found = client.head(path(created), headers=bearer())

    assert (200, b"", 'W/"1"', str(len(created.get_data()))) == (
        found.status_code,
        found.get_data(),
        found.headers["ETag"],
        found.headers["Content-Length"],
    )


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("If-None-Match", 'W/"1"', 304),
        ("If-None-Match", 'W/"2"', 200),
        ("If-Modified-Since", "Mon, 02 Mar 2099 08:00:00 GMT", 304),
        ("If-Modified-Since", "Mon, 05 Jan 2015 08:00:00 GMT", 200),
    ],
)
def test_conditional_read(
    client: FlaskClient, bearer: Bearer, created: TestResponse, name: str, value: str, status: int
) -> None:
    found = client.get(path(created), headers=bearer(**{name: value}))

    assert status == found.status_code


def test_update_then_read_each_version(client: FlaskClient, bearer: Bearer, created: TestResponse) -> None:
    address = path(created)
    updated = put(client, bearer(**{"If-Match": 'W/"1"'}), address, name="New")
    names = [content(client.get(f"{address}/_history/{number}", headers=bearer()))["name"] for number in (1, 2)]
    history = content(client.get(f"{address}/_history?_format=json", headers=bearer()))

    assert (200, 'W/"2"', ["CPTS", "New"]) == (updated.status_code, updated.headers["ETag"], names)
    assert ("history", 2) == (history["type"], len(history["entry"]))


def test_update_of_a_stale_version(client: FlaskClient, bearer: Bearer, created: TestResponse) -> None:
    put(client, bearer(), path(created), name="New")

    refused = put(client, bearer(**{"If-Match": 'W/"1"'}), path(created), name="Newer")

    assert (412, "conflict") == (refused.status_code, content(refused)["issue"][0]["code"])


def test_create_by_update(client: FlaskClient, bearer: Bearer) -> None:
    answer = put(client, bearer(), "/fhir/Organization/cpts")

    assert (201, f"{BASE}/Organization/cpts/_history/1") == (answer.status_code, answer.headers["Location"])


def test_create_by_update_takes_the_letter_c(client: FlaskClient, bearer: Bearer) -> None:
    only_update = bearer("system/Organization.ru")
    refused = put(client, only_update, "/fhir/Organization/cpts")
    put(client, bearer(), "/fhir/Organization/cpts")
    updated = put(client, only_update, "/fhir/Organization/cpts", name="New")

    assert (404, 200) == (refused.status_code, updated.status_code)


def test_delete_then_read(client: FlaskClient, bearer: Bearer, created: TestResponse) -> None:
    deleted = client.delete(path(created), headers=bearer())
    gone = client.get(path(created), headers=bearer())
    again = client.delete(path(created), headers=bearer())

    assert (204, b"", 410, 'W/"2"', 204) == (
        deleted.status_code,
        deleted.get_data(),
        gone.status_code,
        gone.headers["ETag"],
        again.status_code,
    )


def test_delete_may_answer_an_outcome(client: FlaskClient, bearer: Bearer, created: TestResponse) -> None:
    deleted = client.delete(path(created), headers=bearer(Prefer="return=OperationOutcome"))

    assert (200, "OperationOutcome") == (deleted.status_code, content(deleted)["resourceType"])


@pytest.mark.parametrize(
    ("prefer", "body"),
    [("minimal", None), ("representation", "Organization"), ("OperationOutcome", "OperationOutcome")],
)
def test_create_answers_what_is_preferred(client: FlaskClient, bearer: Bearer, prefer: str, body: str | None) -> None:
    answer = client.post("/fhir/Organization", json=ORGANIZATION, headers=bearer(Prefer=f"return={prefer}"))

    assert (201, body) == (answer.status_code, content(answer)["resourceType"] if answer.get_data() else None)


def test_search(client: FlaskClient, bearer: Bearer) -> None:
    found = client.get("/fhir/Organization?name=cpts&_format=json", headers=bearer())

    assert (200, "Bundle", "searchset") == (found.status_code, content(found)["resourceType"], content(found)["type"])


def test_search_by_form_joins_url_and_form(client: FlaskClient, bearer: Bearer) -> None:
    headers = bearer(Prefer="handling=strict") | {"Content-Type": "application/x-www-form-urlencoded"}
    found = client.post("/fhir/Organization/_search?name=c", data="_count=1", headers=headers)
    refused = client.post("/fhir/Organization/_search", data="unknown=1", headers=headers)
    empty = client.post("/fhir/Organization/_search", headers=bearer())

    assert (200, 400, 200) == (found.status_code, refused.status_code, empty.status_code)


def test_a_partner_is_another_partners_stranger(client: FlaskClient, bearer: Bearer) -> None:
    mine, other = (bearer(client_id=client_id) for client_id in ("demo-vendor", "demo-vendor-2"))
    address = f"/fhir/Patient/{content(client.post('/fhir/Patient', json=patient(), headers=mine))['id']}"

    assert [200, 404, 404, 404] == [
        client.get(address, headers=mine).status_code,
        client.get(address, headers=other).status_code,
        client.get(f"{address}/_history", headers=other).status_code,
        client.get(f"{address}/_history/1", headers=other).status_code,
    ]


def test_a_shared_row_is_its_owners_to_change(client: FlaskClient, bearer: Bearer) -> None:
    body = schedule(id="mine")
    client.put("/fhir/Schedule/mine", json=body, headers=bearer(client_id="demo-agenda"))
    other = bearer(client_id="demo-vendor")

    assert (200, 403) == (
        client.get("/fhir/Schedule/mine", headers=other).status_code,
        client.put("/fhir/Schedule/mine", json=body, headers=other).status_code,
    )


#: XML cannot carry it: an entity of HTML's means nothing there.
REQUEST = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "subject": {"reference": "Patient/p"},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a&nbsp;b</div>'},
}


def test_what_xml_cannot_carry(client: FlaskClient, bearer: Bearer) -> None:
    as_xml = bearer(Accept="application/fhir+xml")
    written = client.post("/fhir/ServiceRequest", json=REQUEST, headers=as_xml)
    address = written.headers["Location"].split("/_history")[0].removeprefix(BASE.removesuffix("/fhir"))
    read = client.get(address, headers=as_xml)

    assert (201, 406, 200) == (written.status_code, read.status_code, client.get(address, headers=bearer()).status_code)
    assert all(b"<OperationOutcome" in answer.get_data() for answer in (written, read))
