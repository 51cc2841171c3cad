"""Items 45 and 46 of the checklist: clients that prove who they are by a signed assertion, and where their keys are."""

import base64
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server.bootstrap import Services, build
from fhir_server.settings import Settings
from tests.conftest import StandingClock
from tests.contract.oauth import EC, RSA, Caller, add_partner, jwks, new_key, said
from tests.key_server import KeyServer

KEYS = {algorithm: new_key(algorithm) for algorithm in (RSA, EC)}
OTHER = new_key(EC)
TWICE = new_key(EC, "twice"), new_key(EC, "twice")
UNPROVEN = (401, "invalid_client")


@pytest.fixture
def caller(services: Services) -> Caller:
    add_partner(services, "signer", jwks=jwks(*KEYS.values(), new_key(EC, "other"), *TWICE))
    add_partner(services, "suspended", jwks=jwks(KEYS[EC]), suspended=True)
    add_partner(services, "keeper", jwks_uri="https://keys.example/jwks")
    return Caller(services)


@pytest.fixture
def published() -> Iterator[KeyServer]:
    with KeyServer() as server:
        yield server


@pytest.mark.parametrize("algorithm", [RSA, EC])
def test_an_assertion_gets_a_token(caller: Caller, algorithm: str) -> None:
    answer = caller.prove(caller.assertion(KEYS[algorithm]), scope="system/Organization.rs")
    token = json.loads(answer.data)

    assert (200, "system/Organization.rs") == (answer.status_code, token["scope"])
    assert 404 == caller.get("Organization/absent", token["access_token"]).status_code


@pytest.mark.parametrize("audience", ["token", "issuer"])
def test_an_assertion_may_name_the_endpoint_or_the_issuer(caller: Caller, audience: str) -> None:
    named = caller.audience if audience == "token" else caller.services.settings.issuer

    assert 200 == caller.prove(caller.assertion(KEYS[EC], aud=[named])).status_code


