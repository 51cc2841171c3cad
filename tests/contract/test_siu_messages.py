"""What appointment messages make of an appointment, whatever comes first, on both stores."""

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.service import build_house
from fhir_server.settings import Settings
from tests.contract.siu import DAY, DOCTOR, OTHER, PID, Desk, sch

PLACE = "AIL|1||BOX1^^^CH-DEMO"
SECOND = "PID|2||000888^^^CH-DEMO^PI||MODELE^Dominique^^^^^L||19800101|M"


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    yield Desk(house)
    house.services.close()


def taking_part(appointment: dict[str, Any]) -> list[str]:
    return sorted(one["actor"]["reference"].split("/")[0] for one in appointment["participant"])


@pytest.mark.parametrize(
    ("event", "status", "expected"),
    [
        ("S12", "", "booked"),
        ("S12", "Pending", "pending"),
        ("S12", "overbook", "booked"),
        ("S12", "Scheduled", "booked"),
        ("S13", "Confirmed", "booked"),
        ("S14", "Started", "checked-in"),
        ("S15", "Booked", "cancelled"),
        ("S15", "Noshow", "noshow"),
        ("S16", "Booked", "cancelled"),
        ("S16", "Started", "fulfilled"),
        ("S17", "Booked", "entered-in-error"),
        ("S18", "", "booked"),
        ("S22", "Complete", "fulfilled"),
        ("S26", "Booked", "noshow"),
        ("S27", "", "booked"),
        ("S27", "Cancelled", "cancelled"),
    ],
)
def test_the_trigger_decides_before_the_status(desk: Desk, event: str, status: str, expected: str) -> None:
    desk.book("S12", sch())
    answer = desk.book(event, sch(status=status))

    assert (answer.code, desk.appointment()["status"]) == ("AA", expected)


@pytest.mark.parametrize(
    ("event", "status"), [("S15", "cancelled"), ("S16", "cancelled"), ("S17", "entered-in-error"), ("S26", "noshow")]
)
def test_an_end_before_its_beginning_is_kept(desk: Desk, event: str, status: str) -> None:
    first = desk.send(event, sch(), PID, minute=20)
    late = desk.book("S12", sch(), minute=10)
    ended = desk.appointment()["status"]
    again = desk.book("S12", sch(), minute=30)

    assert [first.code, late.code, again.code] == ["AA", "AA", "AA"]
    assert (ended, desk.appointment()["status"]) == (status, "booked")
    assert len(desk.current("Appointment")) == 1


@pytest.mark.parametrize("segments", [("S15", sch()), ("S17", sch("", ""), PID), ("S26", sch("", ""), PID)])
def test_an_end_that_tells_too_little_is_refused_when_nothing_is_known(desk: Desk, segments: tuple[str, ...]) -> None:
    answer = desk.send(*segments)

    assert (answer.code, answer.error_code, answer.error_location) == ("AE", "204", "SCH^1^2")


def test_a_booking_after_its_cancellation_does_not_come_back(desk: Desk) -> None:
    desk.send("S15", sch(f6="PAT^Patient"), PID, minute=20)
    desk.book("S12", sch(f7="CHECKUP"), minute=10)
    (made,) = desk.current("Appointment")

    assert (made["status"], made["cancelationReason"]["text"]) == ("cancelled", "Patient")
    # What only the older message told is known all the same.
    assert made["reasonCode"][0]["coding"][0]["code"] == "CHECKUP"


def test_each_element_keeps_the_latest_word_on_it(desk: Desk) -> None:
    desk.book("S12", sch("0900", "0920", f7="CHECKUP"), minute=1)
    desk.book("S14", sch("", "", f7="FOLLOWUP"), minute=5)
    late = desk.raw("S13", sch("1000", "1020", f7="ROUTINE"), PID, "RGS|1", f"AIP|1||{DOCTOR}", minute=3)
    made = desk.appointment()

    assert b"|W|" in late
    assert (made["start"][11:16], made["reasonCode"][0]["coding"][0]["code"]) == ("10:00", "FOLLOWUP")


def test_single_resources_come_and_go_by_action_code(desk: Desk) -> None:
    desk.send("S12", sch(), PID, "RGS|1", "AIS|1||CS^Consultation", f"AIP|1||{DOCTOR}", PLACE)
    desk.send("S18", sch(), PID, "RGS|1", "AIS|2|A|ECG^Electrocardiogramme", f"AIP|1|X|{DOCTOR}")
    added = desk.appointment()
    desk.send("S20", sch(), PID, "RGS|1", "AIS|1|D|CS^Consultation", PLACE.replace("AIL|1|", "AIL|1|D"))
    cut = desk.appointment()

    assert [one["text"] for one in added["serviceType"]] == ["Consultation", "Electrocardiogramme"]
    assert taking_part(added) == ["Location", "Patient", "Practitioner"]
    assert [one["text"] for one in cut["serviceType"]] == ["Electrocardiogramme"]
    assert taking_part(cut) == ["Patient", "Practitioner"]


