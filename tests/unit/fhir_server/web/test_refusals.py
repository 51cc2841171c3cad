"""What is refused, and how: a table of bad requests."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from fhir_server.auth.scopes import LETTER_OF
from fhir_server.registry.resources import RESOURCES
from fhir_server.search.pairs import MAX_PARAMETERS
from fhir_server.web.parameters import MAX_BYTES
from fhir_server.web.routes import ROUTES, Address
from tests.unit.fhir_server.web.conftest import Headers

Bearer = Callable[..., Headers]

GOOD = b'{"resourceType":"Organization","name":"CPTS"}'
NAMED = b'{"resourceType":"Organization","id":"o1","name":"CPTS"}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

BAD: list[tuple[str, str, bytes, dict[str, str], int, str]] = [
    # method, path, body, headers, status, issue code
    ("GET", "/fhir/organization/o1", b"", {}, 404, "not-supported"),
    ("GET", "/fhir/Observation/o1", b"", {}, 404, "not-supported"),
    ("GET", "/fhir/Observation?code=1", b"", {}, 404, "not-supported"),
    ("GET", "/fhir/Organization/absent", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/a_b", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/" + "x" * 65, b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/%00", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/%FF", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/absent/_history", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/absent/_history/1", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/absent/_history/x", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/absent/_history/99999999999999999999", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/absent/more", b"", {}, 404, "not-found"),
    ("GET", "/fhir/Organization/", b"", {}, 404, "not-found"),
    ("GET", "/fhir//Organization", b"", {}, 404, "not-found"),
    ("GET", "/elsewhere", b"", {}, 404, "not-found"),
    ("PATCH", "/fhir/Organization/o1", GOOD, {}, 400, "structure"),
    ("PATCH", "/fhir/Organization/o1", b"[]", {"Content-Type": "application/json-patch"}, 415, "not-supported"),
    ("PUT", "/fhir/Organization", GOOD, {}, 400, ""),
    ("DELETE", "/fhir/Organization", b"", {}, 412, ""),
    ("PATCH", "/fhir/Organization", b"[]", {"Content-Type": "application/json-patch+json"}, 412, ""),
    ("POST", "/fhir/AuditEvent", GOOD, {}, 405, "not-supported"),
    ("DELETE", "/fhir/SearchParameter/x", b"", {}, 405, "not-supported"),
    ("OPTIONS", "/fhir/Organization", b"", {}, 405, "not-supported"),
    ("POST", "/fhir/metadata", GOOD, {}, 405, "not-supported"),
    ("GET", "/fhir/Organization?name=x", b"", {"Accept": "text/plain"}, 406, "not-supported"),
    ("GET", "/fhir/Organization?_format=ttl", b"", {}, 406, "not-supported"),
    ("GET", "/fhir/Organization/o1?_format=ttl", b"", {}, 406, "not-supported"),
    ("POST", "/fhir/Organization/_search", b"_format=ttl", FORM, 406, "not-supported"),
    ("POST", "/fhir/Organization", GOOD, {"Accept": "text/turtle"}, 406, "not-supported"),
    ("POST", "/fhir/Organization", GOOD, {"Content-Type": "text/plain"}, 415, "not-supported"),
    ("POST", "/fhir/Organization", GOOD, {"Content-Type": "application/fhir+xml"}, 400, "invalid"),
    ("POST", "/fhir/Organization", GOOD, {"Content-Encoding": "br"}, 415, "not-supported"),
    ("POST", "/fhir/Organization", GOOD, {"Content-Encoding": "gzip"}, 400, "invalid"),
    ("POST", "/fhir/Organization", gzip.compress(GOOD, mtime=0)[:-4], {"Content-Encoding": "gzip"}, 400, "invalid"),
    ("POST", "/fhir/Organization", gzip.compress(GOOD, mtime=0) * 2, {"Content-Encoding": "gzip"}, 400, "invalid"),
    ("POST", "/fhir/Organization", gzip.compress(bytes(10_000_000)), {"Content-Encoding": "gzip"}, 413, "too-long"),
    ("POST", "/fhir/Organization", GOOD, {"Content-Type": ""}, 415, "not-supported"),
    ("POST", "/fhir/Organization/_search", b"name=x", {"Content-Type": "application/json"}, 415, "not-supported"),
    ("POST", "/fhir/Organization", b"", {}, 400, "invalid"),
    ("POST", "/fhir/Organization", b"{", {}, 400, "invalid"),
    ("POST", "/fhir/Organization", b"\xff", {}, 400, "invalid"),
    ("POST", "/fhir/Organization", b"[" * 15_000, {}, 400, "invalid"),
    ("POST", "/fhir/Organization", GOOD, {"If-None-Exist": ""}, 400, ""),
    ("POST", "/fhir/Organization", GOOD, {"If-None-Exist": "unknown=x"}, 400, ""),
    ("PUT", "/fhir/Organization/o1", NAMED, {"If-None-Match": 'W/"1"'}, 400, "invalid"),
    ("PUT", "/fhir/Organization/o2", NAMED, {}, 400, "invalid"),
    ("PUT", "/fhir/Organization/o1", GOOD, {}, 400, "invalid"),
    ("PUT", "/fhir/Organization/a_b", NAMED, {}, 404, "not-found"),
    ("PUT", "/fhir/Organization/o1", NAMED, {"If-Match": "3"}, 400, "invalid"),
    ("PUT", "/fhir/Organization/o1", NAMED, {"If-Match": 'W/"3"'}, 412, "conflict"),
    ("DELETE", "/fhir/Organization/o1", b"", {"If-Match": "*"}, 400, "invalid"),
    ("GET", "/fhir/Organization?name=%FF", b"", {}, 400, "invalid"),
    ("GET", "/fhir/Organization?name=%00", b"", {}, 400, "invalid"),
    ("GET", "/fhir/Organization?name=" + "x" * MAX_BYTES, b"", {}, 400, "too-long"),
    ("GET", "/fhir/Organization?" + "name=x&" * (MAX_PARAMETERS + 1), b"", {}, 422, "too-costly"),
    ("GET", "/fhir/Organization?unknown=x", b"", {"Prefer": "handling=strict"}, 400, ""),
    ("GET", "/fhir/Organization?name=x", b"", {"Prefer": "handling=foo"}, 400, "value"),
    ("GET", "/fhir/metadata", b"", {"Accept": "text/turtle"}, 406, "not-supported"),
    ("GET", "/fhir/metadata?mode=terminology", b"", {}, 400, "value"),
    ("POST", "/fhir/Organization", b'{"resourceType":"Organization","name":"' + b"x" * 20_000, {}, 413, "too-long"),
]


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "code"), BAD)
def test_bad_requests(
    client: FlaskClient,
    bearer: Bearer,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    answer = client.open(path, method=method, data=body, headers=bearer(**headers))
    outcome = json.loads(answer.get_data())

    assert status == answer.status_code
    assert ("OperationOutcome", "application/fhir+json; charset=utf-8") == (
        outcome["resourceType"],
        answer.headers["Content-Type"],
    )
    assert code in ("", outcome["issue"][0]["code"])
    assert "X-Request-Id" in answer.headers
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_chunked_body_is_limited_too(client: FlaskClient, bearer: Bearer) -> None:
    # A good body with blanks behind it, so that a body cut short would be taken.
    answers = [
        client.post(
            "/fhir/Organization",
            headers=bearer(**{"Transfer-Encoding": "chunked"}),
            environ_overrides={"wsgi.input": io.BytesIO(GOOD.ljust(length)), "wsgi.input_terminated": True},
        )
        for length in (20_000, 20_001, 40_000)
    ]

    assert [201, 413, 413] == [answer.status_code for answer in answers]


def test_a_body_names_its_type(client: FlaskClient, bearer: Bearer) -> None:
    answer = client.post("/fhir/Location", data=GOOD, headers=bearer())

    assert 400 == answer.status_code


@pytest.mark.parametrize("address", ROUTES, ids=lambda address: address.view)
def test_every_route_asks_for_token_and_scope(client: FlaskClient, bearer: Bearer, address: Address) -> None:
    letter = LETTER_OF[address.interaction]
    others = "".join(other for other in "cruds" if other != letter)
    for type_name, row in RESOURCES.items():
        path = "/fhir" + address.rule.replace("<type_name>", type_name).replace("<id_>", "x").replace("<version>", "1")
        if address.interaction not in row.interactions:
            continue
        missing = client.open(path, method=address.method)
        narrow = client.open(path, method=address.method, headers=bearer(f"system/{type_name}.{others}"))
        elsewhere = client.open(path, method=address.method, headers=bearer("system/Basic.cruds"))

        assert (401, 403, 403) == (missing.status_code, narrow.status_code, elsewhere.status_code)
        assert 'Bearer realm="fhir"' == missing.headers["WWW-Authenticate"]
        assert f'scope="system/{type_name}.{letter}"' in narrow.headers["WWW-Authenticate"]
        assert ["login", "forbidden"] == [json.loads(answer.data)["issue"][0]["code"] for answer in (missing, narrow)]


@pytest.mark.parametrize("address", ROUTES, ids=lambda address: address.view)
def test_what_a_type_does_not_offer_is_told(client: FlaskClient, bearer: Bearer, address: Address) -> None:
    headers = bearer()
    for type_name, row in RESOURCES.items():
        if address.interaction in row.interactions:
            continue
        path = "/fhir" + address.rule.replace("<type_name>", type_name).replace("<id_>", "x").replace("<version>", "1")
        answer = client.open(path, method=address.method, headers=headers)
        offered = {it.method for it in ROUTES if it.rule == address.rule and it.interaction in row.interactions}

        assert 405 == answer.status_code
        assert offered == set(filter(None, answer.headers["Allow"].split(", "))) - {"HEAD"}


def test_an_interaction_that_a_type_does_not_serve(
    client: FlaskClient, bearer: Bearer, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = frozenset({"read", "update"})
    monkeypatch.setitem(RESOURCES, "Task", replace(RESOURCES["Task"], interactions=served))
    answer = client.delete("/fhir/Task/t1", headers=bearer())

    assert (405, "GET, HEAD, PUT") == (answer.status_code, answer.headers["Allow"])


def test_an_unexpected_failure_tells_nothing(app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    app.add_url_rule("/broken", "broken", lambda: str(1 / 0) or "ESSAI")
    answer = client.get("/broken", headers={"X-Request-Id": "mine"})

    assert (500, "mine") == (answer.status_code, answer.headers["X-Request-Id"])
    assert ["The server failed. The request id names the log entry."] == [
        issue["diagnostics"] for issue in json.loads(answer.data)["issue"]
    ]
    assert "unexpected request=mine ZeroDivisionError " in caplog.text
    assert "ESSAI" not in caplog.text


def test_an_unreachable_store_is_told(app: Flask, client: FlaskClient) -> None:
    def unreachable() -> Any:
        raise OperationalError("SELECT 1", {}, OSError())

    app.add_url_rule("/unreachable", "unreachable", unreachable)
    answer = client.get("/unreachable")

    assert (503, "transient", True) == (
        answer.status_code,
        json.loads(answer.data)["issue"][0]["code"],
        "Retry-After" in answer.headers,
    )