#: Members of the assertion changed, and what is wrong with it then; times are seconds from now.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"aud": "https://elsewhere.example/oauth/token"}, "another audience"),
    ({"aud": ["http://127.0.0.1:8080/oauth/token", "https://elsewhere.example"]}, "another audience beside ours"),
    ({"aud": None}, "no audience"),
    ({"iss": "somebody"}, "iss is not sub"),
    ({"sub": "somebody"}, "sub is not iss"),
    ({"header": {"kid": "unknown"}}, "a key id that is unknown"),
    ({"header": {"kid": None}}, "no key id"),
    ({"header": {"kid": "other"}}, "the key id of another key"),
    ({"exp": -31}, "expired"),
    ({"exp": 600}, "good for longer than five minutes"),
    ({"exp": None}, "good for ever"),
    ({"exp": "soon"}, "a time that is none"),
    ({"exp": True}, "a time that is none"),
    ({"iat": 60}, "made in the future"),
    ({"nbf": 60}, "good in the future only"),
    ({"jti": None}, "no jti"),
    ({"jti": ""}, "an empty jti"),
    ({"jti": 5}, "a jti that is no text"),
    ({"jti": "x" * 1_025}, "a jti without end"),
    ({"header": {"jku": "https://elsewhere.example/jwks"}}, "keys of somewhere else"),
    ({"header": {"typ": "at+jwt"}}, "a token of another kind"),
    ({"header": {"b64": True}}, "a header that changes what is signed"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_an_assertion_that_is_wrong_is_refused(caller: Caller, changes: dict[str, Any], reason: str) -> None:
    now = caller.services.store.database.clock() // 1000
    changes = {
        name: value + now if name in ("exp", "iat", "nbf") and type(value) is int else value
        for name, value in changes.items()
    }

    assert UNPROVEN == said(caller.prove(caller.assertion(KEYS[EC], **changes))), reason


def test_a_key_that_is_not_the_only_one_of_its_id_is_none(caller: Caller) -> None:
    assert UNPROVEN == said(caller.prove(caller.assertion(TWICE[0])))


@pytest.mark.parametrize("seconds", [-30, 29])
def test_clocks_may_differ_by_half_a_minute(caller: Caller, seconds: int) -> None:
    now = caller.services.store.database.clock() // 1000

    assert 200 == caller.prove(caller.assertion(KEYS[EC], iat=now + seconds, exp=now + 300 + seconds)).status_code


@pytest.mark.parametrize("client_id", ["nobody", "suspended", "../signer", "demo-vendor"])
def test_a_client_that_is_unknown_suspended_or_without_keys_is_refused(caller: Caller, client_id: str) -> None:
    assert UNPROVEN == said(caller.prove(caller.assertion(KEYS[EC], client_id)))


def test_a_signature_of_another_key_is_refused(caller: Caller) -> None:
    assert UNPROVEN == said(caller.prove(caller.assertion(OTHER)))


def test_no_algorithm_is_taken_from_the_assertion(caller: Caller) -> None:
    """alg none, and HS256 keyed with the public key."""
    claims = caller.assertion(KEYS[EC]).split(".")[1]
    bare = _encoded({"alg": "none", "kid": "key-1"})
    head = f"{_encoded({'alg': 'HS256', 'kid': 'key-1', 'typ': 'JWT'})}.{claims}"
    digest = hmac.digest(KEYS[RSA].as_pem(private=False), head.encode(), "sha256")
    hashed = f"{head}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"

    assert [UNPROVEN] * 2 == [said(caller.prove(it)) for it in (f"{bare}.{claims}.", hashed)]


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.e30", "é.é.é", "W10.W10.W10", "x" * 9_000])
def test_what_is_no_assertion_is_refused(caller: Caller, text: str) -> None:
    assert UNPROVEN == said(caller.prove(text))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, UNPROVEN),
        ({"client_assertion_type": ""}, UNPROVEN),
        ({"client_id": "somebody"}, UNPROVEN),
        ({"client_secret": "x"}, (400, "invalid_request")),
        ({"scope": "system/Encounter.rs"}, (400, "invalid_scope")),
        ({"scope": "patient/Slot.rs"}, (400, "invalid_scope")),
        ({"scope": "user/Slot.rs"}, (400, "invalid_scope")),
        ({"grant_type": "password"}, (400, "unsupported_grant_type")),
    ],
)
def test_what_is_wrong_beside_the_assertion_is_told(caller: Caller, form: dict[str, str], error: Any) -> None:
    assert error == said(caller.prove(caller.assertion(KEYS[EC]), **form))


def test_a_client_learns_what_is_wrong_once_it_has_signed_and_nobody_else(caller: Caller) -> None:
    signed = caller.prove(caller.assertion(KEYS[EC], aud="https://elsewhere.example"))
    forged = caller.prove(caller.assertion(OTHER, aud="https://elsewhere.example"))

    assert [True, False] == ["aud" in json.loads(answer.data)["error_description"] for answer in (signed, forged)]


def test_an_assertion_is_good_once_in_whichever_process(
    caller: Caller, settings: Settings, clock: StandingClock
) -> None:
    assertion = caller.assertion(KEYS[EC], jti="once")
    elsewhere = build(settings, clock=clock, pool_size=2)
    first = caller.prove(assertion).status_code
    again = [said(caller.prove(assertion)), said(Caller(elsewhere).prove(assertion))]
    elsewhere.close()
    restarted = build(settings, clock=clock, pool_size=2)
    again += [said(Caller(restarted).prove(caller.assertion(KEYS[RSA], jti="once")))]
    restarted.close()

    assert (200, [UNPROVEN] * 3) == (first, again)


def test_used_assertions_are_forgotten_when_they_could_not_be_used_anyway(caller: Caller, clock: StandingClock) -> None:
    caller.prove(caller.assertion(KEYS[EC], jti="once"))
    clock.advance(400_000)

    assert 200 == caller.prove(caller.assertion(KEYS[EC], jti="other")).status_code
    rows = caller.services.store.read().exec_driver_sql("SELECT COUNT(*) FROM used_assertion").scalar()
    assert 1 == rows


