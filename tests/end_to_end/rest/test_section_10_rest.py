"""Headers, proxies, pages of other origins and operations: behaviours 97 to 100 of docs/fhir.md."""

import gzip
import json
from typing import Any

import pytest
import requests

from tests.builders import appointment, patient
from tests.end_to_end.rest.conftest import Api, issue


@pytest.mark.parametrize("path", ["metadata", "Patient?name=nobody", "Patient/never-there", "nonsense/x/y/z"])
def test_097_request_ids_come_back(api: Api, path: str) -> None:
    answer = api.get(path, X_Request_Id="mine-1", X_Correlation_Id="tour:7/8")
    odd = api.get(path, X_Request_Id="not mine", X_Correlation_Id="a b")

    assert ("mine-1", "tour:7/8") == (answer.headers["X-Request-Id"], answer.headers["X-Correlation-Id"])
    assert ("not mine" != odd.headers["X-Request-Id"], False) == (True, "X-Correlation-Id" in odd.headers)


def test_098_links_are_those_of_the_proxy(api: Api) -> None:
    forwarded = {"X_Forwarded_Host": "cpts.example", "X_Forwarded_Proto": "https"}
    made = api.post("Organization", {"resourceType": "Organization", "name": "x"}, **forwarded)
    found = api.get("Organization?name=x&_count=1", **forwarded).json()

    assert made.headers["Location"].startswith("https://cpts.example/fhir/Organization/")
    assert all(link["url"].startswith("https://cpts.example/fhir/") for link in found["link"])
    assert found["entry"][0]["fullUrl"].startswith("https://cpts.example/fhir/")


def test_098_hosts_that_are_none_are_not_believed(api: Api) -> None:
    body = {"resourceType": "Organization", "name": "x"}
    for host in ("evil.example/x", "a b", "user@evil.example"):
        assert api.post("Organization", body, X_Forwarded_Host=host).headers["Location"].startswith(api.base)


def test_099_preflight(api: Api) -> None:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization, if-match"}
    url = f"{api.base}/Patient/x"
    welcome, stranger = (
        requests.options(url, headers=asked | {"Origin": origin}, timeout=60)
        for origin in ("https://app.example", "https://evil.example")
    )

    assert (204, "https://app.example") == (welcome.status_code, welcome.headers["Access-Control-Allow-Origin"])
    assert {"Authorization", "If-Match"} <= set(welcome.headers["Access-Control-Allow-Headers"].split(", "))
    assert (405, False) == (stranger.status_code, "Access-Control-Allow-Origin" in stranger.headers)


def test_099_without_an_origin_nothing_is_said_of_it(api: Api) -> None:
    assert "Access-Control-Allow-Origin" not in api.get("Patient?name=nobody").headers


def severities(answer: requests.Response) -> set[str]:
    assert (200, "OperationOutcome") == (answer.status_code, answer.json()["resourceType"]), answer.text
    return {one["severity"] for one in answer.json()["issue"]}


def parameters(**values: Any) -> dict[str, Any]:
    names = {"mode": "valueCode", "profile": "valueUri", "resource": "resource"}
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": name, names[name]: value} for name, value in values.items()],
    }


def test_100_validate_by_body(api: Api) -> None:
    good, bad = patient(), patient(gender="x")

    assert "error" not in severities(api.post("Patient/$validate", good))
    assert "error" in severities(api.post("Patient/$validate", bad))
    assert "error" not in severities(api.post("Patient/$validate", parameters(resource=good)))
    assert "error" in severities(api.post("Patient/$validate", parameters(resource=bad)))


def test_100_validate_by_id_and_mode(api: Api) -> None:
    made = api.post("Patient", patient()).json()
    path = f"Patient/{made['id']}/$validate"

    assert "error" not in severities(api.get(path))
    assert "error" not in severities(api.post(path, parameters(mode="update", resource=made | {"active": True})))
    assert "error" not in severities(api.post(path, parameters(mode="delete")))
    assert ("1", 200) == (api.get(f"Patient/{made['id']}").json()["meta"]["versionId"], 200)
    nowhere = parameters(mode="create", resource=appointment("nowhere"))
    assert "error" in severities(api.post("Appointment/$validate", nowhere))


def test_100_validate_refused(api: Api) -> None:
    unknown = api.post("Patient/never-there/$validate", parameters(mode="delete"))
    profile = api.post("Patient/$validate?profile=http://nonsense.example/x", patient())
    nothing, mode = api.post("Patient/$validate", parameters()), api.post("Patient/$validate?mode=x", patient())

    assert [404, 400, 400] == [answer.status_code for answer in (unknown, nothing, mode)]
    assert profile.status_code == 400 or "error" in severities(profile)


@pytest.mark.parametrize(
    "path", ["$nonsense", "Patient/$nonsense", "Patient/x/$nonsense", "$validate", "Patient/$export"]
)
def test_100_other_operations(api: Api, path: str) -> None:
    answer = api.post(path, parameters())

    assert (404, "not-found") == (answer.status_code, issue(answer))


def test_bodies_and_answers_may_be_packed(api: Api) -> None:
    packed = gzip.compress(json.dumps(patient(name=[{"family": "x" * 3000}])).encode())
    made = api.post("Patient", packed, Content_Encoding="gzip", Accept_Encoding="gzip")
    plain = api.get(f"Patient/{made.json()['id']}", Accept_Encoding="identity")

    assert (201, "gzip", 3000) == (
        made.status_code,
        made.headers["Content-Encoding"],
        len(made.json()["name"][0]["family"]),
    )
    assert ("Content-Encoding" in plain.headers, made.content) == (False, plain.content)
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_a_bomb_does_not_go_off(api: Api) -> None:
    answer = api.post("Patient", gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")

    assert (413, "too-long") == (answer.status_code, issue(answer))


@pytest.mark.parametrize("name", ["X_Request_Id", "X_Correlation_Id", "Prefer", "If_None_Match", "X_Forwarded_Host"])
def test_headers_cannot_be_injected(api: Api, name: str) -> None:
    answer = api.get("Patient?name=nobody", **{name: "x%0d%0aX-Injected: 1"})

    assert (True, False) == (answer.status_code < 500, "X-Injected" in answer.headers)


def test_096_no_token_and_no_scope(api: Api) -> None:
    vendor = api.as_client("demo-vendor")
    anonymous = requests.get(f"{api.base}/Patient/x", timeout=60)
    refused = vendor.post("Schedule", {"resourceType": "Schedule", "actor": [{"reference": "Location/x"}]})

    assert [(401, "login"), (403, "forbidden")] == [(it.status_code, issue(it)) for it in (anonymous, refused)]
    assert all("WWW-Authenticate" in answer.headers for answer in (anonymous, refused))
