"""Find, hold and book (IHE ITI-115 to 117) on every store: items 19 to 24 of what a scheduling server must do."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from fhir_server.bootstrap import Services
from fhir_server.interactions.answer import Answer
from fhir_server.interactions.bundle import process
from fhir_server.interactions.create import create
from fhir_server.interactions.lapsed import end_all
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.audiences import R314
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.scheduling.slots import CAPACITY
from fhir_server.storage.ledgers import claim, hold
from tests import builders
from tests.conftest import StandingClock
from tests.contract.bundles import BASE, bundle, entry
from tests.scheduling_calls import GONE, HOLD_SECONDS, Partner, expiry_ms, held, matches, outcome, publish, status_of

LAPSE_MS = HOLD_SECONDS * 1000
PATIENT = builders.patient(identifier=[{"system": "urn:x:p", "value": "1"}])


@pytest.fixture
def vendor(services: Services) -> Partner:
    return Partner(services, Actor("vendor"))


@pytest.fixture
def rival(services: Services) -> Partner:
    return Partner(services, Actor("rival"))


@pytest.fixture
def slot(services: Services) -> str:
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(id="csnp"), None)
    return publish(services)


def refusal(call: Any, *arguments: Any, **named: Any) -> FhirError:
    with pytest.raises(FhirError) as caught:
        call(*arguments, **named)
    return caught.value


def test_item_20_what_is_held_or_booked_is_not_found(services: Services, slot: str, vendor: Partner) -> None:
    [option] = vendor.options()
    assert ("proposed", [{"reference": f"Slot/{slot}"}]) == (option["status"], option["slot"])

    vendor.hold(option["id"])
    assert [] == vendor.options()
    vendor.book_option(option["id"])
    assert [] == vendor.options()
    assert [("information", "not-found")] == outcome(vendor.find())


def test_item_20_an_option_is_held_then_booked(services: Services, slot: str, vendor: Partner) -> None:
    [option] = vendor.options()
    kept = held(vendor.hold(option["id"]))
    booked = vendor.book_option(kept["id"], ("patient-resource", PATIENT), ("comment", "Third floor."))

    found = held(booked)
    assert (200, "booked", "Third floor.") == (booked.status, found["status"], found["comment"])
    assert (kept["id"], "busy") == (found["id"], status_of(services, slot))
    assert {"accepted"} == {one["status"] for one in found["participant"]}
    assert any(one["actor"]["reference"].startswith("Patient/") for one in found["participant"])
    assert [] == services.store.read().execute(select(hold)).all()


def test_item_20_an_option_is_booked_at_once_and_again(services: Services, slot: str, vendor: Partner) -> None:
    [option] = vendor.options()
    first, again = (held(vendor.book_option(option["id"])) for _ in range(2))

    assert (first["id"], first["meta"]) == (again["id"], again["meta"])
    assert "busy" == status_of(services, slot)


@pytest.mark.parametrize("call", ["hold", "book_option"])
@pytest.mark.parametrize(
    "change",
    [
        {"status": "busy-unavailable"},
        {"start": "2026-03-03T10:00:00+01:00", "end": "2026-03-03T10:15:00+01:00"},
        {"meta": {"security": [{"system": R314, "code": "CPTS"}]}},
    ],
    ids=["withdrawn", "moved", "hidden"],
)
def test_item_20_what_changed_meanwhile_is_stale(services: Services, slot: str, call: str, change: Any) -> None:
    public = Partner(services, Actor("vendor", audiences=frozenset({"PUBLIC"})))
    [option] = public.options()
    update(services.store, SYSTEM, "Slot", slot, builders.slot(**change), None)

    assert GONE == outcome(getattr(public, call)(option["id"]).content)


def test_item_20_what_is_over_or_unknown_is_stale(
    slot: str, vendor: Partner, rival: Partner, clock: StandingClock
) -> None:
    [option] = vendor.options()

    assert GONE == outcome(rival.hold(option["id"]).content)
    assert GONE == outcome(vendor.hold("x" * 40).content)
    assert GONE == outcome(vendor.book_option("unknown").content)
    clock.advance(48 * 3_600_000)
    assert GONE == outcome(vendor.hold(option["id"]).content)


def test_item_21_a_hold_is_pending_tentative_and_expires(
    services: Services, slot: str, vendor: Partner, clock: StandingClock
) -> None:
    [option] = vendor.options()
    answer = vendor.hold(option["id"])

    kept = held(answer)
    assert ("pending", {"tentative"}) == (kept["status"], {one["status"] for one in kept["participant"]})
    assert "busy-tentative" == status_of(services, slot)
    assert clock.now_ms + LAPSE_MS == expiry_ms(answer)


def test_item_21_again_is_the_same_hold_and_not_a_longer_one(slot: str, vendor: Partner, clock: StandingClock) -> None:
    [option] = vendor.options()
    first = vendor.hold(option["id"])
    clock.advance(60_000)
    answers = [vendor.hold(option["id"]), vendor.hold(held(first)["id"])]

    assert {json.encode(first.content)} == {json.encode(one.content) for one in answers}
    assert {first.headers["Expires"]} == {one.headers["Expires"] for one in answers}


def test_item_21_another_partner_is_refused(services: Services, slot: str, vendor: Partner, rival: Partner) -> None:
    [option], [other] = vendor.options(), rival.options()
    vendor.hold(option["id"])

    for call in (rival.hold, rival.book_option):
        found = refusal(call, other["id"])
        assert Category.CONFLICT is found.category
        assert ("fatal", "not-found") in [(one.severity, one.category.issue_code) for one in found.issues]
    assert Category.CONFLICT is refusal(create, services.store, rival.actor, "Appointment", _plain(slot)).category
    assert "busy-tentative" == status_of(services, slot)


def test_item_21_seats_are_held_one_by_one(services: Services, vendor: Partner, rival: Partner) -> None:
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(id="csnp"), None)
    roomy = publish(services, extension=[{"url": CAPACITY, "valueInteger": 2}])
    first = held(vendor.hold(vendor.options()[0]["id"]))

    assert "free" == status_of(services, roomy)
    second = held(rival.hold(rival.options()[0]["id"]))
    assert "busy-tentative" == status_of(services, roomy)
    vendor.book_option(first["id"])
    assert "busy-tentative" == status_of(services, roomy)
    rival.book_option(second["id"])
    assert "busy" == status_of(services, roomy)


def test_item_21_two_patients_of_one_partner_get_two_seats(services: Services, vendor: Partner) -> None:
    roomy = publish(services, extension=[{"url": CAPACITY, "valueInteger": 2}])
    for _ in range(2):
        vendor.hold(vendor.options()[0]["id"])

    assert "busy-tentative" == status_of(services, roomy)
    assert 2 == len(services.store.read().execute(select(claim)).all())


def test_item_21_what_a_plain_pending_appointment_holds_is_tentative_without_end(
    services: Services, slot: str, vendor: Partner, clock: StandingClock
) -> None:
    made = create(services.store, vendor.actor, "Appointment", _plain(slot, status="pending"))
    clock.advance(LAPSE_MS)

    assert (0, "busy-tentative") == (end_all(services.store), status_of(services, slot))
    assert "Expires" not in vendor.hold(made.id).headers


def test_item_21_what_was_proposed_by_a_plain_create_is_held(services: Services, slot: str, vendor: Partner) -> None:
    asked = create(services.store, vendor.actor, "Appointment", _plain(slot, status="proposed"))
    answer = vendor.hold(asked.id)

    assert (asked.id, "pending") == (held(answer)["id"], held(answer)["status"])
    assert ("busy-tentative", True) == (status_of(services, slot), "Expires" in answer.headers)
    nowhere = create(services.store, vendor.actor, "Appointment", builders.appointment(status="proposed"))
    assert Category.BUSINESS_RULE is refusal(vendor.hold, nowhere.id).category


def test_item_22_the_clock_ends_a_hold(services: Services, slot: str, vendor: Partner, clock: StandingClock) -> None:
    kept = held(vendor.hold(vendor.options()[0]["id"]))
    clock.advance(LAPSE_MS - 1)
    assert 0 == end_all(services.store)
    clock.advance(1)

    assert 1 == end_all(services.store)
    assert "free" == status_of(services, slot)
    ended = vendor.appointment(kept["id"])
    assert ("cancelled", "hold-lapsed") == (ended["status"], ended["cancelationReason"]["coding"][0]["code"])
    assert GONE == outcome(vendor.book_option(kept["id"]).content)
    assert "free" == status_of(services, slot)


def test_item_22_a_lapsed_hold_is_in_nobodys_way(
    services: Services, slot: str, vendor: Partner, rival: Partner, clock: StandingClock
) -> None:
    kept = held(vendor.hold(vendor.options()[0]["id"]))
    clock.advance(LAPSE_MS)

    assert 1 == create(services.store, rival.actor, "Appointment", _plain(slot)).version
    assert ("cancelled", "busy") == (vendor.appointment(kept["id"])["status"], status_of(services, slot))


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_item_22_a_lapsed_hold_is_in_no_bundles_way(
    services: Services, slot: str, vendor: Partner, clock: StandingClock, kind: str
) -> None:
    vendor.hold(vendor.options()[0]["id"])
    clock.advance(LAPSE_MS)

    sent = bundle(kind, entry("POST", "Appointment", _plain(slot)))
    answer = process(services.store, lambda *_: None, Actor("rival"), sent, BASE)
    assert ["201 Created"] == [one["response"]["status"] for one in answer["entry"]]
    assert "busy" == status_of(services, slot)


def test_item_22_a_lapsed_hold_is_neither_booked_nor_kept(
    services: Services, slot: str, vendor: Partner, clock: StandingClock
) -> None:
    option = vendor.options()[0]["id"]
    kept = held(vendor.hold(option))
    clock.advance(LAPSE_MS)

    assert GONE == outcome(vendor.book_option(kept["id"]).content)
    assert GONE == outcome(vendor.book_option(option).content)
    assert GONE == outcome(vendor.hold(option).content)
    change = kept | {"status": "booked"}
    refused = refusal(update, services.store, vendor.actor, "Appointment", kept["id"], change, 1)
    assert Category.CONFLICT is refused.category
    assert [slot] == [one["slot"][0]["reference"].removeprefix("Slot/") for one in vendor.options()]


def test_item_22_of_an_expiry_and_a_booking_one_wins(
    services: Services, slot: str, vendor: Partner, clock: StandingClock
) -> None:
    """The clock passes the moment while both are at it."""
    for _ in range(8):
        kept = held(vendor.hold(vendor.options()[0]["id"]))
        clock.advance(LAPSE_MS - 1)
        with ThreadPoolExecutor(3) as racers:
            booking = racers.submit(vendor.book_option, kept["id"])
            clock.advance(1)
            ends = [racers.submit(end_all, services.store) for _ in range(2)]
        is_booked = [] == outcome(booking.result().content)

        assert is_booked != (1 == sum(one.result() for one in ends) + end_all(services.store))
        found = vendor.appointment(kept["id"])
        expected = ("booked", "busy") if is_booked else ("cancelled", "free")
        assert expected == (found["status"], status_of(services, slot))
        if is_booked:
            _cancel(vendor, found)


def test_item_22_of_two_who_want_what_lapsed_one_gets_it(
    services: Services, slot: str, vendor: Partner, rival: Partner, clock: StandingClock
) -> None:
    vendor.hold(vendor.options()[0]["id"])
    clock.advance(LAPSE_MS)

    def take(number: int) -> Category | None:
        try:
            create(services.store, Actor(f"racer{number}"), "Appointment", _plain(slot))
        except FhirError as error:
            return error.category
        return None

    with ThreadPoolExecutor(4) as racers:
        assert {None: 1, Category.CONFLICT: 7} == Counter(racers.map(take, range(8)))


def test_item_23_holds_have_a_quota(services: Services, clock: StandingClock) -> None:
    modest = Partner(services, Actor("modest", max_holds=2))
    for _ in range(3):
        publish(services)
    first, second, third = (one["id"] for one in modest.options())
    kept = held(modest.hold(first))
    modest.hold(second)

    refused = refusal(modest.hold, third)
    assert (Category.THROTTLED, str(HOLD_SECONDS)) == (refused.category, refused.headers["Retry-After"])
    assert "pending" == held(modest.hold(first))["status"]
    modest.book_option(kept["id"])
    assert "pending" == held(modest.hold(third))["status"]
    clock.advance(LAPSE_MS)
    assert 2 == len(modest.options())


def test_item_24_exactly_one_of_reference_and_resource(slot: str, vendor: Partner) -> None:
    [option] = vendor.options()
    both = (("appointment-reference", {"reference": f"Appointment/{option['id']}"}), ("appointment-resource", option))

    assert {Category.INVALID} == {refusal(vendor.book, *pairs).category for pairs in ((), both)}


@pytest.mark.parametrize("status", ["booked", "cancelled", "arrived", "noshow", "entered-in-error", "waitlist"])
def test_item_24_a_new_one_is_pending(slot: str, vendor: Partner, status: str) -> None:
    found = refusal(vendor.book, ("appointment-resource", _plain(slot, status=status)))

    assert (400, "Parameters.parameter[0].resource.status") == (
        found.category.http_status,
        found.issues[0].expression,
    )


@pytest.mark.parametrize("status", ["pending", "proposed"])
def test_item_24_a_resource_is_booked(services: Services, slot: str, vendor: Partner, status: str) -> None:
    answer = vendor.book(("appointment-resource", _plain(slot, status=status)))

    found = held(answer)
    assert (201, "booked", "busy") == (answer.status, found["status"], status_of(services, slot))
    assert answer.headers["Location"].endswith(f"/Appointment/{found['id']}/_history/1")


def test_item_24_an_option_is_booked_as_a_resource(services: Services, slot: str, vendor: Partner) -> None:
    [option] = vendor.options(("patient-resource", PATIENT))
    found = held(vendor.book(("appointment-resource", option), ("patient-resource", PATIENT)))

    assert ([{"reference": f"Slot/{slot}"}], "booked") == (found["slot"], found["status"])
    assert found["id"] == held(vendor.book_option(option["id"]))["id"]


def test_item_24_a_slot_is_named(vendor: Partner) -> None:
    found = refusal(vendor.book, ("appointment-resource", builders.appointment(status="pending")))

    assert (Category.BUSINESS_RULE, "Parameters.parameter[0].resource.slot") == (
        found.category,
        found.issues[0].expression,
    )


def test_item_13_several_slots_or_none(services: Services, slot: str, vendor: Partner, rival: Partner) -> None:
    later = publish(services, start="2026-03-03T09:15:00+01:00", end="2026-03-03T09:30:00+01:00")
    both = builders.appointment(slot, later, status="pending", end="2026-03-03T09:30:00+01:00")
    rival.hold(rival.options()[1]["id"])

    assert Category.CONFLICT is refusal(vendor.book, ("appointment-resource", both)).category
    assert ("free", "busy-tentative") == (status_of(services, slot), status_of(services, later))


def test_item_26_a_booking_and_a_hold_are_cancelled(services: Services, slot: str, vendor: Partner) -> None:
    booked = held(vendor.book_option(vendor.options()[0]["id"]))
    first = held(_cancel(vendor, booked))
    again = held(_cancel(vendor, booked))
    assert ("cancelled", "free", first) == (again["status"], status_of(services, slot), again)

    kept = held(vendor.hold(vendor.options()[0]["id"]))
    released = held(vendor.book(("appointment-resource", kept | {"status": "cancelled"})))
    assert ("cancelled", "free") == (released["status"], status_of(services, slot))
    assert released["cancelationReason"]
    assert [] == services.store.read().execute(select(hold)).all()


def test_item_28_a_booking_is_moved_in_one_change(services: Services, slot: str, vendor: Partner) -> None:
    booked = held(vendor.book_option(vendor.options()[0]["id"]))
    times = {"start": "2026-03-03T10:00:00+01:00", "end": "2026-03-03T10:15:00+01:00"}
    other = publish(services, **times)
    moved = held(vendor.book(("appointment-resource", booked | times | {"slot": [{"reference": f"Slot/{other}"}]})))

    assert ("booked", "2") == (moved["status"], moved["meta"]["versionId"])
    assert ("free", "busy") == (status_of(services, slot), status_of(services, other))


def test_item_29_a_change_of_an_old_version_is_refused(slot: str, vendor: Partner) -> None:
    booked = held(vendor.book_option(vendor.options()[0]["id"]))
    vendor.book(("appointment-resource", booked | {"comment": "once"}))

    stale = refusal(vendor.book, ("appointment-resource", booked | {"comment": "twice"}))
    assert Category.VERSION_CONFLICT is stale.category
    current = vendor.appointment(booked["id"]) | {"comment": "thrice"}
    assert Category.VERSION_CONFLICT is refusal(vendor.book, ("appointment-resource", current), if_match=1).category


def test_what_is_anothers_is_not_there(slot: str, vendor: Partner, rival: Partner) -> None:
    booked = held(vendor.book_option(vendor.options()[0]["id"]))

    assert GONE == outcome(rival.book_option(booked["id"]).content)
    assert GONE == outcome(rival.book(("appointment-resource", booked | {"comment": "mine"})).content)
    assert GONE == outcome(_cancel(rival, booked).content)
    assert "booked" == vendor.appointment(booked["id"])["status"]


def test_item_15_a_key_is_answered_as_before(services: Services, vendor: Partner) -> None:
    roomy = publish(services, extension=[{"url": CAPACITY, "valueInteger": 3}])
    calls = [vendor.book(("appointment-resource", _plain(roomy, status="pending")), key="k-1") for _ in range(2)]

    assert [False, True] == [one.is_repeated for one in calls]
    assert held(calls[0]) == held(calls[1])
    assert (calls[0].status, calls[0].headers) == (calls[1].status, calls[1].headers)
    assert 1 == len(services.store.read().execute(select(claim)).all())


def test_item_15_a_booking_is_named_by_the_partners_identifier(services: Services, vendor: Partner) -> None:
    roomy = publish(services, extension=[{"url": CAPACITY, "valueInteger": 3}])
    named = _plain(roomy, status="pending", identifier=[{"system": "urn:x:bookings", "value": "B-1"}])
    partner = Partner(services, Actor("vendor", origin="fhir"))
    first, again = (partner.book(("appointment-resource", named), ("patient-resource", PATIENT)) for _ in range(2))

    assert (201, 200, held(first)) == (first.status, again.status, held(again))
    other = refusal(partner.book, ("appointment-resource", named | {"comment": "Another."}))
    assert Category.DUPLICATE is other.category
    assert 1 == len(services.store.read().execute(select(claim)).all())


def test_a_known_patient_is_not_made_again(services: Services, vendor: Partner) -> None:
    for _ in range(2):
        publish(services)
    first, second = (held(vendor.book_option(one["id"], ("patient-resource", PATIENT))) for one in vendor.options())

    assert _patients(first) == _patients(second) != set()
    [patient] = _patients(first)
    stored = read(services.store, vendor.actor, "Patient", patient.removeprefix("Patient/")).content()
    assert PATIENT["name"] == stored["name"]


def _plain(slot_id: str, **elements: Any) -> dict[str, Any]:
    return builders.appointment(slot_id, **elements)


def _cancel(partner: Partner, booked: dict[str, Any]) -> Answer:
    change = {"status": "cancelled", "cancelationReason": {"text": "Better."}}
    whatever_version = {name: value for name, value in booked.items() if name != "meta"}
    return partner.book(("appointment-resource", whatever_version | change))


def _patients(appointment: dict[str, Any]) -> set[str]:
    actors = {one["actor"]["reference"] for one in appointment["participant"] if "actor" in one}
    return {actor for actor in actors if actor.startswith("Patient/")}


def test_matches_of_an_answer_are_its_own(vendor: Partner, slot: str) -> None:
    assert 1 == len(matches(vendor.find()))
