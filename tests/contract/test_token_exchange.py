"""A login at Pro Santé Connect is exchanged for a token that acts for the professional, over the client's certificate.

RFC 8693 as the CI-SIS' "API Pro Santé Connectée" asks for it.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from fhir_server.auth.grants import EXCHANGE
from fhir_server.auth.guard import authenticate
from fhir_server.settings import Settings
from tests.certificates import Authority, Leaf
from tests.conftest import StandingClock
from tests.contract.oauth import HEADER, PROXY, Caller, add_partner, handed_on, said
from tests.psc import CLIENT_ID, PARTNER, PROFESSIONAL, SECRET, PscStub

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture
def realm() -> Iterator[PscStub]:
    with PscStub() as stub:
        yield stub


@pytest.fixture
def settings(settings: Settings, realm: PscStub) -> Settings:
    return replace(
        settings,
        trusted_proxies=PROXY,
        client_certificate_header=HEADER,
        psc_issuer=realm.issuer,
        psc_client_id=CLIENT_ID,
        psc_client_secret=SECRET,
    )


@pytest.fixture
def certificate(tmp_path: Path) -> Leaf:
    return Authority(tmp_path).leaf("vendor.example", "3301")


@pytest.fixture
def caller(services: Any) -> Caller:
    add_partner(
        services,
        "connected",
        scopes=["system/Slot.rs", "user/Slot.rs", "user/Organization.rs"],
        tls_client_auth_subject_dn="OU=3301,CN=vendor.example",
        psc_client_id=PARTNER,
    )
    return Caller(services)


def exchange(caller: Caller, token: str, certificate: Leaf | None, **form: Any) -> TestResponse:
    asked = {
        "grant_type": EXCHANGE,
        "client_id": "connected",
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        "scope": "user/Organization.rs",
    } | form
    headers = handed_on(certificate) if certificate else {}
    return caller.ask(
        {name: value for name, value in asked.items() if value is not None}, headers=headers, address=PROXY
    )


def test_a_login_becomes_a_token_bound_to_the_certificate(
    caller: Caller, realm: PscStub, certificate: Leaf, tmp_path: Path, clock: StandingClock
) -> None:
    login = realm.token(clock.now_ms // 1000)
    answer = exchange(caller, login, certificate)
    content = json.loads(answer.data)
    token = content["access_token"]
    environ = {"REMOTE_ADDR": PROXY, "HTTP_CLIENT_CERT": handed_on(certificate)[HEADER]}
    access = authenticate(caller.services, f"Bearer {token}", "", environ)
    path = "Organization/absent"

    assert (200, "no-store") == (answer.status_code, answer.headers["Cache-Control"])
    assert ("Bearer", ACCESS_TOKEN, "user/Organization.rs", 300) == tuple(
        content[name] for name in ("token_type", "issued_token_type", "scope", "expires_in")
    )
    assert ("connected", PROFESSIONAL) == (access.actor.owner, access.actor.user)
    assert [404, 403, 401] == [
        caller.get(path, token, address=PROXY, **handed_on(certificate)).status_code,
        caller.get("Slot/absent", token, address=PROXY, **handed_on(certificate)).status_code,
        caller.get(path, token, address=PROXY).status_code,
    ]
    assert [login] == [asked for _, asked in realm.asked]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://auth.bas.psc.esante.gouv.fr/auth/realms/esante-wallet"}, "another realm"),
        ({"azp": "another-vendor"}, "the login was at another client"),
        ({"acr": "1"}, "a weaker login"),
        ({"acr": None}, "a login of no known strength"),
        ({"exp": 1_000_000_000}, "a login long ago"),
        ({"exp": None}, "a login without end"),
        ({"SubjectNameID": None}, "nobody"),
    ],
)
def test_a_login_that_is_not_good_here_is_refused(
    caller: Caller, realm: PscStub, certificate: Leaf, clock: StandingClock, changes: dict[str, Any], reason: str
) -> None:
    login = realm.token(clock.now_ms // 1000, **changes)

    assert (400, "invalid_grant") == said(exchange(caller, login, certificate)), reason


def test_a_login_that_was_forged_or_ended_is_refused(
    caller: Caller, realm: PscStub, certificate: Leaf, clock: StandingClock
) -> None:
    ended = realm.token(clock.now_ms // 1000)
    realm.revoked.add(ended)
    good, realm.key = realm.key, RSAKey.generate_key(2048, {"kid": "psc-1", "use": "sig"})
    forged = realm.token(clock.now_ms // 1000)
    realm.key = good

    assert [(400, "invalid_grant")] * 3 == [said(exchange(caller, it, certificate)) for it in (ended, forged, "a.b.c")]


def test_keys_of_the_realm_may_change(caller: Caller, realm: PscStub, certificate: Leaf, clock: StandingClock) -> None:
    first = exchange(caller, realm.token(clock.now_ms // 1000), certificate).status_code
    realm.key = RSAKey.generate_key(2048, {"kid": "psc-2", "use": "sig"})
    clock.advance(2_000)

    assert (200, 200) == (first, exchange(caller, realm.token(clock.now_ms // 1000), certificate).status_code)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": None}, "invalid_scope"),
        ({"scope": "system/Slot.rs"}, "invalid_scope"),
        ({"scope": "user/Patient.rs"}, "invalid_scope"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"cnf": '{"x5t#S256": "another"}'}, "invalid_request"),
        ({"cnf": "no JSON"}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_an_exchange_is_told(
    caller: Caller, realm: PscStub, certificate: Leaf, clock: StandingClock, form: dict[str, Any], error: str
) -> None:
    assert (400, error) == said(exchange(caller, realm.token(clock.now_ms // 1000), certificate, **form))


def test_the_certificate_may_be_named_and_must_be_there(
    caller: Caller, realm: PscStub, certificate: Leaf, clock: StandingClock
) -> None:
    login = realm.token(clock.now_ms // 1000)
    digest = bytes.fromhex(certificate.fingerprint)
    named = json.dumps({"x5t#S256": base64.urlsafe_b64encode(digest).decode().rstrip("=")})
    basic = {"Authorization": f"Basic {base64.b64encode(b'demo-vendor:creneau-demo').decode()}"}
    form = {"grant_type": EXCHANGE, "subject_token": login, "subject_token_type": ACCESS_TOKEN, "scope": "user/Slot.rs"}

    assert 200 == exchange(caller, login, certificate, cnf=named).status_code
    assert (401, "invalid_client") == said(exchange(caller, login, None))
    assert (400, "unauthorized_client") == said(caller.ask(form, headers=basic))


def test_while_the_realm_is_away_nobody_is_refused_for_good(
    caller: Caller, realm: PscStub, certificate: Leaf, clock: StandingClock
) -> None:
    realm.is_away = True
    answer = exchange(caller, realm.token(clock.now_ms // 1000), certificate)

    assert (503, "temporarily_unavailable", "5") == (*said(answer), answer.headers["Retry-After"])
