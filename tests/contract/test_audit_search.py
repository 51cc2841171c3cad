"""AuditEvents are searched as every type is: each parameter finds what it should, page by page, on both stores."""

import json
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.audit.event import Event, encode
from fhir_server.audit.render import audit_event
from fhir_server.bootstrap import Services
from fhir_server.interactions import audit_trail
from fhir_server.interactions.read import read, vread
from fhir_server.interactions.search import search
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.registry.search_params import parameters
from fhir_server.search.query import parse
from fhir_server.storage.audit_seal import seal_all
from tests.conftest import NOW_MS
from tests.samples.questions import Pairs, questions

AUDITOR = Actor("auditor", is_auditor=True)
BASE = "https://s.example/fhir"
HOUR_MS = 3_600_000

#: At each hour from the standing clock's on, another.
EVENTS = (
    Event(NOW_MS, "create", "committed", "vendor", token_id="t1", request_id="r1", address="192.0.2.7",
          type="Appointment", written=("Appointment/a1/_history/1", "Slot/s1/_history/2"), patients=("p1",)),
    Event(NOW_MS + HOUR_MS, "read", "200", "vendor-2", type="Patient", id="p1", patients=("p1",)),
    Event(NOW_MS + 2 * HOUR_MS, "search-type", "200", "vendor", type="Patient", query="Patient?family=x",
          patients=("p1", "p2")),
    Event(NOW_MS + 3 * HOUR_MS, "delete", "403", "vendor", "899700218896", type="Slot", id="s1"),
    Event(NOW_MS + 4 * HOUR_MS, "message-received", "AE", "feed:hospital", request_id="M1", name="S12"),
    Event(NOW_MS + 5 * HOUR_MS, "read", "401"),
)  # fmt: skip


@pytest.fixture(autouse=True)
def trail(services: Services) -> None:
    assert services.journal is not None
    for event in EVENTS:
        services.journal.append(encode(event))
    seal_all(services.store, services.settings.journal_folder, b"")


def bundle(services: Services, asked: Pairs, actor: Actor = AUDITOR) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        search(services.store, actor, parse("AuditEvent", asked, strict=True, base_url=BASE), BASE)
    )
    return found


def ids(services: Services, *asked: tuple[str, str], actor: Actor = AUDITOR) -> str:
    """The numbers of the events found, in their order."""
    return "".join(entry["resource"]["id"] for entry in bundle(services, list(asked), actor).get("entry", ()))


@pytest.mark.parametrize("code", [*parameters("AuditEvent")])
def test_every_parameter_finds_the_events_it_should(services: Services, code: str) -> None:
    parameter = parameters("AuditEvent")[code]
    told = [audit_event(number, event) for number, event in enumerate(EVENTS, start=1)]
    for one in told:
        for question in questions(parameter, one):
            expected = "".join(other["id"] for other in told if question.is_met(other))

            assert expected == ids(services, *question.asked), question.asked


ASKED: tuple[tuple[str, str, str], ...] = (
    ("_id", "2", "2"),
    ("_id", "2,3", "23"),
    ("_id", "nonsense", ""),
    ("_id", "9" * 30, ""),
    ("date", "2026-03-02", "123456"),
    ("date", "ge2026-03-02T09:00:00Z", "3456"),
    ("date", "lt2026-03-02T09:00:00Z", "12"),
    ("date", "sa2026-03-02T11:00:00Z", "6"),
    ("date", "ne2026-03-02T08:00:00.000Z", "13456"),
    ("_lastUpdated", "ge2026-03-02T11:00:00Z", "56"),
    ("patient", "Patient/p1", "123"),
    ("patient", "p2", "3"),
    ("patient", "p1,p2", "123"),
    ("entity", "Appointment/a1", "1"),
    ("entity", "Slot/s1", "14"),
    ("entity", "s1", "14"),
    ("altid", "vendor", "134"),
    ("altid", "VENDOR", ""),
    ("agent:identifier", "vendor-2", "2"),
    ("agent:identifier", "899700218896", "4"),
    ("entity:identifier", "M1", "5"),
    ("action", "D", "4"),
    ("action:not", "D", "12356"),
    ("outcome", "4", "456"),
    ("type", "rest", "12346"),
    ("subtype", "S12", "5"),
    ("subtype", "http://hl7.org/fhir/restful-interaction|read", "26"),
    ("address", "192.0.2", "1"),
    ("policy", "urn:ietf:params:oauth:jti:t1", "1"),
    ("altid:missing", "true", "6"),
)


