"""What holds of every answer, whatever was asked: its form, its headers, and the same for HEAD."""

import gzip
from typing import Any

import pytest
import requests

from tests.builders import patient, service_request, slot
from tests.end_to_end.rest.conftest import Api

#: Refusals by status: method, path, body, headers.
REFUSALS: dict[int, tuple[str, str, Any, dict[str, str]]] = {
    400: ("POST", "Patient", patient(gender="x"), {}),
    404: ("GET", "Patient/never-there", None, {}),
    405: ("DELETE", "Patient/x/_history", None, {}),
    406: ("GET", "Patient/never-there", None, {"Accept": "text/html"}),
    409: ("PUT", "Organization?name=none-{tag}", {"resourceType": "Organization", "id": "{there}", "name": "x"}, {}),
    410: ("GET", "Organization/{gone}", None, {}),
    412: (
        "PUT",
        "Organization/{there}",
        {"resourceType": "Organization", "id": "{there}", "name": "y"},
        {"If_Match": 'W/"9"'},
    ),
    413: ("POST", "Patient", b'{"language":"' + b"x" * 1_100_000 + b'"}', {}),
    415: ("POST", "Patient", b"{}", {"Content_Type": "text/plain"}),
    422: ("POST", "Slot", slot(end="2026-03-03T08:00:00+01:00"), {}),
}


def filled(value: Any, **names: str) -> Any:
    """A text, or the texts of a resource, with the names in braces written out."""
    if isinstance(value, dict):
        return {key: filled(item, **names) for key, item in value.items()}
    return value.format(**names) if isinstance(value, str) and "{" in value else value


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("form", ["json", "xml"])
def test_every_refusal_has_the_form_asked_for(api: Api, tag: str, status: int, form: str) -> None:
    method, path, body, headers = REFUSALS[status]
    names = {name: api.create("Organization", name=tag)["id"] for name in ("there", "gone")} | {"tag": tag}
    api.delete(f"Organization/{names['gone']}")
    asked = {"Accept": f"application/fhir+{form}"} | headers | {"X_Request_Id": "mine", "X_Correlation_Id": "ours/1"}
    answer = api.send(method, filled(path, **names), filled(body, **names), **asked)

    expected = "json" if status == 406 else form
    assert (status, f"application/fhir+{expected}; charset=utf-8") == (
        answer.status_code,
        answer.headers["Content-Type"],
    )
    assert b"OperationOutcome" in answer.content
    assert ("mine", "ours/1") == (answer.headers["X-Request-Id"], answer.headers["X-Correlation-Id"])
    assert "no-store" == answer.headers["Cache-Control"]
    assert (status == 405) == ("Allow" in answer.headers)


