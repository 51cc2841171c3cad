"""The agendas of those whom a hospital's SIU name: slots taken, freed, overbooked and blocked, on both stores."""

from collections.abc import Iterator

import pytest

from adapters.service import build_house
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.settings import Settings
from tests import builders
from tests.contract.siu import DOCTOR, OTHER, PID, Desk, at, open_agenda, sch

VENDOR = Actor("vendor")


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    made = Desk(house)
    open_agenda(made)
    yield made
    house.services.close()


@pytest.fixture
def agenda(desk: Desk) -> Desk:
    """Quarters from nine to ten."""
    for name, start, end in (("q1", "09:00", "09:15"), ("q2", "09:15", "09:30"), ("q3", "09:30", "09:45")):
        desk.publish(name, start, end)
    return desk


def _book_by_fhir(desk: Desk, slot_id: str, start: str, end: str) -> Category | None:
    """How a vendor's booking of a slot is refused; None when it is not."""
    try:
        create(
            desk.house.services.store,
            VENDOR,
            "Appointment",
            builders.appointment(slot_id, start=at(start), end=at(end)),
        )
    except FhirError as error:
        return error.category
    return None


def test_every_slot_that_shares_its_time_is_taken(agenda: Desk) -> None:
    answer = agenda.book("S12", sch("0905", "0920"))

    assert answer.code == "AA"
    assert agenda.slots() == {"q1": "busy", "q2": "busy", "q3": "free"}
    assert agenda.appointment()["slot"] == [{"reference": "Slot/q1"}, {"reference": "Slot/q2"}]
    assert _book_by_fhir(agenda, "q2", "09:15", "09:30") is Category.CONFLICT


def test_a_move_and_a_cancellation_give_slots_back(agenda: Desk) -> None:
    agenda.book("S12", sch("0900", "0915"))
    agenda.book("S13", sch("0930", "0945"))
    moved = agenda.slots()
    agenda.book("S15", sch("0930", "0945"))

    assert moved == {"q1": "free", "q2": "free", "q3": "busy"}
    assert agenda.slots() == {"q1": "free", "q2": "free", "q3": "free"}


@pytest.mark.parametrize("event", ["S15", "S16", "S17", "S26"])
def test_whatever_ends_it_frees_its_slot(agenda: Desk, event: str) -> None:
    agenda.book("S12", sch("0900", "0915"))
    agenda.book(event, sch("0900", "0915", status="Booked"))

    assert agenda.slots()["q1"] == "free"
    assert "slot" not in agenda.appointment()


def test_another_doctor_takes_over_and_the_first_is_free(agenda: Desk) -> None:
    open_agenda(agenda, "other", "10100000029")
    agenda.publish("o1", "09:00", "09:15", "other")
    agenda.book("S12", sch("0900", "0915"))
    agenda.send("S20", sch("0900", "0915"), PID, "RGS|1", f"AIP|1|D|{DOCTOR}", f"AIP|2|A|{OTHER}")

    assert (agenda.slots()["q1"], agenda.slots()["o1"]) == ("free", "busy")


def test_a_slot_published_later_is_taken_at_once(desk: Desk) -> None:
    desk.book("S12", sch("0900", "0915"))
    desk.publish("q1", "09:00", "09:15")
    desk.publish("q2", "09:15", "09:30")

    assert desk.slots() == {"q1": "busy", "q2": "free"}
    assert desk.appointment()["slot"] == [{"reference": "Slot/q1"}]
    assert _book_by_fhir(desk, "q1", "09:00", "09:15") is Category.CONFLICT


def test_a_seat_that_comes_free_goes_to_the_appointment_that_waits(agenda: Desk) -> None:
    agenda.book("S12", sch("0900", "0915", "F1"))
    agenda.book("S12", sch("0900", "0915", "F2"))
    both = agenda.slot("q1")
    agenda.book("S15", sch("0900", "0915", "F1"))
    one = agenda.slot("q1")
    agenda.book("S15", sch("0900", "0915", "F2"))

    assert (both["status"], both.get("overbooked")) == ("busy", True)
    assert (one["status"], one.get("overbooked"), agenda.appointment("F2").get("slot")) == ("busy", None, None)
    assert agenda.slots()["q1"] == "free"