@pytest.mark.parametrize(("name", "value", "expected"), ASKED)
def test_what_is_asked_is_found(services: Services, name: str, value: str, expected: str) -> None:
    assert expected == ids(services, (name, value))


def test_several_criteria_must_all_be_met(services: Services) -> None:
    assert "3" == ids(services, ("altid", "vendor"), ("patient", "p1"), ("date", "ge2026-03-02T08:00:00Z"))


def test_nobody_else_finds_any(services: Services) -> None:
    for actor in (SYSTEM, Actor("vendor"), Actor("coordinator", is_territory=True)):
        assert "" == ids(services, actor=actor)
        with pytest.raises(FhirError) as refused:
            read(services.store, actor, "AuditEvent", "1")
        assert Category.NOT_FOUND is refused.value.category


def test_an_event_is_read_by_its_number(services: Services) -> None:
    found = read(services.store, AUDITOR, "AuditEvent", "2")

    assert audit_event(2, EVENTS[1]) == json.loads(found.body)
    assert found == vread(services.store, AUDITOR, "AuditEvent", "2", 1)


@pytest.mark.parametrize("id_", ["7", "0", "02", "abc", "-1", "9" * 40])
def test_what_is_no_event_is_not_found(services: Services, id_: str) -> None:
    with pytest.raises(FhirError) as refused:
        read(services.store, AUDITOR, "AuditEvent", id_)

    assert Category.NOT_FOUND is refused.value.category


@pytest.mark.parametrize(("sort", "expected"), [("date", "123456"), ("-date", "654321"), ("-_lastUpdated", "654321")])
def test_pages_follow_one_another_in_either_order(services: Services, sort: str, expected: str) -> None:
    found, asked = "", [("_sort", sort), ("_count", "2")]
    for _ in range(4):
        page = bundle(services, asked)
        found += "".join(entry["resource"]["id"] for entry in page["entry"])
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            break
        asked = [*asked[:2], ("_cursor", following[0].partition("_cursor=")[2])]

    assert expected == found


def test_a_page_ends_where_it_has_looked_through_enough(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_trail, "STEPS", 2)
    monkeypatch.setattr(audit_trail, "_AT_ONCE", 1)
    found, asked, pages = "", [("action", "D")], 0
    while True:
        page = bundle(services, asked)
        pages += 1
        found += "".join(entry["resource"]["id"] for entry in page.get("entry", ()))
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            break
        asked = [asked[0], ("_cursor", following[0].partition("_cursor=")[2])]

    assert ("4", 3) == (found, pages)


def test_another_auditors_cursor_does_not_open(services: Services) -> None:
    first = bundle(services, [("_count", "1")])
    following = next(link["url"] for link in first["link"] if link["relation"] == "next").partition("_cursor=")[2]

    with pytest.raises(FhirError) as refused:
        bundle(services, [("_count", "1"), ("_cursor", following)], replace(AUDITOR, owner="auditor-2"))

    assert Category.VALUE is refused.value.category


def test_matches_are_counted_when_it_is_asked_for(services: Services) -> None:
    assert 3 == bundle(services, [("patient", "p1"), ("_summary", "count")])["total"]
    assert 3 == bundle(services, [("patient", "p1"), ("_count", "1"), ("_total", "accurate")])["total"]
    assert 3 == bundle(services, [("patient", "p1")])["total"]


def test_too_many_events_are_not_counted(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_trail, "_MOST_COUNTED", 3)
    monkeypatch.setattr(audit_trail, "_AT_ONCE", 1)

    with pytest.raises(FhirError) as refused:
        bundle(services, [("_summary", "count")])

    assert Category.TOO_COSTLY is refused.value.category


def test_it_is_sorted_by_time_alone(services: Services) -> None:
    with pytest.raises(FhirError) as refused:
        bundle(services, [("_sort", "outcome")])

    assert Category.INVALID is refused.value.category


@pytest.mark.parametrize(
    ("type_name", "name", "value"),
    [
        ("AuditEvent", "_include", "AuditEvent:patient"),
        ("Patient", "_revinclude", "AuditEvent:patient"),
        ("Patient", "_has:AuditEvent:patient:action", "R"),
    ],
)
def test_the_trail_comes_along_with_nothing(type_name: str, name: str, value: str) -> None:
    with pytest.raises(FhirError) as refused:
        parse(type_name, [(name, value)], base_url=BASE)

    assert Category.INVALID is refused.value.category
