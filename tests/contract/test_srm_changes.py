"""Requests that end or change an appointment (SRM S05 to S11), its urgency, and resources and places preferred."""

from collections.abc import Iterator

import pytest

from adapters.service import build_house
from fhir_server.interactions import update
from fhir_server.kernel.actor import SYSTEM
from fhir_server.settings import Settings
from tests import builders
from tests.contract.siu import DAY, DOCTOR, OTHER, PID, Desk, open_agenda, sch
from tests.contract.test_srm import SERVICE, arq, ask, book, field

BOOKED = "Booked^^HL70278"


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    made = Desk(house, "samu")
    open_agenda(made)
    made.publish("q1", "09:00", "09:15")
    made.publish("q2", "09:15", "09:30")
    yield made
    house.services.close()


@pytest.fixture
def two(desk: Desk) -> Desk:
    """A second doctor, free at nine."""
    open_agenda(desk, "other", "10100000029")
    desk.publish("o1", "09:00", "09:15", "other")
    return desk


def taking_part(desk: Desk) -> list[str]:
    (made,) = desk.current("Appointment")
    references = [one["actor"]["reference"] for one in made["participant"]]
    return sorted(text.removeprefix("Practitioner/") for text in references if text.startswith("Practitioner/"))


@pytest.mark.parametrize(
    ("event", "status", "told"),
    [("S05", "cancelled", "Cancelled"), ("S06", "entered-in-error", "Deleted")],
)
def test_what_has_not_begun_is_given_up(desk: Desk, event: str, status: str, told: str) -> None:
    number = field(book(desk, arq()), "SCH", 2)
    answer = ask(desk, event, arq(span="", f2=number, f6="PAT^Patient"), PID, "RGS|1")

    assert (field(answer, "MSA", 1), field(answer, "SCH", 25)) == ("AA", f"{told}^^HL70278")
    assert desk.current("Appointment")[0]["status"] == status
    assert set(desk.slots().values()) == {"free"}


def test_what_has_begun_and_is_discontinued_was_held(desk: Desk) -> None:
    book(desk, arq())
    desk.book("S14", sch("0900", "0915", status="Started", f1="R1^LRM", f2=""))
    answer = ask(desk, "S05", arq(span="", f6="PAT^Patient"), PID, "RGS|1")
    (made,) = desk.current("Appointment")

    assert (field(answer, "MSA", 1), field(answer, "SCH", 25)) == ("AA", "Complete^^HL70278")
    assert (made["status"], "cancelationReason" in made) == ("fulfilled", False)


def test_a_doctor_who_is_added_is_taken_too(two: Desk) -> None:
    book(two, arq(), SERVICE)
    answer = ask(two, "S07", arq(span=""), PID, "RGS|1", "AIS|1|A|ECG^Electrocardiogramme", f"AIP|1|A|{OTHER}")

    assert (field(answer, "MSA", 1), field(answer, "SCH", 25)) == ("AA", BOOKED)
    assert (taking_part(two), two.slots()) == (
        ["doctor-person", "other-person"],
        {"q1": "busy", "q2": "free", "o1": "busy"},
    )
    assert [one["text"] for one in two.current("Appointment")[0]["serviceType"]] == [
        "Consultation",
        "Electrocardiogramme",
    ]
    assert answer.count("\rAIS|") == 2


@pytest.mark.parametrize("event", ["S07", "S08"])
def test_a_doctor_who_is_not_free_is_not_added(two: Desk, event: str) -> None:
    book(two, arq("R2"), doctor=OTHER)
    book(two, arq())
    answer = ask(two, event, arq(span=""), PID, "RGS|1", f"AIP|1|A|{OTHER}")

    assert (field(answer, "MSA", 1), field(answer, "ERR", 3)[:3]) == ("AE", "207")
    assert "overbooked" not in two.slot("o1")


def test_a_service_is_modified(desk: Desk) -> None:
    book(desk, arq(), SERVICE)
    answer = ask(desk, "S08", arq(span=""), PID, "RGS|1", "AIS|1|U|CS^Consultation longue")

    assert field(answer, "MSA", 1) == "AA"
    assert [one["text"] for one in desk.current("Appointment")[0]["serviceType"]] == ["Consultation longue"]
    assert desk.slots()["q1"] == "busy"