def test_who_was_overbooked_and_leaves_takes_the_mark_away(agenda: Desk) -> None:
    agenda.book("S12", sch("0900", "0915", "F1"))
    agenda.book("S12", sch("0900", "0915", "F2", status="Overbook"))
    marked = agenda.slot("q1").get("overbooked")
    agenda.book("S13", sch("0930", "0945", "F2"))

    assert (marked, agenda.slot("q1").get("overbooked")) == (True, None)
    assert agenda.slots() == {"q1": "busy", "q2": "free", "q3": "busy"}


def test_capacity_is_respected(desk: Desk) -> None:
    capacity = "http://fhir-registry.smarthealthit.org/StructureDefinition/slot-capacity"
    desk.publish("q1", "09:00", "09:15", extension=[{"url": capacity, "valueInteger": 2}])
    seen = []
    for number in ("F1", "F2", "F3"):
        desk.book("S12", sch("0900", "0915", number))
        seen.append((desk.slot("q1")["status"], desk.slot("q1").get("overbooked")))

    assert seen == [("free", None), ("busy", None), ("busy", True)]


def test_waiting_takes_nothing_and_needs_no_time(agenda: Desk) -> None:
    answer = agenda.book("S12", sch("", "", status="Waitlist"))

    assert (answer.code, agenda.appointment()["status"]) == ("AA", "waitlist")
    assert set(agenda.slots().values()) == {"free"}


def test_the_agenda_named_in_sch_5_counts_too(agenda: Desk) -> None:
    answer = agenda.send("S12", sch("0900", "0915", f5="AGENDA-doctor^^CH-DEMO"), PID, "RGS|1")

    assert answer.code == "AA"
    assert agenda.slots() == {"q1": "busy", "q2": "free", "q3": "free"}


def block(number: str = "B1", start: str = "0910", end: str = "0925") -> tuple[str, ...]:
    return sch(start, end, number), "RGS|1", f"AIP|1||{DOCTOR}"


def test_a_block_withdraws_free_slots_and_its_end_offers_them_again(agenda: Desk) -> None:
    answer = agenda.send("S23", *block())
    blocked = agenda.slots()
    refused = _book_by_fhir(agenda, "q1", "09:00", "09:15")
    agenda.send("S24", *block())

    assert (answer.code, refused) == ("AA", Category.CONFLICT)
    assert blocked == {"q1": "busy-unavailable", "q2": "busy-unavailable", "q3": "free"}
    assert set(agenda.slots().values()) == {"free"}
    assert (agenda.current("Appointment"), agenda.current("Patient")) == ([], [])


def test_a_blocked_word_is_a_block(agenda: Desk) -> None:
    answer = agenda.book("S12", sch("0900", "0915", status="BLOCKED"))

    assert answer.code == "AA"
    assert agenda.slots()["q1"] == "busy-unavailable"
    assert (agenda.current("Appointment"), agenda.current("Patient")) == ([], [])


def test_a_booked_slot_stays_booked_and_is_withdrawn_when_it_comes_free(agenda: Desk) -> None:
    agenda.book("S12", sch("0900", "0915"))
    agenda.send("S23", *block())
    booked = agenda.slots()["q1"]
    agenda.book("S15", sch("0900", "0915"))

    assert (booked, agenda.slots()["q1"]) == ("busy", "busy-unavailable")


def test_a_slot_published_within_a_block_is_not_offered(desk: Desk) -> None:
    desk.send("S23", *block())
    desk.publish("q1", "09:00", "09:15")
    within = desk.slots()["q1"]
    desk.send("S24", *block())

    assert (within, desk.slots()["q1"]) == ("busy-unavailable", "free")


