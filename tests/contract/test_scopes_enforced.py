"""Item 47 of the checklist: scopes of both versions with exact letters, and of some resources of a type alone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from fhir_server.auth import tokens
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from tests import builders
from tests.contract.bundles import bundle, entry
from tests.contract.oauth import Caller

VENDOR = Actor("demo-vendor")
FREE, BUSY = "system/Slot.rs?status=free", "system/Slot.rs?status=busy-unavailable"

Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(services: Services) -> Ask:
    """Ask as the vendor with a token of these scopes."""
    caller = Caller(services)

    def send(scopes: str, path: str, body: Any = None, method: str = "", **headers: str) -> TestResponse:
        settings = services.settings
        token = tokens.issue(
            services.keys,
            issuer=settings.issuer,
            audience=settings.base_url,
            client_id="demo-vendor",
            scopes=Scopes.parse(scopes),
            seconds=300,
        )
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body)
        return caller.client.open(
            f"/fhir/{path}", method=method or ("POST" if body else "GET"), data=data, headers=sent
        )

    return send


def slot(id_: str, status: str, hour: int) -> dict[str, Any]:
    """A slot of the agenda, at one of the first hours from ten."""
    begin, end = (f"2026-03-03T1{hour}:{minute}:00+01:00" for minute in ("00", "15"))
    return builders.slot(id=id_, schedule={"reference": "Schedule/agenda"}, status=status, start=begin, end=end)


@pytest.fixture
def slots(services: Services) -> dict[str, str]:
    """A free slot of the vendor's and one that it keeps for itself, of one agenda."""
    update(services.store, VENDOR, "Schedule", "agenda", builders.schedule(id="agenda"), None)
    made = {}
    for hour, status in enumerate(("free", "busy-unavailable")):
        made[status] = update(services.store, VENDOR, "Slot", status, slot(status, status, hour), None)[0].id
    return made


def found(answer: TestResponse) -> list[str]:
    """Ids of the slots in a Bundle."""
    entries = json.loads(answer.data).get("entry", ())
    return sorted(it["resource"]["id"] for it in entries if it["resource"]["resourceType"] == "Slot")


@pytest.mark.parametrize(
    ("scopes", "path", "status"),
    [
        ("system/Slot.r", "Slot", 403),
        ("system/Slot.r", "Slot/_search", 403),
        ("system/Slot.r", "Slot/_history", 403),
        ("system/Slot.s", "Slot", 200),
        ("system/Slot.s", "Slot/free", 403),
        ("system/Slot.s", "Slot/free/_history", 403),
        ("system/Slot.read", "Slot/free", 200),
        ("system/Slot.read", "Slot", 200),
        ("system/*.r", "Slot/free", 200),
        ("system/Slot.s", "Slot?schedule.identifier=x", 403),
        ("system/Slot.s", "Schedule?_has:Slot:schedule:status=free", 403),
    ],
)
def test_letters_are_exact(ask: Ask, slots: dict[str, str], scopes: str, path: str, status: int) -> None:
    if path.endswith("_search"):
        answer = ask(scopes, path, method="POST", Content_Type="application/x-www-form-urlencoded")
    else:
        answer = ask(scopes, path)

    assert status == answer.status_code


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (FREE, ["free"]),
        (f"{FREE} {BUSY}", ["busy-unavailable", "free"]),
        (f"{FREE} system/Slot.s", ["busy-unavailable", "free"]),
        ("system/Slot.rs?status=free&start=ge2027-01-01", []),
        ("system/Slot.rs?status=busy system/Slot.rs?status=free&schedule=Schedule/agenda", ["free"]),
        ("system/Slot.rs?schedule=Schedule/other", []),
    ],
)
def test_a_search_finds_what_the_scope_holds(ask: Ask, slots: dict[str, str], scopes: str, expected: list[str]) -> None:
    assert expected == found(ask(scopes, "Slot"))
    assert expected == found(ask(scopes, "?_type=Slot"))
    assert len(expected) == json.loads(ask(scopes, "Slot?_summary=count").data)["total"]


def test_a_read_shows_what_the_scope_holds(ask: Ask, slots: dict[str, str]) -> None:
    paths = ("Slot/free", "Slot/free/_history/1", "Slot/busy-unavailable", "Slot/busy-unavailable/_history/1")

    assert [200, 200, 404, 404] == [ask(FREE, path).status_code for path in paths]


def test_an_old_version_outside_the_scope_is_not_shown(services: Services, ask: Ask, slots: dict[str, str]) -> None:
    was = slot("free", "busy-unavailable", 0)
    update(services.store, VENDOR, "Slot", "free", was, None)

    assert [404, 404] == [ask(FREE, f"Slot/free{path}").status_code for path in ("", "/_history/1")]
    assert [200, 404] == [ask(BUSY, f"Slot/free{path}").status_code for path in ("", "/_history/1")]


@pytest.mark.parametrize("path", ["Slot/_history", "Slot/free/_history", "_history"])
def test_a_history_takes_a_scope_for_all(ask: Ask, slots: dict[str, str], path: str) -> None:
    assert 403 == ask(FREE, path).status_code
    assert 200 == ask(f"{FREE} system/Slot.rs", path).status_code


def test_the_history_of_everything_leaves_out_what_is_known_in_part(ask: Ask, slots: dict[str, str]) -> None:
    answer = ask(f"{FREE} system/Schedule.rs", "_history")

    assert {"Schedule"} == {it["resource"]["resourceType"] for it in json.loads(answer.data)["entry"]}


