"""Batches: each entry on its own, on every store."""

import json
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions import bundle_look
from fhir_server.interactions.create import create
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM
from tests import builders
from tests.contract.bundles import BASE, MRN, RIVAL, VENDOR, batch, entry, identified, only, statuses


def test_each_entry_has_its_own_status(services: Services) -> None:
    """Behaviour 57: what fails does not keep the others from being done."""
    kept = create(services.store, VENDOR, "Patient", builders.patient()).id

    answers = batch(
        services,
        entry("POST", "Patient", builders.patient()),
        entry("GET", "Patient/unknown"),
        entry("POST", "Patient", builders.patient(gender="x")),
        entry("PUT", f"Patient/{kept}", builders.patient(id=kept, gender="male"), ifMatch='W/"7"'),
        entry("POST", "Nonsense", builders.patient()),
        entry("DELETE", f"Patient/{kept}"),
        entry("GET", f"Patient/{kept}"),
        entry("POST", "Slot", builders.slot()),
        entry("GET", f"Patient?identifier={MRN}|none"),
    )

    assert statuses(answers) == [201, 404, 400, 412, 404, 204, 410, 201, 200]
    issue = answers[2]["response"]["outcome"]["issue"][0]
    assert (issue["code"], issue["expression"]) == ("code-invalid", ["Patient.gender"])
    assert answers[8]["resource"]["total"] == 0


def test_scopes_are_asked_for_each_entry(services: Services) -> None:
    answers = batch(
        services,
        entry("POST", "Patient", builders.patient()),
        entry("POST", "Slot", builders.slot()),
        entry("PUT", "Schedule/new", builders.schedule(id="new")),
        entry("GET", "Slot"),
        entry("GET", "Patient?organization.name=x"),
        check=only("Patient.cs", "Schedule.u", "Slot.s"),
    )

    assert statuses(answers) == [201, 403, 403, 200, 403]
    assert answers[1]["response"]["outcome"]["issue"][0]["code"] == "forbidden"


def test_what_another_partner_has_is_not_found(services: Services) -> None:
    kept = create(services.store, VENDOR, "Patient", builders.patient()).id

    answers = batch(
        services,
        entry("GET", f"Patient/{kept}"),
        entry("DELETE", f"Patient/{kept}"),
        entry("GET", "Patient"),
        entry("GET", f"Patient/{kept}/_history"),
        entry("GET", "Patient/_history"),
        actor=RIVAL,
    )

    assert statuses(answers) == [404, 404, 200, 404, 200]
    assert (answers[2]["resource"]["total"], answers[4]["resource"]["total"]) == (0, 0)


def test_a_batch_sent_again_makes_no_versions(services: Services) -> None:
    """Behaviour 59."""
    entries = (
        entry("PUT", "Schedule/csnp", builders.schedule(id="csnp")),
        entry("PUT", f"Patient?identifier={MRN}|a", builders.patient(**identified("a"))),
    )

    first, second = batch(services, *entries), batch(services, *entries)

    assert (statuses(first), statuses(second)) == ([201, 201], [200, 200])
    assert [one["response"]["etag"] for one in second] == ['W/"1"', 'W/"1"']


def test_reads_answer_conditions_versions_and_histories(services: Services) -> None:
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(), None)
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(active=False), None)

    answers = batch(
        services,
        entry("GET", "Schedule/csnp", ifNoneMatch='W/"2"'),
        entry("GET", "Schedule/csnp", ifNoneMatch='W/"1"'),
        entry("GET", "Schedule/csnp", ifModifiedSince="2026-03-02T07:00:00.000Z"),
        entry("GET", "Schedule/csnp", ifModifiedSince="2026-03-02T06:59:59.999Z"),
        entry("GET", "Schedule/csnp/_history/1"),
        entry("GET", "Schedule/csnp/_history?_count=1"),
        entry("GET", "Schedule/_history"),
        entry("GET", "_history"),
        entry("HEAD", "Schedule/csnp"),
        entry("GET", f"{BASE}/Schedule/csnp"),
    )

    assert statuses(answers) == [304, 200, 304, 200, 200, 200, 200, 200, 200, 200]
    assert ["resource" in one for one in answers] == [False, True, False, True, True, True, True, True, False, True]
    assert answers[4]["resource"]["meta"]["versionId"] == "1"
    assert [len(answers[number]["resource"]["entry"]) for number in (5, 6, 7)] == [1, 2, 2]


def test_a_system_history_shows_only_types_that_the_scopes_let_search(services: Services) -> None:
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(), None)
    create(services.store, VENDOR, "Patient", builders.patient())

    (answer,) = batch(services, entry("GET", "_history"), check=only("Schedule.s"))

    assert [one["resource"]["resourceType"] for one in answer["resource"]["entry"]] == ["Schedule"]


def test_includes_that_the_scopes_do_not_reach_are_left_out(services: Services) -> None:
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(), None)
    create(services.store, SYSTEM, "Slot", builders.slot())
    search = entry("GET", "Slot?_include=Slot:schedule")

    (allowed,) = batch(services, search, check=only("Slot.s", "Schedule.r"))
    (refused,) = batch(services, search, check=only("Slot.s"))

    def modes(answer: dict[str, Any]) -> list[str]:
        return [one["search"]["mode"] for one in answer["resource"]["entry"]]

    assert (modes(allowed), modes(refused)) == (["match", "include"], ["match", "outcome"])


def test_a_fault_of_the_server_is_one_entrys(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """What entries before it did is told; nothing of the fault's text is."""

    def fail(*_arguments: Any) -> None:
        raise ZeroDivisionError("ESSAI Camille")

    monkeypatch.setattr(bundle_look, "read", fail)
    answers = batch(services, entry("POST", "Patient", builders.patient()), entry("GET", "Patient/1"))

    assert statuses(answers) == [201, 500]
    assert "ESSAI" not in json.dumps(answers[1])


def test_two_bookings_of_one_slot_in_a_batch(services: Services) -> None:
    slot = create(services.store, SYSTEM, "Slot", builders.slot()).id
    booking = entry("POST", "Appointment", builders.appointment(slot))

    assert statuses(batch(services, booking, booking)) == [201, 409]
    assert json.loads(read(services.store, SYSTEM, "Slot", slot).body)["status"] == "busy"
