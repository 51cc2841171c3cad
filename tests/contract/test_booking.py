"""Booking is a claim, on every store: taken, given back and refused as one change."""

import json
from itertools import pairwise
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.scheduling.slots import CAPACITY
from fhir_server.storage.resources import Stored
from tests import builders
from tests.conftest import StandingClock

VENDOR = Actor("vendor")
RIVAL = Actor("rival")
QUARTERS = ("09:00", "09:15", "09:30", "09:45")


@pytest.fixture
def slots(services: Services) -> list[str]:
    """Three quarters of an hour in a row."""
    ids = []
    for start, end in pairwise(QUARTERS):
        times = {"start": f"2026-03-03T{start}:00+01:00", "end": f"2026-03-03T{end}:00+01:00"}
        ids.append(create(services.store, SYSTEM, "Slot", builders.slot(**times)).id)
    return ids


def _status(services: Services, slot_id: str) -> str:
    return str(json.loads(read(services.store, SYSTEM, "Slot", slot_id).body)["status"])


def _book(services: Services, *slot_ids: str, actor: Actor = VENDOR, **elements: Any) -> Stored:
    return create(services.store, actor, "Appointment", builders.appointment(*slot_ids, **elements))


def _refusal(call: Any, *arguments: Any, **named: Any) -> tuple[Category, str | None]:
    with pytest.raises(FhirError) as caught:
        call(*arguments, **named)
    return caught.value.category, caught.value.issues[0].expression


def _cancel(services: Services, booked: Stored, actor: Actor = VENDOR) -> Stored:
    content = booked.content() | builders.CANCELLED
    return update(services.store, actor, "Appointment", booked.id, content, booked.version)[0]


def test_a_booking_takes_its_slot_and_only_once(services: Services, slots: list[str]) -> None:
    _book(services, slots[0])

    assert _status(services, slots[0]) == "busy"
    assert _refusal(_book, services, slots[0], actor=RIVAL) == (Category.CONFLICT, "Appointment.slot[0]")
    assert _status(services, slots[1]) == "free"


def test_cancelling_gives_the_slot_back_to_the_next(services: Services, slots: list[str]) -> None:
    booked = _book(services, slots[0])
    _cancel(services, booked)

    assert _status(services, slots[0]) == "free"
    assert _book(services, slots[0], actor=RIVAL).version == 1


@pytest.mark.parametrize("status", ["noshow", "entered-in-error"])
def test_what_holds_no_slot_gives_it_back(services: Services, slots: list[str], status: str) -> None:
    booked = _book(services, slots[0])
    update(services.store, VENDOR, "Appointment", booked.id, booked.content() | {"status": status}, 1)

    assert _status(services, slots[0]) == "free"


def test_arriving_keeps_the_slot(services: Services, slots: list[str]) -> None:
    booked = _book(services, slots[0])
    update(services.store, VENDOR, "Appointment", booked.id, booked.content() | {"status": "arrived"}, 1)

    assert _status(services, slots[0]) == "busy"


def test_a_proposal_takes_nothing(services: Services, slots: list[str]) -> None:
    _book(services, slots[0], status="proposed")

    assert _status(services, slots[0]) == "free"


def test_several_slots_are_taken_all_or_none(services: Services, slots: list[str]) -> None:
    _book(services, slots[1], start="2026-03-03T09:15:00+01:00", end="2026-03-03T09:30:00+01:00")

    refusal = _refusal(_book, services, *slots, end="2026-03-03T09:45:00+01:00", actor=RIVAL)

    assert refusal == (Category.CONFLICT, "Appointment.slot[1]")
    assert [_status(services, slot_id) for slot_id in slots] == ["free", "busy", "free"]


def test_moving_takes_the_new_slot_and_frees_the_old_in_one_change(services: Services, slots: list[str]) -> None:
    booked = _book(services, slots[0])
    moved = builders.appointment(slots[2], start="2026-03-03T09:30:00+01:00", end="2026-03-03T09:45:00+01:00")
    update(services.store, VENDOR, "Appointment", booked.id, moved, 1)

    assert [_status(services, slot_id) for slot_id in slots] == ["free", "free", "busy"]


