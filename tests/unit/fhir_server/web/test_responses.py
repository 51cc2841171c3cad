"""Answers: bodies and headers."""

import json

import pytest

from fhir_server.kernel.errors import Category, FhirError, Issue
from fhir_server.storage.resources import Stored
from fhir_server.web import responses
from fhir_server.web.negotiation import Preferences

BASE = "https://example.org/fhir"
STORED = Stored(
    pk=1,
    type="Slot",
    id="s1",
    version=3,
    updated_ms=1_767_596_400_123,
    deleted=False,
    owner="one",
    happened_ms=1_767_596_400_123,
    body='{"resourceType":"Slot"}',
)


def test_a_resource_is_answered_as_stored() -> None:
    response = responses.resource(STORED)

    assert STORED.body.encode() == response.get_data()
    assert {
        "Content-Type": "application/fhir+json; charset=utf-8",
        "Content-Length": "23",
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding, Authorization, Prefer",
        "ETag": 'W/"3"',
        "Last-Modified": "Mon, 05 Jan 2026 07:00:00 GMT",
    } == dict(response.headers)


def test_not_modified_has_tags_and_no_body() -> None:
    response = responses.not_modified(STORED)

    assert (304, b"", 'W/"3"') == (response.status_code, response.get_data(), response.headers["ETag"])


@pytest.mark.parametrize(
    ("is_created", "status", "location"), [(True, 201, f"{BASE}/Slot/s1/_history/3"), (False, 200, None)]
)
def test_written(is_created: bool, status: int, location: str | None) -> None:
    response = responses.written(STORED, is_created=is_created, wanted=Preferences(), base_url=BASE)

    assert (status, location, 'W/"3"') == (
        response.status_code,
        response.headers.get("Location"),
        response.headers["ETag"],
    )


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("representation", {"resourceType": "Slot"}),
        ("minimal", None),
        (
            "OperationOutcome",
            {
                "resourceType": "OperationOutcome",
                "issue": [{"severity": "information", "code": "informational", "diagnostics": "Created."}],
            },
        ),
    ],
)
def test_written_answers_what_is_preferred(returned: str, expected: object) -> None:
    response = responses.written(STORED, is_created=True, wanted=Preferences(returned), base_url=BASE)

    assert expected == (json.loads(response.get_data()) if response.get_data() else None)


def test_a_refusal_tells_every_issue() -> None:
    issues = (
        Issue(Category.REQUIRED, "status is missing.", "Slot.status"),
        Issue(Category.VALUE, "start is no instant.", "Slot.start"),
        Issue(Category.INVALID, "Something odd.", severity="warning"),
    )
    response = responses.refusal(FhirError(issues, {"Allow": "GET"}))

    assert (400, "GET") == (response.status_code, response.headers["Allow"])
    assert [
        {"severity": "error", "code": "required", "diagnostics": "status is missing.", "expression": ["Slot.status"]},
        {"severity": "error", "code": "value", "diagnostics": "start is no instant.", "expression": ["Slot.start"]},
        {"severity": "warning", "code": "invalid", "diagnostics": "Something odd."},
    ] == json.loads(response.get_data())["issue"]