def test_what_its_publisher_withdrew_stays_withdrawn(agenda: Desk) -> None:
    agenda.publish("q1", "09:00", "09:15", status="busy-unavailable")
    agenda.send("S23", *block())
    agenda.send("S24", *block())

    assert agenda.slots() == {"q1": "busy-unavailable", "q2": "free", "q3": "free"}


def test_a_block_that_comes_after_its_end_changes_nothing(agenda: Desk) -> None:
    agenda.send("S24", *block(), minute=10)
    late = agenda.raw("S23", *block(), minute=5)

    assert b"\rMSA|AA|" in late
    assert b"|W|" in late
    assert set(agenda.slots().values()) == {"free"}


def test_another_number_opens_a_part_of_a_block(agenda: Desk) -> None:
    agenda.send("S23", *block("B1", "0900", "0945"))
    agenda.send("S24", *block("B2", "0915", "0930"))

    assert agenda.slots() == {"q1": "busy-unavailable", "q2": "free", "q3": "busy-unavailable"}


def test_a_doctor_without_agenda_here_is_blocked_all_the_same(desk: Desk) -> None:
    answer = desk.send("S23", sch("0900", "0930", "B1"), "RGS|1", f"AIP|1||{OTHER}")
    (made,) = [
        one for one in desk.current("Schedule") if one["id"] != "doctor" and "Practitioner" in str(one["actor"])
    ][-1:]
    desk.publish("o1", "09:00", "09:15", made["id"])

    assert (answer.code, desk.slots()["o1"]) == ("AA", "busy-unavailable")


def test_a_publisher_cannot_give_a_feeds_seat_away(agenda: Desk) -> None:
    agenda.book("S12", sch("0905", "0910"))
    content = agenda.slot("q1")

    with pytest.raises(FhirError) as caught:
        update(agenda.house.services.store, VENDOR, "Slot", "q1", content | {"status": "free"}, None)

    assert caught.value.category in (Category.CONFLICT, Category.FORBIDDEN)


@pytest.mark.parametrize("order", [("S23", "S24"), ("S24", "S23")])
@pytest.mark.parametrize(
    ("opened", "minutes", "expected"),
    [
        (("0915", "0930"), (5, 10), ["busy-unavailable", "free", "busy-unavailable"]),
        (("0900", "0945"), (5, 10), ["free", "free", "free"]),
        (("0915", "0930"), (10, 5), ["busy-unavailable"] * 3),
        (("0915", "0930"), (7, 7), ["busy-unavailable", "free", "busy-unavailable"]),
    ],
)
def test_another_number_opens_whatever_comes_first(
    agenda: Desk, order: tuple[str, str], opened: tuple[str, str], minutes: tuple[int, int], expected: list[str]
) -> None:
    told = {"S23": (block("B1", "0900", "0945"), minutes[0]), "S24": (block("B2", *opened), minutes[1])}
    for event in order:
        segments, minute = told[event]
        agenda.send(event, *segments, minute=minute)

    assert list(agenda.slots().values()) == expected


def test_a_time_opened_by_another_number_is_offered_in_what_is_published_later(desk: Desk) -> None:
    desk.send("S24", *block("B2", "0915", "0930"), minute=10)
    desk.send("S23", *block("B1", "0900", "0945"), minute=5)
    for name, start, end in (("q1", "09:00", "09:15"), ("q2", "09:15", "09:30")):
        desk.publish(name, start, end)

    assert desk.slots() == {"q1": "busy-unavailable", "q2": "free"}


def test_a_block_that_is_told_again_after_its_opening_stands(agenda: Desk) -> None:
    agenda.send("S23", *block("B1", "0900", "0945"), minute=5)
    agenda.send("S24", *block("B2", "0900", "0945"), minute=10)
    agenda.send("S23", *block("B1", "0900", "0930"), minute=15)

    assert agenda.slots() == {"q1": "busy-unavailable", "q2": "busy-unavailable", "q3": "free"}
