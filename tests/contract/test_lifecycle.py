"""The life of an Appointment: items 25 to 29 and 33 of what a scheduling server must do, on every store."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions import conditional
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.patch import patch
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.patching import json_patch
from fhir_server.scheduling.lifecycle import AGREED, ASKED, NEW, TRANSITIONS
from fhir_server.storage.resources import Stored
from tests import builders
from tests.conftest import StandingClock

VENDOR, RIVAL = Actor("vendor"), Actor("rival")
COORDINATOR = Actor("coordinator", is_territory=True)
FEED = Actor("feed:hospital", is_territory=True, origin="feed:hospital")
REASON = {"cancelationReason": {"text": "Empêchement"}}
DAY_MS = 24 * 3_600_000
LATER = {"start": "2026-03-03T10:00:00+01:00", "end": "2026-03-03T10:15:00+01:00"}


@pytest.fixture
def slots(services: Services) -> list[str]:
    """Two slots, an hour apart."""
    return [create(services.store, SYSTEM, "Slot", builders.slot(**times)).id for times in ({}, LATER)]


def _book(services: Services, *slot_ids: str, actor: Actor = VENDOR, **elements: Any) -> Stored:
    return create(services.store, actor, "Appointment", builders.appointment(*slot_ids, **elements))


def _change(services: Services, stored: Stored, actor: Actor = VENDOR, **elements: Any) -> Stored:
    content = {name: value for name, value in (stored.content() | elements).items() if value is not None}
    return update(services.store, actor, "Appointment", stored.id, content, stored.version)[0]


def _at(services: Services, status: str) -> Stored:
    """An appointment that has come to a status."""
    booked = _book(services)
    return booked if status == "booked" else _change(services, booked, SYSTEM, status=status)


def _refused(call: Any, *arguments: Any, **named: Any) -> tuple[Category, list[str | None]]:
    with pytest.raises(FhirError) as caught:
        call(*arguments, **named)
    return caught.value.category, [issue.expression for issue in caught.value.issues]


def _now(services: Services, stored: Stored) -> Stored:
    return read(services.store, SYSTEM, stored.type, stored.id)


def _status(services: Services, slot_id: str) -> str:
    return str(read(services.store, SYSTEM, "Slot", slot_id).content()["status"])


@pytest.mark.parametrize(("was", "becomes"), sorted(permutations(TRANSITIONS.keys() - {NEW}, 2)))
def test_25_what_an_appointment_may_become(services: Services, was: str, becomes: str) -> None:
    before = _at(services, was)
    after = {"status": becomes} | (REASON if becomes == "cancelled" else {})
    if becomes in TRANSITIONS[was]:
        assert _change(services, before, **after).content()["status"] == becomes
        return

    assert _refused(_change, services, before, **after) == (Category.BUSINESS_RULE, ["Appointment.status"])
    assert _now(services, before).body == before.body


def test_25_the_ends_are_ends_and_all_statuses_have_a_row() -> None:
    ends = {status for status, row in TRANSITIONS.items() if not row}

    assert ends == {"cancelled", "fulfilled", "noshow", "entered-in-error"}
    assert {status for row in TRANSITIONS.values() for status in row} | {NEW} == set(TRANSITIONS)
    assert ASKED | AGREED | ends | {NEW} == set(TRANSITIONS)


@pytest.mark.parametrize("status", ["fulfilled", "cancelled", "noshow", "entered-in-error"])
def test_25_nothing_begins_at_its_end(services: Services, status: str) -> None:
    assert _refused(_book, services, status=status) == (Category.BUSINESS_RULE, ["Appointment.status"])


def test_25_feeds_tell_facts_and_the_territory_is_a_partner(services: Services) -> None:
    ended = _at(services, "cancelled")

    assert _refused(_change, services, ended, COORDINATOR, status="booked")[0] is Category.BUSINESS_RULE
    assert _change(services, ended, FEED, status="fulfilled").content()["status"] == "fulfilled"


@pytest.mark.parametrize("by", ["PUT", "PATCH"])
def test_26_a_cancellation_says_why_and_frees_the_slot(services: Services, slots: list[str], by: str) -> None:
    booked = _book(services, slots[0])

    def cancel(**elements: Any) -> Stored:
        if by == "PUT":
            return _change(services, booked, status="cancelled", **elements)
        steps = [{"op": "add", "path": f"/{name}", "value": value} for name, value in elements.items()]
        steps.append({"op": "replace", "path": "/status", "value": "cancelled"})
        body = json.dumps(steps).encode()
        return patch(services.store, VENDOR, "Appointment", booked.id, lambda it: json_patch.apply(it, body), 1)

    assert _refused(cancel) == (Category.BUSINESS_RULE, ["Appointment.cancelationReason"])
    assert _status(services, slots[0]) == "busy"
    assert cancel(**REASON).version == 2
    assert _status(services, slots[0]) == "free"


def test_26_cancelling_twice_is_cancelling_once(services: Services, slots: list[str]) -> None:
    cancelled = _change(services, _book(services, slots[0]), status="cancelled", **REASON)
    taken = _book(services, slots[0], actor=RIVAL)

    assert _change(services, cancelled, status="cancelled", **REASON).version == cancelled.version
    assert (_status(services, slots[0]), _now(services, taken).version) == ("busy", 1)


def test_26_what_has_begun_is_not_cancelled_but_what_was_only_asked_is(
    services: Services, slots: list[str], clock: StandingClock
) -> None:
    booked, asked = _book(services, slots[0]), _book(services, status="proposed")
    clock.advance(2 * DAY_MS)

    assert _refused(_change, services, booked, status="cancelled", **REASON) == (
        Category.BUSINESS_RULE,
        ["Appointment.status"],
    )
    assert _change(services, asked, status="cancelled", **REASON).version == 2
    assert _change(services, booked, status="noshow").content()["status"] == "noshow"


@pytest.mark.parametrize(
    ("elements", "expressions"),
    [
        ({"comment": "Digicode", "description": "Suivi", "priority": 5}, []),
        ({"serviceType": [{"text": "Autre"}]}, ["serviceType"]),
        ({"created": "2026-03-01", "specialty": [{"text": "x"}], "comment": "y"}, ["created", "specialty"]),
        ({"minutesDuration": 30}, ["minutesDuration"]),
        ({"participant": [{"actor": {"reference": "Patient/p2"}, "status": "accepted"}]}, ["participant"]),
        ({"participant": [{"type": [{"text": "x"}], "status": "accepted"}]}, ["participant"]),
    ],
)
def test_27_what_may_be_amended(
    services: Services, slots: list[str], elements: dict[str, Any], expressions: list[str]
) -> None:
    booked = _book(services, slots[0])
    if not expressions:
        assert _change(services, booked, **elements).version == 2
        return

    expected = [f"Appointment.{name}" for name in expressions]
    assert _refused(_change, services, booked, **elements) == (Category.BUSINESS_RULE, expected)
    assert _now(services, booked).version == 1


def test_27_who_takes_part_stays_and_others_may_come(services: Services) -> None:
    patient, doctor, other = (
        {"actor": {"reference": reference}, "status": "accepted"}
        for reference in ("Patient/p1", "Practitioner/a", "RelatedPerson/r")
    )
    booked = _book(services, participant=[patient, doctor])

    assert _refused(_change, services, booked, participant=[patient]) == (
        Category.BUSINESS_RULE,
        ["Appointment.participant"],
    )
    declined = [patient, doctor | {"status": "declined"}, other]
    assert _change(services, booked, participant=declined).version == 2


def test_27_nothing_of_what_is_over_changes_and_all_of_what_is_asked_may(services: Services) -> None:
    cancelled, asked = _at(services, "cancelled"), _at(services, "pending")

    changed = {"comment": "x", "cancelationReason": {"text": "y"}}
    assert _refused(_change, services, cancelled, **changed) == (
        Category.BUSINESS_RULE,
        ["Appointment.cancelationReason", "Appointment.comment"],
    )
    assert _change(services, asked, serviceType=[{"text": "Autre"}], minutesDuration=20).version == 3


def test_28_a_move_takes_the_new_slot_and_leaves_the_old_or_neither(services: Services, slots: list[str]) -> None:
    booked = _book(services, slots[0])
    place = {"slot": [{"reference": f"Slot/{slots[1]}"}], **LATER}
    taken = _book(services, slots[1], actor=RIVAL, **LATER)

    assert _refused(_change, services, booked, **place) == (Category.CONFLICT, ["Appointment.slot[0]"])
    assert [_status(services, slot_id) for slot_id in slots] == ["busy", "busy"]
    _change(services, taken, RIVAL, status="cancelled", **REASON)
    moved = _change(services, booked, serviceType=[{"text": "Autre"}], **place)
    assert (moved.version, [_status(services, slot_id) for slot_id in slots]) == (2, ["free", "busy"])
    assert _refused(_change, services, moved, status="arrived", minutesDuration=15)[1] == [
        "Appointment.minutesDuration"
    ]


def test_28_the_same_time_in_another_zone_is_no_move(services: Services, slots: list[str]) -> None:
    booked = _book(services, slots[0])
    utc = {"start": "2026-03-03T08:00:00Z", "end": "2026-03-03T08:15:00Z"}

    assert _change(services, booked, status="cancelled", **utc, **REASON).version == 2


def test_29_a_change_names_the_version_it_replaces(services: Services) -> None:
    booked = _book(services)
    changed = booked.content() | {"comment": "x"}

    put = (update, services.store, VENDOR, "Appointment", booked.id, changed)
    assert _refused(*put, None)[0] is Category.REQUIRED
    assert update(*put[1:], 1)[0].version == 2
    with pytest.raises(FhirError) as caught:
        update(*put[1:5], changed | {"comment": "y"}, 1)
    assert (caught.value.category, caught.value.headers) == (Category.VERSION_CONFLICT, {"ETag": 'W/"2"'})


def test_29_an_update_by_identifier_replaces_what_it_finds(services: Services) -> None:
    """GAP, flow 6b: PUT Appointment?identifier=…, without If-Match."""
    named = {"identifier": [{"system": "urn:agenda", "value": "1"}]}
    booked = _book(services, **named)
    asked = (services.store, VENDOR, "Appointment")
    content = booked.content() | {"comment": "x"}
    del content["id"]

    changed, is_new = conditional.update(*asked, content, "identifier=urn:agenda%7C1")

    assert (changed.id, changed.version, is_new) == (booked.id, 2, False)
    stale = _refused(conditional.update, *asked, content | {"comment": "y"}, "identifier=urn:agenda%7C1", 1)
    assert stale[0] is Category.VERSION_CONFLICT
    other = {"serviceType": [{"text": "Autre"}]}
    assert _refused(conditional.update, *asked, content | other, "identifier=urn:agenda%7C1")[1] == [
        "Appointment.serviceType"
    ]


def test_29_of_two_who_cancel_at_once_one_does(services: Services, slots: list[str]) -> None:
    booked, start = _book(services, slots[0]), threading.Barrier(2)

    def cancel(reason: str) -> Category | None:
        start.wait()
        try:
            _change(services, booked, status="cancelled", cancelationReason={"text": reason})
        except FhirError as error:
            return error.category
        return None

    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(cancel, ("a", "b")))

    assert found == {None, Category.VERSION_CONFLICT}
    assert (_now(services, booked).version, _status(services, slots[0])) == (2, "free")


def test_33_a_cancelled_appointment_is_there_to_be_read_and_not_to_be_deleted(services: Services) -> None:
    cancelled = _at(services, "cancelled")

    assert read(services.store, VENDOR, "Appointment", cancelled.id).content()["status"] == "cancelled"
    for actor in (VENDOR, COORDINATOR):
        refused = _refused(delete, services.store, actor, "Appointment", cancelled.id, None)
        assert refused[0] is Category.METHOD_NOT_ALLOWED
