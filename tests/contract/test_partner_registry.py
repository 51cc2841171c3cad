"""What an operator does with partners and signing keys, and how soon it counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.partner_registry import Registry, keys_of
from fhir_server.bootstrap import Services
from fhir_server.settings import SettingsError
from fhir_server.storage.partners import PartnerTable
from tests.conftest import StandingClock
from tests.contract.oauth import EC, Caller, basic, jwks, new_key

ONE: dict[str, Any] = {"client_id": "one", "name": "One", "scopes": ["system/Organization.rs"]}


@pytest.fixture
def registry(services: Services) -> Registry:
    return Registry(services)


def secret_of(printed: str) -> str:
    return printed.split("client_secret ")[1].split()[0]


def status(services: Services, secret: str) -> int:
    return Caller(services).ask(headers=basic("one", secret)).status_code


def test_a_partner_added_asks_for_tokens_at_once(registry: Registry, services: Services) -> None:
    caller = Caller(services)
    before = caller.ask(headers=basic("one", "x" * 43)).status_code
    secret = secret_of(registry.add(ONE, has_secret=True))

    assert (401, 200) == (before, caller.ask(headers=basic("one", secret)).status_code)
    assert secret not in "\n".join([*registry.lines(), registry.show("one"), *PartnerTable(services.store).load()])


def test_a_secret_is_exchanged_at_once_or_after_some_hours(
    registry: Registry, services: Services, clock: StandingClock
) -> None:
    first = secret_of(registry.add(ONE, has_secret=True))
    second = secret_of(registry.rotate("one", keep_hours=2))
    both = [status(services, it) for it in (first, second)]
    clock.advance(2 * 3_600_000)
    later = [status(services, it) for it in (first, second)]
    third = secret_of(registry.rotate("one", keep_hours=0))

    assert ([200, 200], [401, 200]) == (both, later)
    assert [401, 200] == [status(services, it) for it in (second, third)]


def test_keys_go_in_place_of_a_secret(registry: Registry, services: Services, tmp_path: Path) -> None:
    secret = secret_of(registry.add(ONE, has_secret=True))
    key, file = new_key(EC), tmp_path / "keys.json"
    file.write_text(json.dumps(jwks(key)["keys"][0]))
    registry.exchange_keys("one", keys_of(file), keep_hours=0)
    caller = Caller(services)

    assert 401 == status(services, secret)
    assert 200 == caller.prove(caller.assertion(key, "one")).status_code


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (ONE | {"client_id": "demo-vendor"}, "demo-vendor has a file"),
        (ONE | {"client_id": "two"}, "two is registered already"),
        (ONE | {"scopes": ["system/Slot.sr"]}, "Scope number 1"),
        (ONE | {"scopes": ["system/Slot.rs?start=x"]}, "start must be a date"),
        (ONE | {"scopes": ["user/Slot.rs?unknown=x"]}, "unknown is not known"),
        (ONE | {"jwks_uri": "x"}, "jwks_uri is not an https address"),
    ],
)
def test_what_cannot_be_added_is_told(registry: Registry, members: dict[str, Any], reason: str) -> None:
    registry.add(ONE | {"client_id": "two"}, has_secret=True)

    with pytest.raises(SettingsError, match=reason):
        registry.add(members, has_secret=True)


def test_what_a_partner_may_do_is_changed_and_how_it_proves_itself_is_not(
    registry: Registry, services: Services
) -> None:
    secret = secret_of(registry.add(ONE, has_secret=True))
    registry.change("one", {"scopes": ["system/Slot.rs"], "reads": "territory"})
    answer = Caller(services).ask(headers=basic("one", secret))

    assert (200, "system/Slot.rs") == (answer.status_code, json.loads(answer.data)["scope"])
    assert "reads             territory" in registry.show("one")
    with pytest.raises(SettingsError, match="Scope number 1"):
        registry.change("one", {"scopes": ["system/Slot.sr"]})


@pytest.mark.parametrize("client_id", ["nobody", "../one", "demo-vendor"])
def test_what_is_not_there_or_has_a_file_is_not_changed(registry: Registry, client_id: str) -> None:
    for change in (lambda: registry.rotate(client_id, 0), lambda: registry.remove(client_id)):
        with pytest.raises(SettingsError, match=r"there is no partner|has a file"):
            change()


def test_partners_of_files_are_suspended_too(registry: Registry) -> None:
    registry.suspend("demo-vendor", is_suspended=True)

    assert "state             suspended" in registry.show("demo-vendor")
    assert [True] == ["suspended" in line for line in registry.lines() if line.startswith("demo-vendor ")]
    with pytest.raises(SettingsError, match="there is no partner nobody"):
        registry.suspend("nobody", is_suspended=True)


def test_a_replaced_signing_key_verifies_until_its_tokens_have_expired(
    registry: Registry, services: Services, clock: StandingClock
) -> None:
    caller = Caller(services)
    token = caller.token("demo-vendor", "creneau-demo")
    registry.rotate_keys(at_once=False)
    published = [key["kid"] for key in json.loads(caller.client.get("/oauth/jwks").data)["keys"]]
    newer = caller.token("demo-vendor", "creneau-demo")
    statuses = [caller.get("Organization/absent", it).status_code for it in (token, newer)]
    clock.advance(600_001)
    registry.rotate_keys(at_once=False)
    left = [line.split()[0] for line in registry.key_lines()]

    assert ([404, 404], 2) == (statuses, len(set(published)))
    assert (2, False, True) == (len(left), published[1] in left, published[0] in left)


def test_a_key_may_be_dropped_at_once(registry: Registry, services: Services) -> None:
    caller = Caller(services)
    token = caller.token("demo-vendor", "creneau-demo")
    before = caller.get("Organization/absent", token).status_code
    registry.rotate_keys(at_once=True)

    assert (404, 401, 1) == (
        before,
        caller.get("Organization/absent", token).status_code,
        len(list(registry.key_lines())),
    )
