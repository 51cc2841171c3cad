"""What anyone may ask: capabilities, configuration, keys, health; and ids and lines of requests."""

import json
import logging

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from flask import Flask
from flask.testing import FlaskClient

from fhir_server import settings as settings_module
from fhir_server.app import create_app
from fhir_server.auth.scopes import LETTER_OF
from fhir_server.bootstrap import build
from fhir_server.kernel.ids import is_id
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.web.routes import ROUTES

ISSUER = "http://127.0.0.1:8080"


def test_capabilities_are_those_of_the_tables(client: FlaskClient) -> None:
    answer = client.get("/fhir/metadata")
    statement = json.loads(answer.data)
    rows = {row["type"]: row for row in statement["rest"][0]["resource"]}

    assert (200, "4.0.1") == (answer.status_code, statement["fhirVersion"])
    assert set(RESOURCES) == set(rows)
    for name, row in rows.items():
        assert RESOURCES[name].interactions == {interaction["code"] for interaction in row["interaction"]}
        assert set(parameters(name)) == {parameter["name"] for parameter in row["searchParam"]}


def test_capabilities_are_well_formed(client: FlaskClient) -> None:
    CapabilityStatement.model_validate_json(client.get("/fhir/metadata").data)


def test_every_interaction_of_the_registry_has_a_route() -> None:
    served = {interaction for row in RESOURCES.values() for interaction in row.interactions}

    assert served <= {address.interaction for address in ROUTES} == set(LETTER_OF)


@pytest.mark.parametrize("path", ["/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"])
def test_smart_configuration(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "application/fhir+json"})
    found = json.loads(answer.data)

    assert (200, "application/json", "*") == (
        answer.status_code,
        answer.headers["Content-Type"],
        answer.headers["Access-Control-Allow-Origin"],
    )
    assert (ISSUER, f"{ISSUER}/oauth/token", f"{ISSUER}/oauth/jwks", ["S256"]) == tuple(
        found[name] for name in ("issuer", "token_endpoint", "jwks_uri", "code_challenge_methods_supported")
    )


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/smart-configuration",
        "/fhir/.well-known/smart-configuration",
        "/.well-known/oauth-authorization-server",
    ],
)
@pytest.mark.parametrize("accept", ["application/fhir+json", "text/html", "application/fhir+xml", "x/y"])
def test_oauth_metadata_is_json_whoever_asks(client: FlaskClient, path: str, accept: str) -> None:
    answer = client.get(path, headers={"Accept": accept, "Authorization": "Bearer nonsense"})
    found = json.loads(answer.data)
    proofs = ["private_key_jwt", "tls_client_auth", "client_secret_basic"]

    assert (200, "application/json") == (answer.status_code, answer.headers["Content-Type"])
    for name, address in (("token", "token"), ("revocation", "revoke"), ("introspection", "introspect")):
        assert (f"{ISSUER}/oauth/{address}", proofs, ["RS384", "ES384"]) == (
            found[f"{name}_endpoint"],
            found[f"{name}_endpoint_auth_methods_supported"],
            found[f"{name}_endpoint_auth_signing_alg_values_supported"],
        )
    assert (["client_credentials"], True) == (
        found["grant_types_supported"],
        found["tls_client_certificate_bound_access_tokens"],
    )


def test_smart_capabilities(client: FlaskClient) -> None:
    found = json.loads(client.get("/.well-known/smart-configuration").data)

    assert {
        "client-confidential-asymmetric",
        "client-confidential-symmetric",
        "permission-v1",
        "permission-v2",
    } == set(found["capabilities"])


@pytest.mark.parametrize("path", ["/.well-known/udap", "/fhir/.well-known/udap", "/fhir/.well-known/udap?community=x"])
def test_there_is_no_udap(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert (404, "not-found") == (answer.status_code, json.loads(answer.data)["issue"][0]["code"])


def test_keys_are_public_ones(client: FlaskClient) -> None:
    [key] = json.loads(client.get("/oauth/jwks").data)["keys"]

    assert (False, "ES256") == ("d" in key, key["alg"])


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert (200, {"status": "pass"}) == (answer.status_code, json.loads(answer.data))


def test_not_ready_without_a_database() -> None:
    services = build(settings_module.load({}, database_url="sqlite:////nowhere/at/all.db"))
    client = create_app(services).test_client()

    assert (200, 503) == (client.get("/health").status_code, client.get("/ready").status_code)


@pytest.mark.parametrize(
    ("given", "is_kept"), [("abc-1.2", True), ("x" * 64, True), ("x" * 65, False), ("a b", False), ("", False)]
)
def test_a_request_id_of_good_shape_is_kept(client: FlaskClient, given: str, is_kept: bool) -> None:
    answered = client.get("/health", headers={"X-Request-Id": given}).headers["X-Request-Id"]

    assert is_kept == (given == answered)
    assert is_id(answered)


def test_a_line_tells_the_route_and_nothing_of_persons(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "fhir_server.access"):
        client.get("/fhir/Patient/secret-id?name=ESSAI", headers={"X-Request-Id": "r1"})

    [line] = caplog.messages
    assert ("GET", "/fhir/Patient/<id_>", "401") == tuple(line.split()[:3])
    assert line.endswith("ms client=- request=r1")


def test_a_line_tells_the_correlation_id_if_it_is_one(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "fhir_server.access"):
        for given in ("tour:7/8", "two words", "x" * 129):
            client.get("/health", headers={"X-Request-Id": "r1", "X-Correlation-Id": given})

    assert ["correlation=tour:7/8", "request=r1", "request=r1"] == [line.split()[-1] for line in caplog.messages]


def test_no_line_when_the_setting_is_off(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    services = build(settings_module.load({}, database_url=sqlite_url, request_log=False))
    with caplog.at_level(logging.INFO):
        create_app(services).test_client().get("/health")

    assert [] == caplog.messages


def test_an_unknown_address_leaves_nothing_in_the_log(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "fhir_server.access"):
        app.test_client().get("/ESSAI")
        app.test_client().get("/fhir/ESSAI")

    assert ["-", "/fhir/<type_name>"] == [line.split()[1] for line in caplog.messages]