def test_two_clients_may_use_the_same_jti(caller: Caller) -> None:
    add_partner(caller.services, "second", jwks=jwks(KEYS[EC]))
    caller.services.partners.forget("second")
    answers = [caller.prove(caller.assertion(KEYS[EC], it, jti="same")) for it in ("signer", "second")]

    assert [200, 200] == [answer.status_code for answer in answers]


def test_published_keys_may_change_without_a_restart(
    caller: Caller, published: KeyServer, clock: StandingClock
) -> None:
    add_partner(caller.services, "publisher", jwks_uri=published.url)
    old, new = new_key(EC, "old"), new_key(RSA, "new")
    published.keys, published.cache_control = jwks(old), "max-age=3600"
    first = caller.prove(caller.assertion(old, "publisher")).status_code
    clock.advance(2_000)
    published.keys = jwks(new)
    second = caller.prove(caller.assertion(new, "publisher")).status_code
    withdrawn = said(caller.prove(caller.assertion(old, "publisher")))

    assert (200, 200, UNPROVEN, 2) == (first, second, withdrawn, published.asked)


@pytest.mark.parametrize(
    ("cache_control", "seconds", "asked"),
    [
        ("max-age=60", 59, 1),
        ("max-age=60", 61, 2),
        ("no-store", 1, 2),
        ("private, max-age=60, no-cache", 1, 2),
        ("", 299, 1),
        ("", 301, 2),
        ("max-age=999999999", 86_399, 1),
        ("max-age=999999999", 86_401, 2),
    ],
)
def test_published_keys_are_kept_no_longer_than_they_may(
    caller: Caller, published: KeyServer, clock: StandingClock, cache_control: str, seconds: int, asked: int
) -> None:
    add_partner(caller.services, "publisher", jwks_uri=published.url)
    published.keys, published.cache_control = jwks(KEYS[EC]), cache_control
    caller.prove(caller.assertion(KEYS[EC], "publisher"))
    clock.advance(seconds * 1000)

    assert 200 == caller.prove(caller.assertion(KEYS[EC], "publisher")).status_code
    assert asked == published.asked


def test_unknown_keys_do_not_make_the_server_ask_without_end(
    caller: Caller, published: KeyServer, clock: StandingClock
) -> None:
    add_partner(caller.services, "publisher", jwks_uri=published.url)
    published.keys, published.cache_control = jwks(KEYS[EC]), "max-age=3600"
    for _ in range(5):
        caller.prove(caller.assertion(new_key(EC, "unknown"), "publisher"))

    assert 1 == published.asked


def test_kept_keys_are_used_for_an_hour_while_their_server_is_away(
    caller: Caller, published: KeyServer, clock: StandingClock
) -> None:
    add_partner(caller.services, "publisher", jwks_uri=published.url)
    published.keys, published.cache_control = jwks(KEYS[EC]), "max-age=60"
    statuses = []
    for seconds in (0, 61, 3_598, 2):
        clock.advance(seconds * 1000)
        statuses.append(caller.prove(caller.assertion(KEYS[EC], "publisher")).status_code)
        published.is_away = True

    assert [200, 200, 200, 401] == statuses


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"keys": 3}', b"x" * 70_000, b'{"keys": [3, {"kty": "EC"}]}'])
def test_keys_that_cannot_be_read_prove_nothing(caller: Caller, published: KeyServer, answer: bytes) -> None:
    add_partner(caller.services, "publisher", jwks_uri=published.url)
    published.body = answer

    assert UNPROVEN == said(caller.prove(caller.assertion(KEYS[EC], "publisher")))


def test_a_redirect_is_not_followed(caller: Caller, published: KeyServer) -> None:
    add_partner(caller.services, "publisher", jwks_uri=f"{published.url}/moved")
    published.keys = jwks(KEYS[EC])

    assert (UNPROVEN, 1) == (said(caller.prove(caller.assertion(KEYS[EC], "publisher"))), published.asked)


def test_jku_may_be_the_address_registered(caller: Caller, published: KeyServer) -> None:
    add_partner(caller.services, "publisher", jwks_uri=published.url)
    published.keys = jwks(KEYS[EC])
    assertion = caller.assertion(KEYS[EC], "publisher", header={"jku": published.url})

    assert 200 == caller.prove(assertion).status_code


def _encoded(header: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
