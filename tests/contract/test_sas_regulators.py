"""Regulators' accounts (INT_R02) over HTTP, on both stores: items 21 to 23 of the checklist of France."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.sas_commands import sas_regulators
from fhir_server.bootstrap import Services
from fhir_server.storage import accounts
from tests.contract.sas_doors import IDNPS, INTRN, RPPS, UUID, Caller, Json, caller, identified, regulator, without

OTHER = "7c6f0a52-0f0b-4d0e-8f5a-3b1b1d9b7e02"


@pytest.fixture
def platform(services: Services) -> Caller:
    return caller(services, "demo-sas", "system/Practitioner.crus")


def outcome(response: Any) -> tuple[int, str]:
    """Status, and the expression of the first issue."""
    body = response.get_json()

    assert body["resourceType"] == "OperationOutcome"
    return response.status_code, body["issue"][0].get("expression", [""])[0]


def is_active(platform: Caller, system: str, value: str) -> bool:
    return accounts.is_active(platform.services.store.read(), [accounts.by_identifier(system, value)])


def test_item_21_an_account_is_made_once(platform: Caller) -> None:
    made = platform.post_account(regulator())

    assert made.status_code == 201
    assert made.headers["Location"].endswith(f"/sas/Practitioner/{made.get_json()['id']}/_history/1")
    assert made.get_json()["meta"]["profile"] == [
        "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/FrPractitionerRegul"
    ]
    assert made.get_json()["meta"]["source"] == INTRN
    assert outcome(platform.post_account(regulator())) == (409, "Practitioner")


@pytest.mark.parametrize(
    "second",
    [
        regulator(email="someone.else@sas.example"),
        regulator(identified(INTRN, OTHER)),
        regulator(identified(INTRN, OTHER), email="ALIX.FERRAND@sas.example"),
    ],
    ids=["the same identifier", "the same address", "the same address in capitals"],
)
def test_item_21_what_another_has_is_refused(platform: Caller, second: Json) -> None:
    assert platform.post_account(regulator()).status_code == 201
    assert outcome(platform.post_account(second))[0] == 409
    assert outcome(platform.put_account(INTRN, "unknown", second))[0] == 409


NAME = [{"family": "FERRAND", "given": ["Alix"]}]
FAULTS: dict[str, tuple[Json, int, str]] = {
    "no identifier": (without(regulator(), "identifier"), 400, "Practitioner.identifier"),
    "no name": (without(regulator(), "name"), 400, "Practitioner.name"),
    "no telecom": (without(regulator(), "telecom"), 400, "Practitioner.telecom"),
    "no active": (without(regulator(), "active"), 400, "Practitioner.active"),
    "no family": (regulator(name=[{"given": ["Alix"]}]), 400, "Practitioner.name[0].family"),
    "empty family": (regulator(name=[{"family": "", "given": ["Alix"]}]), 400, "Practitioner.name[0].family"),
    "blank family": (regulator(name=[{"family": " ", "given": ["Alix"]}]), 400, "Practitioner.name[0].family"),
    "no given": (regulator(name=[{"family": "FERRAND"}]), 400, "Practitioner.name[0].given"),
    "two given": (regulator(name=[{"family": "F", "given": ["A", "B"]}]), 422, "Practitioner.name[0].given"),
    "empty address": (regulator(email=""), 400, "Practitioner.telecom[0].value"),
    "no address": (regulator(telecom=[{"system": "email"}]), 400, "Practitioner.telecom[0].value"),
    "a phone": (
        regulator(telecom=[{"system": "phone", "value": "+33261910001"}]),
        422,
        "Practitioner.telecom[0].system",
    ),
    "INTRN in the system of IDNPS": (
        regulator(identified(IDNPS, RPPS, "INTRN")),
        422,
        "Practitioner.identifier[0].type",
    ),
    "IDNPS in the system of INTRN": (
        regulator(identified(INTRN, UUID, "IDNPS")),
        422,
        "Practitioner.identifier[0].type",
    ),
    "another type": (regulator(identified(INTRN, UUID, "RPPS")), 422, "Practitioner.identifier[0].type"),
    "another system": (regulator({"system": "urn:oid:1.2.3", "value": "1"}), 400, "Practitioner.identifier"),
    "two of one system": (
        regulator(identified(INTRN, UUID), identified(INTRN, OTHER)),
        422,
        "Practitioner.identifier",
    ),
}


@pytest.mark.parametrize(("account", "status", "expression"), FAULTS.values(), ids=FAULTS.keys())
def test_item_21_what_the_profile_refuses(platform: Caller, account: Json, status: int, expression: str) -> None:
    """On creation, on update, and on an update that would create; nothing is stored."""
    assert outcome(platform.post_account(account)) == (status, expression)
    assert outcome(platform.put_account(INTRN, UUID, account)) == (status, expression)
    assert not is_active(platform, INTRN, UUID)

    assert platform.post_account(regulator()).status_code == 201
    assert outcome(platform.put_account(INTRN, UUID, account)) == (status, expression)
    assert is_active(platform, INTRN, UUID)


@pytest.mark.parametrize("name", ["identifier", "Identifier"])
def test_item_21_an_update_of_one_unknown_makes_it(platform: Caller, name: str) -> None:
    first = platform.put_account(INTRN, UUID, regulator(), name)
    again = platform.put_account(INTRN, UUID, regulator(), name)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json()["id"] == again.get_json()["id"]
    assert again.headers["Location"].endswith("/_history/1")


@pytest.mark.parametrize(
    "query", ["", "identifier=", f"identifier={UUID}", "identifier=urn:oid:1.2.3%7C1", "family=FERRAND"]
)
def test_item_21_an_update_names_one_identifier(platform: Caller, query: str) -> None:
    assert outcome(platform.ask("PUT", f"/sas/Practitioner?{query}", regulator())) == (400, "identifier")


@pytest.mark.parametrize(
    "changed",
    [
        regulator(email="alix.durand@sas.example"),
        regulator(name=[{"family": "DURAND", "given": ["Alix"]}]),
        regulator(name=[{"family": "FERRAND", "given": ["Sacha"]}]),
        regulator(identified(IDNPS, RPPS)),
        regulator(identified(IDNPS, RPPS), identified(INTRN, UUID)),
        regulator(identified(IDNPS, "3120459876/4711")),
    ],
    ids=["address", "family", "given", "identifier", "both identifiers", "a number of an institution"],
)
def test_item_21_what_may_change(platform: Caller, changed: Json) -> None:
    made = platform.post_account(regulator()).get_json()
    answer = platform.put_account(INTRN, UUID, changed)

    assert (answer.status_code, answer.get_json()["id"]) == (200, made["id"])
    assert {name: answer.get_json()[name] for name in ("name", "telecom", "identifier")} == {
        name: changed[name] for name in ("name", "telecom", "identifier")
    }


def test_item_22_a_key_turns_into_another(platform: Caller) -> None:
    """The URL has the old identifier, the body the new one; sent again, it finds the same account by the new one."""
    made = platform.post_account(regulator()).get_json()
    turned = regulator(identified(IDNPS, RPPS))
    answers = [platform.put_account(INTRN, UUID, turned) for _ in range(2)]
    answers.append(platform.put_account(IDNPS, RPPS, turned))

    assert [(one.status_code, one.get_json()["id"]) for one in answers] == [(200, made["id"])] * 3
    assert (is_active(platform, INTRN, UUID), is_active(platform, IDNPS, RPPS)) == (False, True)


def test_item_22_a_bare_number_is_kept_with_its_prefix(platform: Caller) -> None:
    made = platform.post_account(regulator(identified(IDNPS, RPPS[1:]))).get_json()

    assert made["identifier"] == [identified(IDNPS, RPPS)]
    assert platform.put_account(IDNPS, RPPS[1:], regulator(identified(IDNPS, RPPS))).get_json()["id"] == made["id"]


def test_item_22_an_inactive_account_gives_its_number_to_another(platform: Caller) -> None:
    first = platform.post_account(regulator(identified(IDNPS, RPPS))).get_json()
    second = regulator(identified(INTRN, OTHER), email="b@sas.example")
    assert platform.post_account(second).status_code == 201
    taking = regulator(identified(IDNPS, RPPS), email="b@sas.example")
    assert outcome(platform.put_account(INTRN, OTHER, taking))[0] == 409

    left = platform.put_account(IDNPS, RPPS, regulator(identified(IDNPS, RPPS), active=False))
    taken = platform.put_account(INTRN, OTHER, taking)

    assert (left.status_code, left.get_json()["id"], taken.status_code) == (200, first["id"], 200)
    # The number now leads to its new holder, but for what is said of the first by its address.
    again = platform.put_account(IDNPS, RPPS, regulator(identified(IDNPS, RPPS), active=False))
    assert again.get_json()["id"] == first["id"]
    assert platform.put_account(IDNPS, RPPS, taking).get_json()["id"] == taken.get_json()["id"]
    assert outcome(platform.put_account(IDNPS, RPPS, regulator(identified(IDNPS, RPPS))))[0] == 409


def test_item_23_an_account_is_made_inactive_and_never_deleted(platform: Caller) -> None:
    made = platform.post_account(regulator()).get_json()
    assert is_active(platform, INTRN, UUID)

    platform.put_account(INTRN, UUID, regulator(active=False))
    assert not is_active(platform, INTRN, UUID)

    for path in ("/sas/Practitioner", f"/sas/Practitioner/{made['id']}"):
        refused = platform.ask("DELETE", path)
        assert (refused.status_code, refused.get_json()["resourceType"]) == (405, "OperationOutcome")
    assert platform.put_account(INTRN, UUID, regulator()).status_code == 200
    assert is_active(platform, INTRN, UUID)


def test_accounts_are_no_part_of_the_catalogue(platform: Caller) -> None:
    """Not for the territory either: a doctor with the same number is the one that searches and messages find."""
    account = platform.post_account(regulator(identified(IDNPS, RPPS))).get_json()
    platform = caller(platform.services)
    doctor = {"resourceType": "Practitioner", "identifier": [identified(IDNPS, RPPS)], "name": [{"family": "FERRAND"}]}
    stored = platform.ask("PUT", f"/fhir/Practitioner?identifier={IDNPS}|{RPPS}", doctor)

    assert stored.status_code == 201
    for query in ("", f"identifier={IDNPS}|{RPPS}", "_sort=-_lastUpdated", "family=ferrand", f"_id={account['id']}"):
        found = platform.ask("GET", f"/fhir/Practitioner?{query}").get_json().get("entry", [])
        assert account["id"] not in {one["resource"]["id"] for one in found}
    assert platform.ask("GET", f"/fhir/Practitioner/{account['id']}").status_code == 404
    assert platform.ask("GET", f"/fhir/Practitioner/{account['id']}/_history").status_code == 404
    told = platform.ask("GET", "/fhir/Practitioner/_history").get_json()["entry"]
    assert [one["resource"]["id"] for one in told] == [stored.get_json()["id"]]
    everything = platform.ask("GET", "/fhir/_history").get_json()["entry"]
    assert account["id"] not in {one["resource"]["id"] for one in everything if "resource" in one}
    assert platform.ask("DELETE", f"/fhir/Practitioner/{account['id']}").status_code in (204, 404)
    assert is_active(platform, IDNPS, RPPS)


@pytest.mark.parametrize(
    ("client_id", "scopes"),
    [("demo-sas", "system/Practitioner.rs"), ("demo-coordinator", "system/*.cruds"), ("demo-vendor", "system/*.cruds")],
)
def test_only_the_platform_with_its_scopes_tells_accounts(services: Services, client_id: str, scopes: str) -> None:
    asking = caller(services, client_id, scopes)

    assert outcome(asking.post_account(regulator()))[0] == 403
    assert outcome(asking.put_account(INTRN, UUID, regulator()))[0] == 403
    assert asking.client.post("/sas/Practitioner", json=regulator()).status_code == 401


def test_two_at_once_make_one_account(services: Services) -> None:
    start = threading.Barrier(6)

    def make(_: int) -> int:
        door = caller(services, "demo-sas", "system/Practitioner.crus")
        start.wait()
        return int(door.post_account(regulator()).status_code)

    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(make, range(6)))

    assert found == [201, 409, 409, 409, 409, 409]


def test_an_operator_lists_the_accounts(platform: Caller) -> None:
    made = platform.post_account(regulator(identified(IDNPS, RPPS))).get_json()
    platform.put_account(IDNPS, RPPS, regulator(identified(IDNPS, RPPS), active=False))
    platform.post_account(regulator(email="b@sas.example"))

    shown = CliRunner().invoke(sas_regulators, obj=platform.services.settings)
    assert (shown.exit_code, shown.output.splitlines()[0], len(shown.output.splitlines())) == (
        0,
        f"inactive Practitioner/{made['id']}/_history/2 {RPPS} FERRAND Alix alix.ferrand@sas.example",
        2,
    )
