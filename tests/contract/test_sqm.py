"""Queries for open slots by message: SQM^S25 answered by SQR^S25."""

from collections.abc import Iterator

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from adapters.service import build_house
from fhir_server.interactions.create import create
from fhir_server.kernel.actor import Actor
from fhir_server.settings import Settings
from tests import builders
from tests.contract.siu import DAY, DOCTOR, OTHER, PID, Desk, open_agenda, sch


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    made = Desk(house, "samu")
    open_agenda(made)
    for name, start, end in (("q1", "09:00", "09:15"), ("q2", "09:15", "09:30"), ("q3", "14:00", "14:30")):
        made.publish(name, start, end)
    yield made
    house.services.close()


def query(desk: Desk, *segments: str, what: str = "SOP", limit: str = "10^RD", who: str = "ALL") -> list[list[str]]:
    """The fields of the segments of the answer."""
    qrd = f"QRD|20260302080000|R|I|Q77|||{limit}|{who}|{what}|ALL"
    answer = desk.raw("S25", qrd, *segments, kind="SQM", structure="SQM_S25").decode()
    return [line.split("|") for line in answer.split("\r") if line]


def named(answer: list[list[str]], name: str) -> list[list[str]]:
    return [fields for fields in answer if fields[0] == name]


RANGE = f"QRF||{DAY}0800|{DAY}1200"


def test_open_slots_are_told_in_order(desk: Desk) -> None:
    answer = query(desk, RANGE, "RGS|1", f"AIP|1||{DOCTOR}")
    (first, second) = named(answer, "SCH")

    assert [fields[0] for fields in answer[:3]] == ["MSH", "MSA", "QAK"]
    assert (answer[0][8], answer[1][1]) == ("SQR^S25^SQR_S25", "AA")
    assert answer[2][1:] == ["Q77", "OK", "", "2"]
    assert (first[5], first[9], first[11]) == ("doctor^^CRENEAU", "15", f"^^^{DAY}090000^{DAY}091500")
    assert second[11] == f"^^^{DAY}091500^{DAY}093000"
    assert len(first) <= 25 or first[25] == ""
    assert [fields[0] for fields in answer[3:8]] == ["SCH", "TQ1", "RGS", "AIP", "SCH"]
    assert named(answer, "AIP")[0][3].startswith("10100000011^")


def test_the_agenda_told_is_one_that_can_be_asked_for(desk: Desk) -> None:
    agenda = named(query(desk, RANGE, "RGS|1"), "SCH")[0][5]

    assert len(named(query(desk, "ARQ|||||" + agenda, "RGS|1"), "SCH")) == 3


def test_the_answer_is_strictly_valid(desk: Desk) -> None:
    for segments in ((RANGE, "RGS|1", f"AIP|1||{DOCTOR}"), (f"QRF||{DAY}1800|{DAY}1900",)):
        answer = "\r".join("|".join(fields) for fields in query(desk, *segments)) + "\r"

        assert parse_message(answer, validation_level=VALIDATION_LEVEL.STRICT).validate()


def test_the_limit_is_kept(desk: Desk) -> None:
    assert len(named(query(desk, limit="1^RD"), "SCH")) == 1


def test_nothing_found_is_told_so(desk: Desk) -> None:
    answer = query(desk, f"QRF||{DAY}1800|{DAY}1900")

    assert (named(answer, "MSA")[0][1], named(answer, "QAK")[0][2]) == ("AA", "NF")
    assert named(answer, "SCH") == []


@pytest.mark.parametrize(("what", "statuses"), [("SBK", ["Booked"]), ("SBL", ["Blocked"]), ("SOP", [""])])
def test_what_is_booked_or_blocked_can_be_asked_for(desk: Desk, what: str, statuses: list[str]) -> None:
    hospital = Desk(desk.house)
    hospital.book("S12", sch("0900", "0915"))
    hospital.send("S23", sch("0915", "0930", "B1"), "RGS|1", f"AIP|1||{DOCTOR}")
    answer = query(desk, f"QRF||{DAY}0800|{DAY}1800", what=what)

    found = {(fields + [""] * 26)[25] for fields in named(answer, "SCH")}
    assert sorted(found) == statuses
    assert named(answer, "PID") == []
    assert PID.split("|")[3] not in str(answer)


def test_whoever_is_not_known_is_told_so(desk: Desk) -> None:
    answer = query(desk, "RGS|1", f"AIP|1||{OTHER}")

    assert (named(answer, "MSA")[0][1], named(answer, "ERR")[0][3][:3]) == ("AE", "204")
    assert named(answer, "QAK")[0][1:3] == ["Q77", "AE"]


