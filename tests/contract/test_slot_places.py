"""Where slots may be, and which make one appointment: items 5, 6, 9, 13, 14 and 17, on every store."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise, permutations
from typing import Any

import pytest

from fhir_server.bootstrap import Services, build
from fhir_server.interactions.create import create
from fhir_server.interactions.read import read
from fhir_server.interactions.search import search
from fhir_server.interactions.slots_ahead import generate
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.registry.model import Policy
from fhir_server.scheduling.slots import CAPACITY
from fhir_server.search.query import parse
from fhir_server.settings import Settings
from fhir_server.storage.resources import Stored
from fhir_server.validation.gates import validate
from tests import builders
from tests.availability import MONDAYS, schedule
from tests.conftest import StandingClock

AGENDA, VENDOR, RIVAL = Actor("agenda"), Actor("vendor"), Actor("rival")
RULE = (Category.BUSINESS_RULE, ["Slot.start"])


@pytest.fixture
def strict(settings: Settings, clock: StandingClock) -> Iterator[Services]:
    """A territory where a patient has one booking of a service at a time."""
    built = build(replace(settings, one_booking_at_a_time=True), clock=clock, pool_size=4)
    yield built
    built.close()


def _at(start: str, end: str) -> dict[str, str]:
    return {"start": f"2026-03-03T{start}:00+01:00", "end": f"2026-03-03T{end}:00+01:00"}


def _publish(services: Services, start: str, end: str, actor: Actor = AGENDA, **elements: Any) -> str:
    return create(services.store, actor, "Slot", builders.slot(**_at(start, end), **elements)).id


def _book(services: Services, *ids: str, actor: Actor = VENDOR, **elements: Any) -> Stored:
    return create(services.store, actor, "Appointment", builders.appointment(*ids, **elements))


def _refused(call: Any, *arguments: Any, **named: Any) -> tuple[Category, list[str | None]]:
    with pytest.raises(FhirError) as caught:
        call(*arguments, **named)
    return caught.value.category, [issue.expression for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("start", "end", "elements", "is_refused"),
    [
        ("09:10", "09:20", {}, True),
        ("08:50", "09:20", {}, True),
        ("09:05", "09:10", {"status": "busy"}, True),
        ("09:00", "09:15", {}, False),
        ("09:15", "09:30", {}, False),
        ("08:45", "09:00", {}, False),
        ("09:10", "09:20", {"schedule": {"reference": "Schedule/other"}}, False),
        ("09:10", "09:20", {"status": "busy-unavailable"}, False),
        ("09:10", "09:20", {"status": "entered-in-error"}, False),
    ],
)
def test_5_slots_of_one_schedule_do_not_cross(
    services: Services, start: str, end: str, elements: dict[str, Any], is_refused: bool
) -> None:
    _publish(services, "09:00", "09:15")
    if is_refused:
        assert _refused(_publish, services, start, end, **elements) == RULE
    else:
        assert _publish(services, start, end, **elements)


def test_5_a_slot_is_not_moved_across_another_and_what_is_withdrawn_is_in_nobodys_way(services: Services) -> None:
    first, second = _publish(services, "09:00", "09:15"), _publish(services, "09:15", "09:30")
    put = (update, services.store, AGENDA, "Slot", second)

    assert _refused(*put, builders.slot(**_at("09:10", "09:25")), None) == RULE
    update(
        services.store, AGENDA, "Slot", first, builders.slot(status="busy-unavailable", **_at("09:00", "09:15")), None
    )
    assert put[0](*put[1:], builders.slot(**_at("09:10", "09:25")), None)[0].version == 2
    back = builders.slot(**_at("09:00", "09:15"))
    assert _refused(update, services.store, AGENDA, "Slot", first, back, None) == RULE


def test_5_a_slot_lies_within_the_horizon_of_its_schedule(services: Services) -> None:
    horizon = {"planningHorizon": {"start": "2026-03-03", "end": "2026-03-04"}}
    update(services.store, AGENDA, "Schedule", "csnp", builders.schedule(id="csnp", **horizon), None)

    assert _publish(services, "23:45", "23:59")
    for day in ("2026-03-02", "2026-03-05"):
        slot = builders.slot(start=f"{day}T09:00:00+01:00", end=f"{day}T09:15:00+01:00")
        assert _refused(create, services.store, AGENDA, "Slot", slot) == RULE


def test_5_a_slot_ends_after_it_begins(services: Services) -> None:
    assert _refused(validate, builders.slot(**_at("09:15", "09:15")), "Slot")[0] is Category.BUSINESS_RULE


def test_5_a_slot_by_hand_comes_before_a_free_one_of_a_rota(services: Services) -> None:
    update(services.store, AGENDA, "Schedule", "a", schedule(MONDAYS) | {"id": "a"}, None)
    generate(services.store, "a", horizon_days=14)
    at = {
        "schedule": {"reference": "Schedule/a"},
        "start": "2026-03-09T08:10:00+01:00",
        "end": "2026-03-09T08:25:00+01:00",
    }
    times = {"start": "2026-03-09T08:00:00+01:00", "end": "2026-03-09T08:20:00+01:00"}

    created = create(services.store, AGENDA, "Slot", builders.slot(**at))
    update(
        services.store,
        AGENDA,
        "Slot",
        created.id,
        builders.slot(
            **at,
        )
        | {"status": "entered-in-error"},
        None,
    )
    _book(services, "a-20260309T0700Z", **times)
    assert _refused(create, services.store, AGENDA, "Slot", builders.slot(**at)) == RULE


def test_9_a_slot_has_as_many_seats_as_it_says(services: Services) -> None:
    slot_id = _publish(services, "09:00", "09:15", extension=[{"url": CAPACITY, "valueInteger": 3}])
    for number in range(3):
        assert read(services.store, VENDOR, "Slot", slot_id).content()["status"] == "free"
        _book(services, slot_id, comment=str(number))

    assert read(services.store, VENDOR, "Slot", slot_id).content()["status"] == "busy"
    assert _refused(_book, services, slot_id) == (Category.CONFLICT, ["Appointment.slot[0]"])


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_13_several_slots_are_one_row_in_whatever_order_they_are_named(
    services: Services, order: tuple[int, ...]
) -> None:
    times = [("09:00", "09:15"), ("09:15", "09:30"), ("09:30", "09:45")]
    ids = [_publish(services, *one) for one in times]

    assert _book(services, *(ids[number] for number in order), **_at("09:00", "09:45")).version == 1


@pytest.mark.parametrize(
    ("start", "elements"),
    [
        ("09:30", {}),
        ("09:00", {}),
        ("09:15", {"schedule": {"reference": "Schedule/other"}}),
        ("09:15", {"serviceType": [{"coding": [{"system": "urn:s", "code": "a"}]}]}),
    ],
)
def test_13_slots_that_are_no_row_are_not_one_appointment(
    services: Services, start: str, elements: dict[str, Any]
) -> None:
    end = f"{start[:3]}{int(start[3:]) + 15}"
    ids = [_publish(services, "09:00", "09:15"), _publish(services, start, end, **elements)]

    refused = _refused(_book, services, *ids, **_at("09:00", end))

    assert refused == (Category.BUSINESS_RULE, ["Appointment.slot[1]"])
    assert [read(services.store, VENDOR, "Slot", id_).content()["status"] for id_ in ids] == ["free", "free"]


def test_13_who_names_slots_in_opposite_orders_never_waits_for_the_other(services: Services) -> None:
    rounds = 12
    clock = [f"{9 + quarter // 4:02}:{quarter % 4 * 15:02}" for quarter in range(2 * rounds + 1)]
    ids = [_publish(services, *times) for times in pairwise(clock)]
    start = threading.Barrier(2)

    def book(is_turned: bool) -> Counter[str]:
        found: Counter[str] = Counter()
        for first in range(0, 2 * rounds, 2):
            row, at = ids[first : first + 2], _at(clock[first], clock[first + 2])
            start.wait()
            try:
                _book(services, *(row[::-1] if is_turned else row), actor=RIVAL if is_turned else VENDOR, **at)
                found["booked"] += 1
            except FhirError as error:
                found[error.category.name] += 1
        return found

    with ThreadPoolExecutor(2) as pool:
        found = sum(pool.map(book, (False, True)), Counter[str]())

    assert found == {"booked": rounds, "CONFLICT": rounds}
    assert all(read(services.store, VENDOR, "Slot", id_).content()["status"] == "busy" for id_ in ids)


def test_14_an_appointment_has_the_times_of_its_slots(services: Services) -> None:
    ids = [_publish(services, "09:00", "09:15"), _publish(services, "09:15", "09:30")]

    short, late = _at("09:00", "09:15"), _at("09:05", "09:30")
    assert _refused(_book, services, *ids, **short) == (Category.BUSINESS_RULE, ["Appointment.end"])
    assert _refused(_book, services, *ids, **late) == (Category.BUSINESS_RULE, ["Appointment.start"])


def test_17_a_patient_is_at_one_place_where_the_territory_says_so(services: Services, strict: Services) -> None:
    one, other = ({"serviceType": [{"coding": [{"system": "urn:s", "code": code}]}]} for code in "ab")
    first = _book(strict, **one, **_at("09:00", "09:15"))
    booking = {**one, **_at("09:10", "09:25")}

    assert _refused(_book, strict, **booking) == (Category.CONFLICT, ["Appointment.start"])
    assert _refused(_book, strict, actor=RIVAL, **booking)[0] is Category.CONFLICT
    assert _book(strict, **one, **_at("09:15", "09:30"))
    assert _book(strict, **other, **_at("09:00", "09:15"))
    somebody = [{"actor": {"reference": "Patient/p2"}, "status": "accepted"}]
    assert _book(strict, **booking, participant=somebody)
    assert update(strict.store, VENDOR, "Appointment", first.id, first.content() | {"comment": "x"}, 1)[0].version == 2
    assert _book(services, **booking)


def test_17_a_cancelled_booking_is_no_booking(strict: Services) -> None:
    first = _book(strict)
    update(strict.store, VENDOR, "Appointment", first.id, first.content() | builders.CANCELLED, 1)

    assert _book(strict).version == 1


def test_2_the_window_of_a_partners_search_is_bounded_where_the_territory_says_so(services: Services) -> None:
    bounded = replace(services.store, policy=Policy(slot_window_days=7))
    asked = [("start", "ge2026-03-03"), ("start", "lt2026-03-20")]

    for pairs in (asked, asked[:1], []):
        assert _refused(search, bounded, VENDOR, parse("Slot", pairs), "") == (Category.TOO_COSTLY, ["start"])
        assert search(bounded, Actor("coordinator", is_territory=True), parse("Slot", pairs), "")
        assert search(services.store, VENDOR, parse("Slot", pairs), "")
    turned = parse("Slot", [("start", "ge2026-03-20"), ("start", "lt2026-03-03")])
    assert _refused(search, services.store, VENDOR, turned, "") == (Category.INVALID, ["start"])
