"""Access tokens: what is signed verifies, and nothing else does."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from fhir_server.auth import tokens
from fhir_server.auth.claims import Claims
from fhir_server.auth.keys import Keys
from fhir_server.auth.scopes import Scopes
from fhir_server.kernel.errors import Category, FhirError
from tests.unit.fhir_server.auth.memory import NOW_MS, MemoryKeys, StillClock

ISSUER, AUDIENCE = "https://example.org", "https://example.org/fhir"
SCOPES = Scopes.parse("system/Slot.rs")
NOW = NOW_MS // 1000


def issue(keys: Keys, **changes: Any) -> str:
    values: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "client_id": "one",
        "scopes": SCOPES,
        "seconds": 300,
    } | changes
    return tokens.issue(keys, **values)


def verify(keys: Keys, token: str) -> Claims:
    return tokens.verify(keys, token, issuer=ISSUER, audience=AUDIENCE)


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def keys(clock: StillClock) -> Keys:
    return Keys(MemoryKeys(), clock)


def signed(keys: Keys, header: dict[str, Any], claims: dict[str, Any], key: Any = None) -> str:
    """A token of our own key, with members of header and claims changed or (None) left out."""
    good_header = {"alg": "ES256", "typ": "at+jwt", "kid": keys.signing_key().kid}
    good_claims = {
        "iss": ISSUER,
        "sub": "one",
        "client_id": "one",
        "aud": AUDIENCE,
        "exp": NOW + 300,
        "scope": "system/Slot.rs",
        "jti": "token-1",
    }
    header = {name: value for name, value in (good_header | header).items() if value is not None}
    claims = {name: value for name, value in (good_claims | claims).items() if value is not None}
    return jwt.encode(header, claims, key or keys.signing_key(), algorithms=[header["alg"]], default_type=None)


def test_a_token_verifies(keys: Keys) -> None:
    claims = verify(keys, issue(keys))

    assert Claims("one", SCOPES, NOW_MS + 300_000, claims.token_id, issued_ms=NOW_MS) == claims


def test_a_token_says_what_rfc_9068_asks(keys: Keys) -> None:
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in issue(keys).split(".")[:2])

    assert {"alg": "ES256", "typ": "at+jwt", "kid": keys.signing_key().kid} == header
    assert {"iss", "sub", "client_id", "aud", "jti", "iat", "exp", "scope"} == set(claims)
    assert (ISSUER, "one", "one", AUDIENCE, NOW, NOW + 300, "system/Slot.rs") == tuple(
        claims[name] for name in ("iss", "sub", "client_id", "aud", "iat", "exp", "scope")
    )


def test_a_remembered_token_expires_all_the_same(keys: Keys, clock: StillClock) -> None:
    token = issue(keys, seconds=30)
    verify(keys, token)
    clock.now_ms += 29_999
    verify(keys, token)
    clock.now_ms += 1

    with pytest.raises(FhirError, match="expired"):
        verify(keys, token)


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({}, {"iss": "https://elsewhere.org"}),
        ({}, {"iss": None}),
        ({}, {"aud": "https://elsewhere.org/fhir"}),
        ({}, {"aud": None}),
        ({}, {"exp": NOW}),
        ({}, {"exp": None}),
        ({}, {"exp": "soon"}),
        ({}, {"exp": True}),
        ({}, {"sub": None}),
        ({}, {"client_id": None}),
        ({}, {"scope": None}),
        ({}, {"scope": "system/Slot.sr"}),
        ({"typ": "JWT"}, {}),
        ({"typ": None}, {}),
        ({"kid": "another"}, {}),
        ({"kid": None}, {}),
    ],
)
def test_our_signature_is_not_enough(keys: Keys, header: dict[str, Any], claims: dict[str, Any]) -> None:
    with pytest.raises(FhirError) as caught:
        verify(keys, signed(keys, header, claims))

    assert Category.LOGIN == caught.value.category


def test_another_key_under_our_kid_is_refused(keys: Keys) -> None:
    with pytest.raises(FhirError, match="does not verify"):
        verify(keys, signed(keys, {}, {}, ECKey.generate_key("P-256")))


def test_no_other_algorithm_is_taken(keys: Keys) -> None:
    public = json.dumps(keys.signing_key().as_dict(private=False))
    forged = signed(keys, {"alg": "HS256"}, {}, OctKey.import_key(public))
    header, claims, _ = issue(keys).split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').decode().rstrip("=")

    for token in (forged, f"{none}.{claims}.", f"{none}.{claims}.AA", f"{header}.{claims}.AA"):
        with pytest.raises(FhirError):
            verify(keys, token)


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "a.b.c.d.e", "...", "é.b.c", "a.b.c" * 4096, "\ud800.b.c", "a b.c.d"]
)
def test_what_is_no_token_is_refused(keys: Keys, token: str) -> None:
    with pytest.raises(FhirError) as caught:
        verify(keys, token)

    assert Category.LOGIN == caught.value.category


@given(st.data())
def test_no_changed_token_verifies(data: st.DataObject) -> None:
    keys = Keys(MemoryKeys(), StillClock())
    token = issue(keys)
    # The last character of the signature holds bits that base64 ignores.
    position = data.draw(st.integers(0, len(token) - 2))
    letter = data.draw(st.characters(codec="ascii").filter(lambda found: found != token[position]))

    with pytest.raises(FhirError) as caught:
        verify(keys, token[:position] + letter + token[position + 1 :])
    assert Category.LOGIN == caught.value.category