def test_without_action_codes_the_message_tells_all(desk: Desk) -> None:
    desk.send("S12", sch(), PID, "RGS|1", f"AIP|1||{DOCTOR}", PLACE)
    desk.send("S19", sch(), PID, "RGS|1", f"AIP|1||{OTHER}")

    assert taking_part(desk.appointment()) == ["Patient", "Practitioner"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_changes_of_single_resources_converge(desk: Desk, order: tuple[int, ...]) -> None:
    told = [
        ("S12", (PID, "RGS|1", f"AIP|1||{DOCTOR}"), 1),
        ("S18", (PID, "RGS|1", PLACE.replace("AIL|1|", "AIL|1|A")), 2),
        ("S20", (PID, "RGS|1", f"AIP|1|D|{DOCTOR}"), 3),
    ]
    for number in order:
        event, segments, minute = told[number]
        desk.send(event, sch(), *segments, minute=minute)

    assert taking_part(desk.appointment()) == ["Location", "Patient"]


def test_several_groups_and_several_patients_are_one_appointment(desk: Desk) -> None:
    desk.send("S12", sch(), PID, SECOND, "RGS|1", f"AIP|1||{DOCTOR}", "RGS|2", f"AIP|1||{OTHER}", PLACE)

    expected = ["Location", "Patient", "Patient", "Practitioner", "Practitioner"]
    assert taking_part(desk.appointment()) == expected


@pytest.mark.parametrize(
    ("kind", "type_name"), [("D", "Practitioner"), ("ROOM", "Location"), ("EQUIP", "Device"), ("", "HealthcareService")]
)
def test_a_general_resource_is_what_its_type_says(desk: Desk, kind: str, type_name: str) -> None:
    desk.send("S12", sch(), PID, "RGS|1", f"AIG|1||R7^Ressource sept^CH-DEMO|{kind}")

    assert taking_part(desk.appointment()) == sorted(["Patient", type_name])


def test_a_person_named_in_the_type_of_a_resource_is_known_by_rpps(desk: Desk) -> None:
    desk.send("S12", sch(), PID, "RGS|1", "AIG|1|||10100000011@960000001")
    (person,) = [one for one in desk.current("Practitioner") if one["identifier"][0]["value"] == "10100000011"]

    assert f"Practitioner/{person['id']}" in str(desk.appointment()["participant"])


def parts(desk: Desk) -> dict[str, str]:
    return {number: desk.appointment(number)["status"] for number in ("C1", "C2")}


def child(number: str, hour: str, occurrence: str) -> str:
    return sch(f"{hour}00", f"{hour}20", number, f24="SERIE^GAM", f3=occurrence)


def test_the_end_of_the_whole_is_that_of_its_parts(desk: Desk) -> None:
    desk.book("S12", child("C1", "09", "1"))
    desk.book("S12", child("C2", "10", "2"))
    desk.send("S15", sch("", "", "SERIE", f6="PAT^Patient"), PID)
    ended = parts(desk)
    desk.book("S12", child("C2", "11", "2"))

    assert ended == {"C1": "cancelled", "C2": "cancelled"}
    assert parts(desk) == {"C1": "cancelled", "C2": "booked"}


def test_a_part_told_before_the_end_of_the_whole_that_arrives_later_ends_with_it(desk: Desk) -> None:
    desk.book("S12", child("C1", "09", "1"), minute=1)
    desk.send("S15", sch("", "", "SERIE"), PID, minute=9)
    desk.book("S12", child("C2", "10", "2"), minute=2)

    assert parts(desk) == {"C1": "cancelled", "C2": "cancelled"}


def test_a_part_without_a_number_of_its_own_is_known_by_its_place_in_the_whole(desk: Desk) -> None:
    told = {"f1": "", "f2": "", "f24": "SERIE^GAM"}
    desk.book("S12", sch("0900", "0920", **told, f3="1"))
    desk.book("S12", sch("1000", "1020", **told, f3="2"))
    desk.book("S13", sch("1100", "1120", **told, f3="2"))

    assert [one["start"][11:16] for one in desk.current("Appointment")] == ["09:00", "11:00"]


def test_remarks_are_kept(desk: Desk) -> None:
    desk.send("S12", sch(), "NTE|1||À jeun.", "NTE|2||Apporter l'ordonnance.", PID, "RGS|1")

    assert desk.appointment()["comment"] == "À jeun.\nApporter l'ordonnance."


def tq1(number: int, start: str) -> str:
    return f"TQ1|{number}||||||{start}00|{start}20"


def test_several_occurrences_in_one_message_are_not_supported(desk: Desk) -> None:
    answer = desk.send("S12", sch(), tq1(1, f"{DAY}09"), tq1(2, f"{DAY}10"), PID)

    assert (answer.code, answer.error_code, answer.error_location) == ("AE", "199", "TQ1^1^7")
    assert desk.current("Appointment") == []


def test_one_occurrence_told_twice_is_one(desk: Desk) -> None:
    desk.send("S12", sch(), tq1(1, f"{DAY}09"), tq1(2, f"{DAY}09"), PID)
    ended = desk.send("S15", sch(), tq1(1, f"{DAY}09"), tq1(2, f"{DAY}10"), PID)

    assert (ended.code, desk.appointment()["status"]) == ("AA", "cancelled")


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0), (1, 0, 1)])
def test_a_part_told_at_the_moment_the_whole_ends_ends_with_it(desk: Desk, order: tuple[int, ...]) -> None:
    told = [("S12", (child("C1", "09", "1"), PID)), ("S15", (sch("", "", "SERIE", f6="PAT^Patient"), PID))]
    for number in order:
        event, segments = told[number]
        desk.send(event, *segments, minute=5)
    made = desk.appointment("C1")

    assert (made["status"], made["cancelationReason"]["text"]) == ("cancelled", "Patient")
