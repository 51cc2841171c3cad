"""Items 48 and 49 of the checklist: tokens taken back, asked about, and bound to certificates; partners suspended."""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fhir_server.auth.changes import KNOWN_FOR
from fhir_server.auth.secrets import hash_secret
from fhir_server.bootstrap import Services, build
from fhir_server.settings import Settings
from fhir_server.storage.access import ChangeTable
from fhir_server.storage.partners import PartnerTable
from tests.certificates import Authority
from tests.conftest import StandingClock
from tests.contract.oauth import (
    GRANT,
    HEADER,
    PROXY,
    Caller,
    add_partner,
    as_pem,
    basic,
    handed_on,
    jwks,
    new_key,
    said,
)

SECRET = "long-enough"
HASH = hash_secret(SECRET)
VENDOR = basic("demo-vendor", "creneau-demo")
RIVAL = basic("demo-vendor-2", "creneau-demo")
COORDINATOR = basic("demo-coordinator", "creneau-demo")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, trusted_proxies=PROXY, client_certificate_header=HEADER)


@pytest.fixture
def caller(services: Services) -> Caller:
    return Caller(services)


@pytest.fixture
def other(settings: Settings, clock: StandingClock) -> Iterator[Caller]:
    """Another process of the same server."""
    built = build(settings, clock=clock, pool_size=2)
    yield Caller(built)
    built.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def statuses(token: str, *callers: Caller) -> list[int]:
    return [caller.get("Organization/absent", token).status_code for caller in callers]


def test_a_token_taken_back_is_refused_everywhere_once_that_is_answered(caller: Caller, other: Caller) -> None:
    token, kept = (caller.token("demo-vendor", "creneau-demo") for _ in range(2))
    before = statuses(token, caller, other)
    answer = caller.ask({"token": token}, path="revoke", headers=VENDOR)

    assert ([404, 404], 200) == (before, answer.status_code)
    assert ([401, 401], [404, 404]) == (statuses(token, caller, other), statuses(kept, caller, other))
    challenge = other.get("Organization/absent", token).headers["WWW-Authenticate"]
    assert 'error="invalid_token"' in challenge


def test_a_revocation_outlives_a_restart_and_is_forgotten_with_its_token(
    caller: Caller, settings: Settings, clock: StandingClock
) -> None:
    token = caller.token("demo-vendor", "creneau-demo")
    caller.ask({"token": token}, path="revoke", headers=VENDOR)
    restarted = build(settings, clock=clock, pool_size=2)
    status = statuses(token, Caller(restarted))
    restarted.close()
    clock.advance(301_000)
    for _ in range(2):
        caller.ask({"token": caller.token("demo-vendor", "creneau-demo")}, path="revoke", headers=VENDOR)

    assert [401] == status
    assert 2 == len(ChangeTable(caller.services.store).since(0))


def test_each_process_asks_for_news_no_more_often_than_it_must(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    since = ChangeTable.since
    monkeypatch.setattr(ChangeTable, "since", lambda rows, pk: asked.append(pk) or since(rows, pk))
    token = caller.token("demo-vendor", "creneau-demo")
    begun = time.monotonic()
    for _ in range(50):
        statuses(token, caller)

    assert len(asked) <= 1 + (time.monotonic() - begun) / KNOWN_FOR + 1


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "x" * 10_000])
def test_what_is_no_token_is_taken_back_already(caller: Caller, token: str) -> None:
    assert 200 == caller.ask({"token": token}, path="revoke", headers=VENDOR).status_code


def test_nobody_takes_back_anothers_token(caller: Caller) -> None:
    token = caller.token("demo-vendor", "creneau-demo")

    assert (400, "invalid_grant") == said(caller.ask({"token": token}, path="revoke", headers=RIVAL))
    assert [404] == statuses(token, caller)


@pytest.mark.parametrize("path", ["revoke", "introspect"])
@pytest.mark.parametrize(
    ("form", "headers", "error"),
    [
        ({"token": "x"}, {}, (401, "invalid_client")),
        ({"token": "x"}, basic("demo-vendor", "wrong"), (401, "invalid_client")),
        ({}, VENDOR, (400, "invalid_request")),
        ({"token": ["x", "y"]}, VENDOR, (400, "invalid_request")),
        ({"token": "x", "token_type_hint": "id_token"}, VENDOR, (200, "")),
    ],
)
def test_refusals(caller: Caller, path: str, form: dict[str, Any], headers: dict[str, str], error: Any) -> None:
    assert error == said(caller.ask(form, path=path, headers=headers))