def test_a_query_stores_nothing(desk: Desk) -> None:
    query(desk, RANGE)

    assert desk.current("Appointment") == []


def test_pages_go_on_where_the_last_one_ended(desk: Desk) -> None:
    pages, pointer = [], ""
    for _ in range(3):
        page = query(desk, *([f"DSC|{pointer}|I"] if pointer else []), limit="2^RD")
        pages.append([fields[11][3:15] for fields in named(page, "SCH")])
        ends = named(page, "DSC")
        pointer = ends[0][1] if ends else ""
        if not pointer:
            break

    assert pages == [[f"{DAY}0900", f"{DAY}0915"], [f"{DAY}1400"]]


def test_a_page_counts_what_is_left(desk: Desk) -> None:
    page = query(desk, limit="2^RD")

    assert named(page, "QAK")[0][1:] == ["Q77", "OK", "", "3", "2", "1"]
    assert page[-1][0] == "DSC"
    assert page[-1][2] == "I"
    assert parse_message(
        "\r".join("|".join(fields) for fields in page) + "\r", validation_level=VALIDATION_LEVEL.STRICT
    ).validate()


def test_a_pointer_of_somebody_else_is_refused(desk: Desk) -> None:
    answer = query(desk, "DSC|elsewhere|I")

    assert (named(answer, "MSA")[0][1], named(answer, "QAK")[0][2]) == ("AE", "AE")


def test_who_asks_for_no_pages_gets_none(desk: Desk) -> None:
    for number in range(55):
        desk.publish(f"m{number}", f"15:{number:02d}", f"15:{number + 1:02d}")
    answer = query(desk, limit="")

    assert (len(named(answer, "SCH")), named(answer, "DSC")) == (50, [])


def test_the_first_open_slot_is_one(desk: Desk) -> None:
    answer = query(desk, what="SOF")

    assert [fields[11] for fields in named(answer, "SCH")] == [f"^^^{DAY}090000^{DAY}091500"]
    assert (named(answer, "QAK")[0][4], named(answer, "DSC")) == ("1", [])


def test_who_is_asked_for_is_whose_agenda_it_is(desk: Desk) -> None:
    open_agenda(desk, "other", "10100000029")
    desk.publish("o1", "09:00", "09:15", "other")
    answer = query(desk, who=OTHER)

    assert {fields[5] for fields in named(answer, "SCH")} == {"other^^CRENEAU"}


def test_a_number_without_authority_is_the_senders_own(desk: Desk) -> None:
    answer = query(desk, who="10100000011^EXEMPLE")

    assert (named(answer, "ERR")[0][2], named(answer, "ERR")[0][3][:3]) == ("QRD^1^8", "204")


def test_a_patient_is_told_what_is_booked_for_him_alone(desk: Desk) -> None:
    hospital = Desk(desk.house)
    hospital.book("S12", sch("0900", "0915"))
    hospital.send("S12", sch("0915", "0930", "F2"), PID.replace("000777", "000888"), "RGS|1", f"AIP|1||{DOCTOR}")
    answer = query(desk, what="SBK", who="000777^^^^^^^^&1.2.250.1.999.1&ISO^^^^PI")
    nobody = query(desk, what="SBK", who="000999^^^^^^^^&1.2.250.1.999.1&ISO^^^^PI")

    assert [fields[11] for fields in named(answer, "SCH")] == [f"^^^{DAY}090000^{DAY}091500"]
    assert named(nobody, "ERR")[0][3][:3] == "204"


def test_what_is_held_is_told_with_what_is_booked(desk: Desk) -> None:
    times = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
    held = builders.appointment("q1", status="pending", **times)
    create(desk.house.services.store, Actor("vendor"), "Appointment", held)
    answer = query(desk, RANGE, what="SBK")

    assert [("Pending", f"^^^{DAY}090000^{DAY}091500")] == [(fields[25], fields[11]) for fields in named(answer, "SCH")]
    assert 1 == len(named(query(desk, RANGE), "SCH"))


def test_the_range_may_be_a_timing_quantity(desk: Desk) -> None:
    answer = query(desk, f"QRF|||||||||^^^{DAY}1300^{DAY}1500")

    assert [fields[11] for fields in named(answer, "SCH")] == [f"^^^{DAY}140000^{DAY}143000"]


def test_everything_can_be_asked_for(desk: Desk) -> None:
    hospital = Desk(desk.house)
    hospital.book("S12", sch("0900", "0915"))
    hospital.send("S23", sch("0915", "0930", "B1"), "RGS|1", f"AIP|1||{DOCTOR}")
    answer = query(desk, what="SAL")

    assert {(fields + [""] * 26)[25] for fields in named(answer, "SCH")} == {"", "Booked", "Blocked"}
