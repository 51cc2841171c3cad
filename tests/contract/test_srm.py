"""Requests for an appointment by message: a slot is found and taken, moved and given back, and told in the answer."""

import threading
from collections.abc import Iterator

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from adapters.service import build_house
from fhir_server.settings import Settings
from tests.contract.siu import DAY, DOCTOR, OTHER, PID, Desk, open_agenda

SERVICE = "AIS|1||CS^Consultation"


def arq(number: str = "R1", span: str = f"{DAY}0800^{DAY}1200", minutes: str = "", **fields: str) -> str:
    values = {1: f"{number}^LRM", 9: minutes, 10: "min" if minutes else "", 11: span}
    values |= {int(name[1:]): value for name, value in fields.items()}
    return "|".join(["ARQ", *(values.get(index, "") for index in range(1, 26))])


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    made = Desk(house, "samu")
    open_agenda(made)
    yield made
    house.services.close()


@pytest.fixture
def agenda(desk: Desk) -> Desk:
    for name, start, end in (("q1", "09:00", "09:15"), ("q2", "09:15", "09:30"), ("q3", "14:00", "14:30")):
        desk.publish(name, start, end)
    return desk


def ask(desk: Desk, event: str, *segments: str, minute: int | None = None) -> str:
    return desk.raw(event, *segments, minute=minute, kind="SRM", structure="SRM_S01").decode()


def book(desk: Desk, request: str, *more: str, doctor: str = DOCTOR) -> str:
    return ask(desk, "S01", request, PID, "RGS|1", *more, f"AIP|1||{doctor}")


def field(answer: str, segment: str, number: int) -> str:
    found = next(line for line in answer.split("\r") if line.startswith(segment)).split("|")
    return found[number] if number < len(found) else ""


def test_a_slot_is_found_taken_and_told(agenda: Desk) -> None:
    answer = book(agenda, arq(), SERVICE)
    (made,) = agenda.current("Appointment")

    assert field(answer, "MSH", 8) == "SRR^S01^SRR_S01"
    assert (field(answer, "MSA", 1), field(answer, "SCH", 1), field(answer, "SCH", 25)) == (
        "AA",
        "R1^LRM",
        "Booked^^HL70278",
    )
    assert field(answer, "SCH", 2) == f"{made['id']}^CRENEAU"
    assert field(answer, "TQ1", 7) == f"{DAY}090000"
    assert field(answer, "AIP", 3).startswith("10100000011^")
    assert (made["status"], made["slot"], made["minutesDuration"]) == ("booked", [{"reference": "Slot/q1"}], 15)
    assert agenda.slots() == {"q1": "busy", "q2": "free", "q3": "free"}


@pytest.mark.parametrize(
    ("request_", "slot"),
    [
        (arq(span=f"{DAY}0915"), "q2"),
        (arq(span=f"{DAY}1200^{DAY}1800"), "q3"),
        (arq(minutes="20"), None),
        (arq(span=DAY[:6], minutes="20"), "q3"),
        (arq(span="20990302"), None),
        (arq(span=f"{DAY}^{DAY}", minutes="20"), "q3"),
        (arq(span="", f5="AGENDA-doctor^^CH-OTHER"), None),
    ],
)
def test_times_and_length_choose_the_slot(agenda: Desk, request_: str, slot: str | None) -> None:
    book(agenda, request_)

    assert [name for name, status in agenda.slots().items() if status == "busy"] == ([slot] if slot else [])


def test_preferences_choose_the_slot(agenda: Desk) -> None:
    answer = ask(
        agenda, "S01", arq(span=f"{DAY}^{DAY}"), "APR|Prefstart^1300~Prefend^1800", PID, "RGS|1", f"AIP|1||{DOCTOR}"
    )

    assert field(answer, "MSA", 1) == "AA"
    assert agenda.slots()["q3"] == "busy"


def test_the_service_alone_finds_whose_slot_it_is(desk: Desk) -> None:
    service = [{"coding": [{"system": "urn:services", "code": "CS"}]}]
    desk.publish("q0", "08:00", "08:15")
    desk.publish("q1", "09:00", "09:15", serviceType=service)
    answer = ask(desk, "S01", arq(), PID, "RGS|1", SERVICE)

    assert desk.slots() == {"q0": "free", "q1": "busy"}
    assert field(answer, "AIP", 3).startswith("10100000011^")