def test_an_include_brings_what_the_scope_holds(ask: Ask, slots: dict[str, str]) -> None:
    assert ["free"] == found(ask(f"system/Schedule.rs {FREE}", "Schedule?_revinclude=Slot:schedule"))
    assert ["busy-unavailable", "free"] == found(
        ask("system/Schedule.rs system/Slot.r", "Schedule?_revinclude=Slot:schedule")
    )
    assert [] == found(ask("system/Schedule.rs system/Slot.s", "Schedule?_revinclude=Slot:schedule"))


def test_a_chain_takes_a_scope_for_all(ask: Ask, slots: dict[str, str]) -> None:
    """It would tell of each of them whether it meets a criterion."""
    scopes = f"system/Schedule.rs {FREE}"

    assert 403 == ask(scopes, "Schedule?_has:Slot:schedule:status=busy-unavailable").status_code
    assert 200 == ask(f"{scopes} system/Slot.s", "Schedule?_has:Slot:schedule:status=free").status_code


def test_a_write_is_held_against_the_scope_before_and_after(ask: Ask, slots: dict[str, str]) -> None:
    scopes = "system/Slot.crud?status=free system/Slot.r"
    free = json.loads(ask(scopes, "Slot/free").data)
    busy = json.loads(ask(scopes, "Slot/busy-unavailable").data)
    changed = [
        ask(scopes, "Slot/free", free | {"comment": "x"}, "PUT"),
        ask(scopes, "Slot/free", free | {"status": "busy-unavailable"}, "PUT"),
        ask(scopes, "Slot/busy-unavailable", busy | {"status": "free"}, "PUT"),
        ask(scopes, "Slot/new", free | {"id": "new", "status": "busy-unavailable"}, "PUT"),
        ask(scopes, "Slot", {k: v for k, v in busy.items() if k != "id"}),
        ask(scopes, "Slot/busy-unavailable", method="DELETE"),
        ask(
            scopes,
            "Slot/busy-unavailable",
            [{"op": "add", "path": "/comment", "value": "x"}],
            "PATCH",
            Content_Type="application/json-patch+json",
        ),
        ask(scopes, "Slot/free", method="DELETE"),
    ]

    assert [200, 403, 403, 403, 403, 403, 403, 204] == [answer.status_code for answer in changed]
    assert 'error="insufficient_scope"' in changed[1].headers["WWW-Authenticate"]


def test_an_unrestricted_letter_lifts_the_restriction_for_itself_alone(ask: Ask, slots: dict[str, str]) -> None:
    scopes = "system/Slot.ru?status=free system/Slot.r"
    busy = json.loads(ask(scopes, "Slot/busy-unavailable").data)

    assert 403 == ask(scopes, "Slot/busy-unavailable", busy | {"comment": "x"}, "PUT").status_code


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_each_entry_of_a_bundle_is_held_against_the_scope(ask: Ask, slots: dict[str, str], kind: str) -> None:
    scopes = f"{FREE} system/Slot.u?status=free"
    busy = slot("busy-unavailable", "free", 1)
    looks = bundle(kind, entry("GET", "Slot/free"), entry("GET", "Slot?_count=5"))
    answers = json.loads(ask(scopes, "", looks).data)["entry"]
    writes = ask(scopes, "", bundle(kind, entry("PUT", "Slot/busy-unavailable", busy)))

    assert ["200 OK", "200 OK"] == [it["response"]["status"] for it in answers]
    assert 1 == len(answers[1]["resource"]["entry"])
    if kind == "batch":
        assert "404 Not Found" == json.loads(writes.data)["entry"][0]["response"]["status"]
    else:
        assert 404 == writes.status_code


def test_operations_take_scopes_for_all(ask: Ask, slots: dict[str, str]) -> None:
    free = slot("free", "free", 0)

    assert 403 == ask("system/Slot.cruds?status=free", "Slot/$validate", free).status_code
    assert 200 == ask("system/Slot.cruds", "Slot/$validate", free).status_code


def test_a_restriction_that_cannot_be_read_gets_no_token(services: Services) -> None:
    caller = Caller(services)
    scopes = (
        "system/Slot.rs?start=yesterday",
        "system/Slot.rs?unknown=1",
        'system/Slot.rs?start="é',
        "system/Slot.rs?status=free",
    )
    headers = {"Authorization": "Basic ZGVtby12ZW5kb3I6Y3JlbmVhdS1kZW1v"}
    answers = [caller.ask({"grant_type": "client_credentials", "scope": it}, headers=headers) for it in scopes]

    assert [400, 400, 400, 200] == [answer.status_code for answer in answers]
    assert ["invalid_scope"] * 3 == [json.loads(answer.data)["error"] for answer in answers[:3]]


def test_appointments_of_one_status_alone(services: Services, ask: Ask) -> None:
    """What is restricted is still its owner's alone."""
    mine, _ = (create(services.store, actor, "Patient", builders.patient()) for actor in (VENDOR, SYSTEM))
    scopes = "system/Patient.rs?gender=female"

    assert [mine.id] == [it["resource"]["id"] for it in json.loads(ask(scopes, "Patient").data)["entry"]]
    assert [] == json.loads(ask("system/Patient.rs?gender=male", "Patient").data).get("entry", [])