@pytest.mark.parametrize("event", ["S09", "S10", "S11"])
def test_a_service_and_a_doctor_are_taken_out(two: Desk, event: str) -> None:
    book(two, arq(), SERVICE)
    ask(two, "S07", arq(span=""), PID, "RGS|1", "AIS|1|A|ECG^Electrocardiogramme", f"AIP|1|A|{OTHER}")
    answer = ask(two, event, arq(span=""), PID, "RGS|1", "AIS|1|D|CS^Consultation", f"AIP|1|D|{OTHER}")

    assert (field(answer, "MSA", 1), field(answer, "MSH", 8)) == ("AA", f"SRR^{event}^SRR_S01")
    assert (taking_part(two), two.slots()) == (["doctor-person"], {"q1": "busy", "q2": "free", "o1": "free"})
    assert [one["text"] for one in two.current("Appointment")[0]["serviceType"]] == ["Electrocardiogramme"]


@pytest.mark.parametrize("event", ["S07", "S08", "S09", "S10", "S11"])
def test_a_change_of_what_is_not_known_is_told_so(desk: Desk, event: str) -> None:
    answer = ask(desk, event, arq("NONE", span=""), PID, "RGS|1", f"AIP|1|A|{DOCTOR}")

    assert (field(answer, "MSA", 1), field(answer, "ERR", 3)[:3]) == ("AE", "204")


@pytest.mark.parametrize(("code", "number", "word"), [("S", 1, "stat"), ("A", 2, "asap"), ("R", 5, "routine")])
def test_urgency_is_kept_with_the_appointment_and_its_order(desk: Desk, code: str, number: int, word: str) -> None:
    book(desk, arq(f12=code, f24="ORD1^LRM"))

    assert desk.current("Appointment")[0]["priority"] == number
    assert desk.current("ServiceRequest")[0]["priority"] == word


def test_a_resource_that_is_preferred_has_the_slot(two: Desk) -> None:
    service = [{"coding": [{"system": "urn:services", "code": "CS"}]}]
    two.publish("a1", "10:00", "10:15", serviceType=service)
    two.publish("b1", "10:30", "10:45", "other", serviceType=service)
    answer = ask(two, "S01", arq(), "APR||RES^10100000029", PID, "RGS|1", SERVICE)

    assert field(answer, "MSA", 1) == "AA"
    assert (two.slots()["a1"], two.slots()["b1"]) == ("free", "busy")


def test_a_place_that_is_preferred_has_the_slot(desk: Desk) -> None:
    store = desk.house.services.store
    place = {"resourceType": "Location", "identifier": [{"system": "urn:places", "value": "BOX1"}], "name": "Box 1"}
    store.transact(SYSTEM, lambda uow: update.put(uow, "Location", "box1", dict(place)))
    agenda = builders.schedule(
        actor=[{"reference": "Practitioner/doctor-person"}, {"reference": "Location/box1"}],
        identifier=[{"system": "urn:oid:1.2.250.1.999.1", "value": "AGENDA-box"}],
    )
    store.transact(SYSTEM, lambda uow: update.put(uow, "Schedule", "box", dict(agenda)))
    desk.publish("b1", "11:00", "11:15", "box")
    answer = ask(desk, "S01", arq(), "APR|||LOC^box1", PID, "RGS|1", f"AIP|1||{DOCTOR}")
    nowhere = ask(desk, "S01", arq("R2"), "APR|||LOC^BOX9", PID, "RGS|1", f"AIP|1||{DOCTOR}")

    assert (field(answer, "MSA", 1), desk.slots()["b1"]) == ("AA", "busy")
    assert (field(nowhere, "MSA", 1), field(nowhere, "ERR", 3)[:3]) == ("AE", "207")


def test_spacing_and_override_change_nothing_of_one_appointment(desk: Desk) -> None:
    answer = ask(desk, "S01", arq(span=f"{DAY}0900"), "APR||||15|OVB^Y", PID, "RGS|1", f"AIP|1||{DOCTOR}")

    assert (field(answer, "MSA", 1), desk.slots()["q1"]) == ("AA", "busy")