def test_a_token_is_described_to_its_client_and_to_the_territory(caller: Caller, clock: StandingClock) -> None:
    token = caller.token("demo-vendor", "creneau-demo", "system/Slot.rs")
    own, coordinators = (
        json.loads(caller.ask({"token": token}, path="introspect", headers=it).data) for it in (VENDOR, COORDINATOR)
    )
    now = clock.now_ms // 1000

    assert own == coordinators
    assert {"active": True, "client_id": "demo-vendor", "scope": "system/Slot.rs", "exp": now + 300, "iat": now} == {
        name: own[name] for name in ("active", "client_id", "scope", "exp", "iat")
    }
    assert {"token_type", "sub", "aud", "iss", "jti"} <= set(own)


def test_of_other_tokens_nothing_is_said(caller: Caller, clock: StandingClock) -> None:
    revoked, anothers, old = (caller.token("demo-vendor", "creneau-demo") for _ in range(3))
    caller.ask({"token": revoked}, path="revoke", headers=VENDOR)
    answers = [
        caller.ask({"token": token}, path="introspect", headers=headers)
        for token, headers in ((revoked, VENDOR), (anothers, RIVAL), ("x", VENDOR))
    ]
    clock.advance(300_000)
    answers.append(caller.ask({"token": old}, path="introspect", headers=VENDOR))

    assert [(200, {"active": False})] * 4 == [(answer.status_code, json.loads(answer.data)) for answer in answers]
    assert "no-store" == answers[0].headers["Cache-Control"]


@pytest.mark.parametrize("kind", ["row", "file"])
def test_a_suspended_partners_tokens_stop_everywhere_at_once(caller: Caller, other: Caller, kind: str) -> None:
    client_id, secret = ("demo-vendor", "creneau-demo") if kind == "file" else ("rowed", SECRET)
    if kind == "row":
        add_partner(caller.services, client_id, secret_hash=HASH)
    token = caller.token(client_id, secret)
    found = [statuses(token, caller, other)]
    for is_suspended in (True, False):
        PartnerTable(caller.services.store).suspend(client_id, is_suspended=is_suspended)
        caller.services.changes.settle()
        found.append(statuses(token, caller, other))

    assert [[404, 404], [401, 401], [404, 404]] == found


def test_a_removed_partners_tokens_stop_everywhere_at_once(caller: Caller, other: Caller) -> None:
    add_partner(caller.services, "rowed", secret_hash=HASH)
    token = caller.token("rowed", SECRET)
    before = statuses(token, caller, other)
    PartnerTable(caller.services.store).remove("rowed")
    caller.services.changes.settle()

    assert ([404, 404], [401, 401]) == (before, statuses(token, caller, other))


def test_a_certificate_proves_a_client_and_binds_its_token(caller: Caller, other: Caller, authority: Authority) -> None:
    mine, anothers = authority.leaf("vendor.example", "3301"), authority.leaf("other.example", "3301")
    subject = "OU=3301,CN=vendor.example"
    add_partner(
        caller.services,
        "bound",
        tls_client_auth_subject_dn=subject,
        tls_client_certificate_bound_access_tokens=True,
    )
    form = GRANT | {"client_id": "bound"}
    answer = caller.ask(form, headers=handed_on(mine), address=PROXY)
    token = json.loads(answer.data)["access_token"]
    path = "Organization/absent"

    assert 404 == other.get(path, token, address=PROXY, **handed_on(mine)).status_code
    assert 404 == other.get(path, token, address=PROXY, **as_pem(mine)).status_code
    assert 401 == other.get(path, token, address=PROXY, **handed_on(anothers)).status_code
    assert 401 == other.get(path, token, address=PROXY).status_code
    # From outside the header is anybody's word.
    assert 401 == other.get(path, token, **handed_on(mine)).status_code
    assert (401, "invalid_client") == said(caller.ask(form, headers=handed_on(mine)))
    assert (401, "invalid_client") == said(caller.ask(form, headers=handed_on(anothers), address=PROXY))
    described = caller.ask(
        {"token": token, "client_id": "bound"}, path="introspect", headers=handed_on(mine), address=PROXY
    )
    assert {"x5t#S256"} == set(json.loads(described.data)["cnf"])