def test_a_move_to_a_taken_slot_changes_nothing(services: Services, slots: list[str]) -> None:
    booked = _book(services, slots[0])
    times = {"start": "2026-03-03T09:30:00+01:00", "end": "2026-03-03T09:45:00+01:00"}
    _book(services, slots[2], actor=RIVAL, **times)

    moved = builders.appointment(slots[2], **times)
    refusal = _refusal(update, services.store, VENDOR, "Appointment", booked.id, moved, 1)

    assert refusal == (Category.CONFLICT, "Appointment.slot[0]")
    assert read(services.store, VENDOR, "Appointment", booked.id).version == 1
    assert _status(services, slots[0]) == "busy"


def test_a_slot_with_capacity_takes_that_many(services: Services) -> None:
    roomy = builders.slot(extension=[{"url": CAPACITY, "valueInteger": 2}])
    slot_id = create(services.store, SYSTEM, "Slot", roomy).id

    _book(services, slot_id)
    assert _status(services, slot_id) == "free"
    _book(services, slot_id, actor=RIVAL)
    assert _status(services, slot_id) == "busy"
    assert _refusal(_book, services, slot_id)[0] is Category.CONFLICT


@pytest.mark.parametrize("status", ["busy", "busy-unavailable", "busy-tentative", "entered-in-error"])
def test_only_a_free_slot_is_booked(services: Services, status: str) -> None:
    slot_id = create(services.store, SYSTEM, "Slot", builders.slot(status=status)).id

    assert _refusal(_book, services, slot_id) == (Category.CONFLICT, "Appointment.slot[0]")


def test_what_is_wrong_with_the_slots_is_told(services: Services, slots: list[str], clock: StandingClock) -> None:
    late = {"start": "2026-03-03T09:05:00+01:00"}

    assert _refusal(_book, services, "nowhere") == (Category.UNKNOWN_REFERENCE, "Appointment.slot[0]")
    assert _refusal(_book, services, slots[0], **late) == (Category.BUSINESS_RULE, "Appointment.start")
    clock.advance(48 * 3_600_000)
    assert _refusal(_book, services, slots[0]) == (Category.BUSINESS_RULE, "Appointment.slot[0]")


@pytest.mark.parametrize(
    ("elements", "expression"),
    [
        ({"status": "free"}, "Slot.status"),
        ({"status": "busy-unavailable"}, "Slot.status"),
        ({"status": "busy", "start": "2026-03-03T08:45:00+01:00"}, "Slot.start"),
        ({"status": "busy", "schedule": {"reference": "Schedule/other"}}, "Slot.schedule"),
    ],
)
def test_nobody_contradicts_a_booked_slot(
    services: Services, slots: list[str], elements: dict[str, Any], expression: str
) -> None:
    _book(services, slots[0])
    published = builders.slot(end="2026-03-03T09:15:00+01:00", **elements)

    refusal = _refusal(update, services.store, SYSTEM, "Slot", slots[0], published, None)

    assert refusal == (Category.CONFLICT, expression)
    assert _refusal(delete, services.store, SYSTEM, "Slot", slots[0], None)[0] is Category.CONFLICT


def test_an_unbooked_slot_is_its_publishers(services: Services, slots: list[str]) -> None:
    withdrawn = builders.slot(end="2026-03-03T09:15:00+01:00", status="busy-unavailable")
    update(services.store, SYSTEM, "Slot", slots[0], withdrawn, None)
    delete(services.store, SYSTEM, "Slot", slots[1], None)

    assert _status(services, slots[0]) == "busy-unavailable"


def test_a_booking_is_cancelled_not_deleted(services: Services, slots: list[str]) -> None:
    booked = _book(services, slots[0])

    assert _refusal(delete, services.store, VENDOR, "Appointment", booked.id, None)[0] is Category.METHOD_NOT_ALLOWED
    assert _refusal(delete, services.store, SYSTEM, "Appointment", booked.id, None)[0] is Category.CONFLICT
    _cancel(services, booked)
    assert _refusal(delete, services.store, VENDOR, "Appointment", booked.id, None)[0] is Category.METHOD_NOT_ALLOWED
    assert read(services.store, VENDOR, "Appointment", booked.id).content()["status"] == "cancelled"
    delete(services.store, SYSTEM, "Appointment", booked.id, None)