def test_two_ask_for_the_last_slot_and_one_gets_it(desk: Desk) -> None:
    desk.publish("q1", "09:00", "09:15")
    answers: list[str] = []
    start = threading.Barrier(2)

    def work(number: str) -> None:
        other = Desk(desk.house, "samu", sent=10 * int(number))
        start.wait()
        answers.append(book(other, arq(f"R{number}")))

    threads = [threading.Thread(target=work, args=(number,)) for number in ("1", "2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(field(answer, "MSA", 1) for answer in answers) == ["AA", "AE"]
    refused = next(answer for answer in answers if "MSA|AE" in answer)
    assert field(refused, "ERR", 3).startswith("207^")
    assert "No slot is open" in refused
    assert field(refused, "MSH", 8) == "SRR^S01^SRR_S01"
    assert "\rSCH|" not in refused
    assert len(desk.current("Appointment")) == 1


def test_the_answer_is_strictly_valid(agenda: Desk) -> None:
    answers = [book(agenda, arq(), SERVICE), book(agenda, arq("R2", minutes="60"))]

    for answer in answers:
        assert parse_message(answer, validation_level=VALIDATION_LEVEL.STRICT).validate()


def test_asking_again_takes_no_second_slot(agenda: Desk) -> None:
    book(agenda, arq())
    answer = book(agenda, arq())

    assert field(answer, "MSA", 1) == "AA"
    assert agenda.slots() == {"q1": "busy", "q2": "free", "q3": "free"}


def test_moved_and_cancelled_by_the_number_we_gave(agenda: Desk) -> None:
    number = field(book(agenda, arq()), "SCH", 2)
    moved = ask(agenda, "S02", arq(span=f"{DAY}1400", f2=number), PID, "RGS|1")
    after_move = agenda.slots()
    cancelled = ask(agenda, "S04", arq(span="", f2=number, f6="PAT^Patient"), PID, "RGS|1")
    (made,) = agenda.current("Appointment")

    assert (field(moved, "MSA", 1), field(moved, "TQ1", 7)) == ("AA", f"{DAY}140000")
    assert after_move == {"q1": "free", "q2": "free", "q3": "busy"}
    assert (field(cancelled, "MSA", 1), field(cancelled, "SCH", 25)) == ("AA", "Cancelled^^HL70278")
    assert (made["status"], set(agenda.slots().values())) == ("cancelled", {"free"})


def test_a_move_to_where_nothing_is_open_changes_nothing(agenda: Desk) -> None:
    book(agenda, arq())
    answer = ask(agenda, "S02", arq(span=f"{DAY}1600^{DAY}1800"), PID, "RGS|1")

    assert (field(answer, "MSA", 1), agenda.slots()["q1"]) == ("AE", "busy")


@pytest.mark.parametrize("event", ["S02", "S03", "S04", "S05", "S06"])
def test_what_is_not_known_is_told_so(agenda: Desk, event: str) -> None:
    answer = ask(agenda, event, arq("NONE"), PID, "RGS|1")

    assert (field(answer, "MSA", 1), field(answer, "ERR", 3)[:3]) == ("AE", "204")
    assert field(answer, "MSH", 8).startswith(f"SRR^{event}")


def test_a_practitioner_who_is_not_known_is_told_so(agenda: Desk) -> None:
    answer = book(agenda, arq(), doctor=OTHER)

    assert (field(answer, "MSA", 1), field(answer, "ERR", 2), field(answer, "ERR", 3)[:3]) == ("AE", "AIP^1^3", "204")
    assert agenda.current("Appointment") == []


def test_an_agenda_that_is_not_known_is_told_so(agenda: Desk) -> None:
    answer = book(agenda, arq(f5="NOWHERE^^LRM"))

    assert (field(answer, "MSA", 1), field(answer, "ERR", 3)[:3]) == ("AE", "204")


def test_what_cannot_be_decided_is_pending(agenda: Desk) -> None:
    answer = ask(agenda, "S01", arq(), PID, "RGS|1")
    (made,) = agenda.current("Appointment")

    assert (field(answer, "MSA", 1), field(answer, "SCH", 25)) == ("AA", "Pending^^HL70278")
    assert (made["status"], "requestedPeriod" in made) == ("proposed", True)
    assert set(agenda.slots().values()) == {"free"}


def test_a_resource_is_taken_out_of_an_appointment(agenda: Desk) -> None:
    book(agenda, arq())
    answer = ask(agenda, "S09", arq(span=""), PID, "RGS|1", f"AIP|1|D|{DOCTOR}")
    (made,) = agenda.current("Appointment")

    assert field(answer, "MSA", 1) == "AA"
    assert [one["actor"]["reference"].split("/")[0] for one in made["participant"]] == ["Patient"]
    assert agenda.slots()["q1"] == "free"


def test_a_request_that_comes_after_its_cancellation_books_nothing(agenda: Desk) -> None:
    book(agenda, arq())
    ask(agenda, "S04", arq(), PID, "RGS|1", minute=30)
    ask(agenda, "S01", arq(f7="CHECKUP"), PID, "RGS|1", f"AIP|1||{DOCTOR}", minute=20)

    assert agenda.current("Appointment")[0]["status"] == "cancelled"
    assert set(agenda.slots().values()) == {"free"}


@pytest.mark.parametrize(("place", "value"), [(13, "W1"), (14, "D10")])
def test_appointments_that_repeat_are_not_supported(agenda: Desk, place: int, value: str) -> None:
    answer = book(agenda, arq(**{f"f{place}": value}))

    assert (field(answer, "MSA", 1), field(answer, "ERR", 2), field(answer, "ERR", 3)[:3]) == (
        "AE",
        f"ARQ^1^{place}",
        "199",
    )
    assert set(agenda.slots().values()) == {"free"}
