"""The token endpoint."""

import base64
import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import StandingClock

GRANT = {"grant_type": "client_credentials"}


def basic(credentials: str | bytes) -> dict[str, str]:
    value = credentials.encode() if isinstance(credentials, str) else credentials
    return {"Authorization": f"Basic {base64.b64encode(value).decode()}"}


GOOD = basic("demo-vendor:creneau-demo")


def ask(client: FlaskClient, form: Any = GRANT, headers: dict[str, str] = GOOD) -> TestResponse:
    return client.post("/oauth/token", data=form, headers=headers)


def test_a_token_opens_the_door(client: FlaskClient) -> None:
    answer = ask(client, GRANT | {"scope": "system/Organization.read"})
    token = json.loads(answer.data)
    headers = {"Authorization": f"{token['token_type']} {token['access_token']}"}

    assert (200, "application/json", "no-store", "no-cache") == (
        answer.status_code,
        *(answer.headers[name] for name in ("Content-Type", "Cache-Control", "Pragma")),
    )
    assert {"token_type", "access_token", "expires_in", "scope"} == set(token)
    assert ("Bearer", 300, "system/Organization.rs") == (token["token_type"], token["expires_in"], token["scope"])
    assert 404 == client.get("/fhir/Organization/absent", headers=headers).status_code
    assert 403 == client.get("/fhir/Slot/absent", headers=headers).status_code


def test_a_token_expires(client: FlaskClient, clock: StandingClock) -> None:
    headers = {"Authorization": f"Bearer {json.loads(ask(client).data)['access_token']}"}
    statuses = []
    for step in (0, 299_999, 1):
        clock.advance(step)
        statuses.append(client.get("/fhir/Organization/absent", headers=headers).status_code)

    assert [404, 404, 401] == statuses


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("system/Slot.rs", "system/Slot.rs"),
        ("system/Slot.cruds", "system/Slot.rs"),
        ("system/Slot.rs system/Encounter.rs", "system/Slot.rs"),
        ("system/Appointment.write", "system/Appointment.cud"),
    ],
)
def test_scopes_are_narrowed(client: FlaskClient, scope: str, granted: str) -> None:
    assert granted == json.loads(ask(client, GRANT | {"scope": scope}).data)["scope"]


def test_without_scope_all_that_is_registered_is_granted(client: FlaskClient) -> None:
    granted = json.loads(ask(client).data)["scope"].split()

    assert (10, True) == (len(granted), "system/Appointment.cruds" in granted)


@pytest.mark.parametrize(
    ("form", "headers", "status", "error"),
    [
        ({}, GOOD, 400, "invalid_request"),
        (
            "grant_type=client_credentials&grant_type=client_credentials",
            GOOD | {"Content-Type": "text/plain"},
            400,
            "invalid_request",
        ),
        ({"grant_type": ["client_credentials", "client_credentials"]}, GOOD, 400, "invalid_request"),
        ({"grant_type": "password"}, GOOD, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "é"}, GOOD, 400, "unsupported_grant_type"),
        (GRANT | {"scope": "system/Slot.sr"}, GOOD, 400, "invalid_scope"),
        (GRANT | {"scope": "patient/Slot.rs"}, GOOD, 400, "invalid_scope"),
        (GRANT | {"scope": "system/Task.rs"}, GOOD, 400, "invalid_scope"),
        (GRANT | {"scope": " "}, GOOD, 400, "invalid_scope"),
        (GRANT | {"scope": "x" * 5_000}, GOOD, 400, "invalid_scope"),
        (GRANT, {}, 401, "invalid_client"),
        (GRANT, basic("demo-vendor:wrong"), 401, "invalid_client"),
        (GRANT, basic("demo-vendor:"), 401, "invalid_client"),
        (GRANT, basic("demo-vendor"), 401, "invalid_client"),
        (GRANT, basic("nobody:creneau-demo"), 401, "invalid_client"),
        (GRANT, basic("../demo/partners/demo-vendor:creneau-demo"), 401, "invalid_client"),
        (GRANT, basic(b"\xff:\xff"), 401, "invalid_client"),
        (GRANT, basic("demo-vendor:%FF"), 401, "invalid_client"),
        (GRANT, {"Authorization": "Basic !"}, 401, "invalid_client"),
        (GRANT, {"Authorization": "Bearer x"}, 401, "invalid_client"),
        (GRANT | {"client_id": "demo-vendor", "client_secret": "creneau-demo"}, {}, 401, "invalid_client"),
    ],
)
def test_refusals(client: FlaskClient, form: Any, headers: dict[str, str], status: int, error: str) -> None:
    answer = ask(client, form, headers)

    assert (status, error) == (answer.status_code, json.loads(answer.data)["error"])
    assert "no-store" == answer.headers["Cache-Control"]
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_parameters_in_the_url_count_for_nothing(client: FlaskClient) -> None:
    answer = client.post("/oauth/token?grant_type=client_credentials", headers=GOOD)

    assert 400 == answer.status_code


def test_secrets_may_be_form_encoded(client: FlaskClient) -> None:
    assert 200 == ask(client, headers=basic("demo%2Dvendor:creneau%2Ddemo")).status_code


@pytest.mark.parametrize("host", ["creneau.example.org", "127.0.0.1:8080"])
def test_tls_may_end_in_front(client: FlaskClient, host: str) -> None:
    assert 200 == client.post("/oauth/token", data=GRANT, headers=GOOD, base_url=f"http://{host}").status_code


def test_only_post(client: FlaskClient) -> None:
    answer = client.get("/oauth/token")

    assert (405, "POST") == (answer.status_code, answer.headers["Allow"])


_NAMES = ("grant_type", "scope", "client_assertion", "client_assertion_type", "client_id", "token", "subject_token")


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
@pytest.mark.parametrize("value", ['"', "é", "\\", "\0", "x" * 19_000, " ", "", "[]", '{"a":1}', "𝒳", "\x7f"])
def test_no_form_is_a_failure(client: FlaskClient, path: str, value: str) -> None:
    for name in _NAMES:
        for form in ({}, GRANT, GRANT | {"token": "x"}):
            for headers in ({}, GOOD):
                answer = client.post(f"/oauth/{path}", data=form | {name: value}, headers=headers)

                assert answer.status_code < 500, (name, form)


@pytest.mark.parametrize("path", ["revoke", "introspect"])
def test_questions_about_tokens_are_posted(client: FlaskClient, path: str) -> None:
    assert (405, "POST") == ((answer := client.get(f"/oauth/{path}")).status_code, answer.headers["Allow"])