ADDRESSES = (
    "",
    "?_type=Patient",
    "metadata",
    "openapi.json",
    "_history",
    "Patient",
    "Patient/_history",
    "Patient/{id}",
    "Patient/{id}/_history",
    "Patient/{id}/_history/1",
    "Patient/{id}/Appointment",
    "Patient/{id}/*",
    "Patient/{id}/$validate",
    "Patient/never-there",
    "Patient?birthdate=x",
    "Nonsense",
)


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("accept", ["application/fhir+json", "application/fhir+xml"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_head_is_get_without_its_body(api: Api, path: str, accept: str, coding: str) -> None:
    made = api.post("Patient", patient(name=[{"family": "x" * 2000}])).json()["id"]
    names = ("Content-Type", "ETag", "Last-Modified", "Cache-Control", "Vary", "Content-Length", "Content-Encoding")
    got, head = (
        api.send(method, path.format(id=made), Accept=accept, Accept_Encoding=coding) for method in ("GET", "HEAD")
    )

    assert (got.status_code, b"") == (head.status_code, head.content)
    if "_history" != path:
        assert [got.headers.get(name) for name in names] == [head.headers.get(name) for name in names]


RESERVED = {
    "_history": "GET, HEAD",
    "_search": "POST",
    "Patient/_history": "GET, HEAD",
    "Patient/_search": "POST",
    "Patient/x/_history": "GET, HEAD",
    "Patient/x/_history/1": "GET, HEAD",
    "Patient/$validate": "GET, HEAD, POST",
    "Patient/x/$validate": "GET, HEAD, POST",
}


@pytest.mark.parametrize("path", RESERVED)
@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PUT", "OPTIONS", "TRACE"])
def test_other_methods_are_told_which_there_are(api: Api, path: str, method: str) -> None:
    answer = api.send(method, path)

    assert 405 == answer.status_code
    assert set(RESERVED[path].split(", ")) == set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("form", ["json", "xml"])
def test_indented_if_asked(api: Api, form: str) -> None:
    made = api.post("Patient", patient()).json()["id"]
    for path in (f"Patient/{made}", "Patient/never-there", "Patient?_count=1", "metadata"):
        joint = "&" if "?" in path else "?"
        plain, pretty = (api.get(f"{path}{joint}_format={form}&_pretty={it}").text for it in ("false", "true"))

        assert (True, True) == (plain.count("\n") < 3, pretty.count("\n") > 3)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/fhir+json", 201),
        ("application/fhir+json; charset=UTF-8", 201),
        ('application/fhir+json; charset="utf-8"; fhirVersion=4.0', 201),
        ("application/json+fhir", 201),
        ("application/json", 201),
        ("text/json", 201),
        ("application/fhir+json; charset=iso-8859-1", 415),
        ("application/fhir+json; fhirVersion=3.0", 415),
        ("application/fhir+ndjson", 415),
        ("application/json-patch+json", 415),
        ("multipart/form-data", 415),
    ],
)
def test_declarations_of_bodies(api: Api, content_type: str, status: int) -> None:
    assert status == api.post("Patient", b'{"resourceType":"Patient"}', Content_Type=content_type).status_code


def test_an_empty_format_asks_for_nothing(api: Api) -> None:
    answers = [api.get(f"Slot?_count=0&_format={it}", Accept="application/fhir+xml") for it in ("", "json")]

    assert [200, 200] == [answer.status_code for answer in answers]
    assert ["xml", "json"] == [answer.headers["Content-Type"][17:].partition(";")[0] for answer in answers]


@pytest.mark.parametrize("form", ["json", "xml"])
def test_packed_both_ways(api: Api, form: str) -> None:
    note = [{"text": "x" * 3000}]
    made = api.create("ServiceRequest", **service_request(note=note))
    as_form = api.get(f"ServiceRequest/{made['id']}", Accept=f"application/fhir+{form}", Accept_Encoding="identity")
    packed = gzip.compress(as_form.content)
    sent = {"Content_Type": f"application/fhir+{form}", "Content_Encoding": "gzip", "Accept_Encoding": "gzip"}
    again = api.put(f"ServiceRequest/{made['id']}", packed, **sent)
    broken = api.put(f"ServiceRequest/{made['id']}", packed[:-9], **sent)
    unknown = api.put(f"ServiceRequest/{made['id']}", packed, **(sent | {"Content_Encoding": "br"}))

    assert (200, 'W/"1"', "gzip") == (again.status_code, again.headers["ETag"], again.headers["Content-Encoding"])
    assert note == again.json()["note"]
    assert [400, 415] == [broken.status_code, unknown.status_code]


def test_a_stranger_is_told_in_fhir_too(api: Api) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
        answer = requests.get(f"{api.base}/Patient?_format=xml", headers=headers, timeout=60)

        assert (401, "application/fhir+xml; charset=utf-8") == (answer.status_code, answer.headers["Content-Type"])
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_body_too_large_ends_its_connection(api: Api) -> None:
    answer = api.post("Patient", b'{"language":"' + b"x" * 1_100_000 + b'"}')

    assert (413, "close") == (answer.status_code, answer.headers["Connection"])