@pytest.mark.parametrize(
    ("member", "value", "status"),
    [
        ("subject_dn", "CN=vendor.example", 200),
        ("subject_dn", "CN=vendor.example,O=More", 401),
        ("san_dns", "LOCALHOST", 200),
        ("san_dns", "elsewhere.example", 401),
        ("san_ip", "127.0.0.1", 200),
        ("san_uri", "https://vendor.example", 401),
        ("san_email", "vendor@example.org", 401),
    ],
)
def test_a_certificate_is_known_by_the_name_registered(
    caller: Caller, authority: Authority, member: str, value: str, status: int
) -> None:
    add_partner(caller.services, "bound", **{f"tls_client_auth_{member}": value})
    headers = handed_on(authority.leaf("vendor.example"))

    assert status == caller.ask(GRANT | {"client_id": "bound"}, headers=headers, address=PROXY).status_code


def test_a_bound_client_gets_no_token_without_its_certificate(caller: Caller) -> None:
    add_partner(caller.services, "bound", secret_hash=HASH, tls_client_certificate_bound_access_tokens=True)

    assert (400, "invalid_request") == said(caller.ask(headers=basic("bound", SECRET)))


@pytest.mark.parametrize("value", [":", ":AAAA:", "é", "x", ":" + "A" * 20_000 + ":"])
def test_a_header_that_is_no_certificate_proves_nothing(caller: Caller, value: str) -> None:
    add_partner(caller.services, "bound", tls_client_auth_subject_dn="CN=vendor.example")
    headers = {HEADER: value.encode().decode("latin-1")}
    answer = caller.ask(GRANT | {"client_id": "bound"}, headers=headers, address=PROXY)

    assert (401, "invalid_client") == said(answer)


def test_guessing_at_a_secret_gets_slower_in_every_process(caller: Caller, other: Caller, clock: StandingClock) -> None:
    add_partner(caller.services, "guessed", secret_hash=HASH)
    for number in range(5):
        assert 401 == caller.ask(headers=basic("guessed", f"guess {number}")).status_code
    held = [it.ask(headers=basic("guessed", SECRET)) for it in (caller, other)]
    clock.advance(1_000)
    right = caller.ask(headers=basic("guessed", SECRET)).status_code
    after = caller.ask(headers=basic("guessed", "guess")).status_code

    assert [(429, "invalid_client", "1")] * 2 == [(*said(it), it.headers["Retry-After"]) for it in held]
    assert (200, 401) == (right, after)


def test_waits_grow_and_a_client_at_work_is_not_held_up(caller: Caller, clock: StandingClock) -> None:
    add_partner(caller.services, "guessed", secret_hash=HASH)
    caller.ask(headers=basic("guessed", SECRET))
    waits = []
    for _ in range(20):
        answer = caller.ask(headers=basic("guessed", "guess"))
        wait = int(answer.headers.get("Retry-After", 0))
        waits += [wait] if wait else []
        clock.advance(wait * 1000)

    assert [1, 2, 4, 8] == waits[:4]
    assert 200 == caller.ask(headers=basic("guessed", SECRET)).status_code


def test_no_log_holds_what_opens_doors(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    key = new_key()
    add_partner(caller.services, "signer", jwks=jwks(key))
    good, forged = caller.assertion(key), caller.assertion(new_key())
    with caplog.at_level(logging.DEBUG):
        token = caller.token("demo-vendor", "creneau-demo")
        signed = json.loads(caller.prove(good).data)["access_token"]
        for _ in range(6):
            caller.ask(headers=basic("demo-vendor-2", "wrong-secret"))
        caller.prove(good)
        caller.prove(forged)
        caller.get("Organization/absent", token)
        for path in ("introspect", "revoke"):
            caller.ask({"token": token}, path=path, headers=VENDOR)
        caller.get("Organization/absent", token)

    for secret in (token, signed, good, forged, "creneau-demo", "wrong-secret", VENDOR["Authorization"]):
        assert secret not in caplog.text
