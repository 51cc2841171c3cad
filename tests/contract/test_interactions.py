"""create, read, update, delete and history keep their promises on every store."""

import json
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.history import history
from fhir_server.interactions.read import read, vread
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from tests import builders

VENDOR = Actor("vendor")
RIVAL = Actor("rival")


def _refusal(call: Any, *arguments: Any) -> FhirError:
    with pytest.raises(FhirError) as caught:
        call(*arguments)
    return caught.value


def test_a_created_resource_is_read_back_as_it_was_sent(services: Services) -> None:
    sent = builders.patient(id="ignored", meta={"versionId": "9", "tag": [{"code": "kept"}]})
    stored = create(services.store, VENDOR, "Patient", sent)

    found = json.loads(read(services.store, VENDOR, "Patient", stored.id).body)

    assert {**sent, "id": stored.id, "meta": found["meta"]} == found
    assert found["meta"] == {"versionId": "1", "lastUpdated": "2026-03-02T07:00:00.000Z", "tag": [{"code": "kept"}]}
    assert stored.id != "ignored"


def test_every_update_is_a_version_and_an_unchanged_one_is_none(services: Services) -> None:
    stored = create(services.store, VENDOR, "Patient", builders.patient())

    changed, was_created = update(services.store, VENDOR, "Patient", stored.id, builders.patient(gender="male"), 1)
    same, _ = update(services.store, VENDOR, "Patient", stored.id, builders.patient(gender="male"), None)

    assert (changed.version, was_created, same.version) == (2, False, 2)
    assert json.loads(vread(services.store, VENDOR, "Patient", stored.id, 1).body)["gender"] == "female"


def test_a_stale_version_is_refused(services: Services) -> None:
    stored = create(services.store, VENDOR, "Patient", builders.patient())
    update(services.store, VENDOR, "Patient", stored.id, builders.patient(gender="male"), 1)

    refusal = _refusal(update, services.store, VENDOR, "Patient", stored.id, builders.patient(gender="other"), 1)

    assert refusal.category is Category.VERSION_CONFLICT
    assert refusal.headers["ETag"] == 'W/"2"'


def test_a_put_may_choose_an_id_where_the_type_allows(services: Services) -> None:
    stored, was_created = update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(), None)
    refusal = _refusal(update, services.store, SYSTEM, "Appointment", "mine", builders.appointment(), None)

    assert (stored.id, stored.version, was_created) == ("csnp", 1, True)
    assert refusal.category is Category.METHOD_NOT_ALLOWED


def test_an_appointment_is_only_updated_by_who_read_it(services: Services) -> None:
    stored = create(services.store, VENDOR, "Appointment", builders.appointment())

    refusal = _refusal(update, services.store, VENDOR, "Appointment", stored.id, builders.appointment(), None)

    assert refusal.category is Category.REQUIRED


def test_deleting_leaves_a_version_and_a_put_revives(services: Services) -> None:
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(), None)
    delete(services.store, SYSTEM, "Schedule", "csnp", None)
    delete(services.store, SYSTEM, "Schedule", "csnp", None)
    delete(services.store, SYSTEM, "Schedule", "never", None)

    gone = _refusal(read, services.store, SYSTEM, "Schedule", "csnp")
    deletion = _refusal(vread, services.store, SYSTEM, "Schedule", "csnp", 2)
    revived, was_created = update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(), None)

    assert (gone.category, gone.headers["ETag"]) == (Category.DELETED, 'W/"2"')
    assert deletion.category is Category.DELETED
    assert (revived.version, was_created) == (3, True)
    assert not revived.deleted


def test_another_partners_private_resource_does_not_exist(services: Services) -> None:
    stored = create(services.store, VENDOR, "Patient", builders.patient())

    for call, *arguments in (
        (read, "Patient", stored.id),
        (vread, "Patient", stored.id, 1),
        (update, "Patient", stored.id, builders.patient(), None),
        (delete, "Patient", stored.id, None),
        (history, "Patient", stored.id, (), "http://x/fhir"),
    ):
        assert _refusal(call, services.store, RIVAL, *arguments).category is Category.NOT_FOUND


def test_a_shared_resource_is_seen_by_all_and_changed_by_its_owner(services: Services) -> None:
    update(services.store, VENDOR, "Schedule", "csnp", builders.schedule(), None)

    refusal = _refusal(update, services.store, RIVAL, "Schedule", "csnp", builders.schedule(active=False), None)

    assert read(services.store, RIVAL, "Schedule", "csnp").owner == "vendor"
    assert refusal.category is Category.FORBIDDEN


def test_history_is_newest_first_and_walks_to_its_end(services: Services) -> None:
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(), None)
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(active=False), None)
    delete(services.store, SYSTEM, "Schedule", "csnp", None)

    first = json.loads(history(services.store, SYSTEM, "Schedule", "csnp", [("_count", "2")], "http://x/fhir"))
    link = {one["relation"]: one["url"] for one in first["link"]}["next"]
    pairs = [tuple(pair.split("=")) for pair in link.partition("?")[2].split("&")]
    rest = json.loads(history(services.store, SYSTEM, "Schedule", "csnp", pairs, "http://x/fhir"))

    shown = [(entry["request"]["method"], entry["response"]["status"]) for entry in first["entry"] + rest["entry"]]
    assert shown == [("DELETE", "204 No Content"), ("PUT", "200 OK"), ("PUT", "201 Created")]
    assert ["resource" in entry for entry in first["entry"]] == [False, True]
    assert (first["total"], [one["relation"] for one in rest["link"]]) == (3, ["self"])
