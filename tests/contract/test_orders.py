"""Orders of a hospital (ORM, OMG, OML): what they make, in whatever order they come, and how they are answered."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.feeds import Feed
from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import parse
from adapters.mapping.tables import load
from adapters.receive import Receiver
from adapters.service import build_house
from fhir_server.settings import Settings
from tests.contract.siu import DOCTOR, PID, Desk, sch

PV1 = "PV1|1|O|||||||||||||||||V-1^^^CH-DEMO^VN"
OBR = "OBR|1|||71020^Radiographie du thorax^L||20990303090000"
KINDS = {
    "ORM": ("O01", "ORM_O01", "ORR", "O02"),
    "OMG": ("O19", "OMG_O19", "ORG", "O20"),
    "OML": ("O21", "OML_O21", "ORL", "O22"),
}


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    yield Desk(house)
    house.services.close()


def send(desk: Desk, *segments: str, kind: str = "ORM", minute: int | None = None) -> Message:
    event, structure, _, _ = KINDS[kind]
    return parse(desk.raw(event, *segments, kind=kind, structure=structure, minute=minute))


def orc(control: str = "NW", number: str = "A1^GAM", status: str = "", filler: str = "", **fields: str) -> str:
    values = {1: control, 2: number, 3: filler, 5: status} | {int(name[1:]): value for name, value in fields.items()}
    return "|".join(["ORC", *(values.get(index, "") for index in range(1, 22))])


def order(desk: Desk) -> dict[str, Any]:
    (only,) = desk.current("ServiceRequest")
    return only


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_is_made_and_answered_by_its_own_type(desk: Desk, kind: str) -> None:
    told = send(desk, PID, orc(filler="F9^RIS", f9="20260302080000", f12=DOCTOR), OBR, kind=kind)

    _, _, answer, event = KINDS[kind]
    assert [told["MSH-9.1"], told["MSH-9.2"], told["MSH-9.3"]] == [answer, event, f"{answer}_{event}"]
    assert [told["MSA-1"], told["ORC-1"], told["ORC-5"]] == ["AA", "OK", "IP"]
    assert [told["ORC-2"], told["ORC-2.2"], told["ORC-3"]] == ["A1", "GAM", "F9"]
    made = order(desk)
    assert [one["value"] for one in made["identifier"]] == ["A1", "F9"]
    assert [made["status"], made["intent"], made["authoredOn"]] == ["active", "order", "2026-03-02T08:00:00+01:00"]
    assert made["code"]["coding"][0]["code"] == "71020"
    assert made["occurrencePeriod"] == {"start": "2099-03-03T09:00:00+01:00"}
    assert made["requester"]["reference"] == f"Practitioner/{desk.current('Practitioner')[0]['id']}"
    assert made["subject"]["reference"] == f"Patient/{desk.current('Patient')[0]['id']}"


def test_each_group_is_an_order_of_its_own(desk: Desk) -> None:
    first = [orc("NW", "A1^GAM", f12=DOCTOR), "OBR|1|||X^First^L", "NTE|1||of the first"]
    second = [orc("NW", "A2^GAM"), "TQ1|1||||||20990303100000||S", "OBR|2|||Y^Second^L", "OBX|1|ST", "NTE|1||of OBX"]

    told = send(desk, PID, "NTE|1||of the patient", *first, *second, "OBR|3|A3^GAM||Z^Third^L")

    assert [segment.get("2") for segment in told.segments_named("ORC")] == ["A1", "A2", "A3"]
    one, two, three = desk.current("ServiceRequest")
    assert [each["code"]["text"] for each in (one, two, three)] == ["First", "Second", "Third"]
    assert one["note"] == [{"text": "of the first"}]
    assert "note" not in two
    assert "requester" not in two
    assert [two["priority"], two["occurrencePeriod"]["start"]] == ["stat", "2099-03-03T10:00:00+01:00"]


def test_numbers_are_those_of_orc_before_those_of_obr(desk: Desk) -> None:
    send(desk, PID, orc(number="A1^GAM"), "OBR|1|OTHER^GAM|F1^RIS|X^Test^L")

    assert [one["value"] for one in order(desk)["identifier"]] == ["A1", "F1"]


@pytest.mark.parametrize(
    ("control", "status", "becomes", "answer"),
    [
        ("CA", "", "revoked", "CR"),
        ("DC", "", "revoked", "DR"),
        ("HD", "", "on-hold", "HR"),
        ("CA", "IP", "revoked", "CR"),
        ("SC", "CM", "completed", "OK"),
        ("SC", "HD", "on-hold", "OK"),
        ("XO", "", "active", "XR"),
    ],
)
def test_what_becomes_of_an_order(desk: Desk, control: str, status: str, becomes: str, answer: str) -> None:
    send(desk, PID, orc(), OBR)

    told = send(desk, PID, orc(control, status=status))

    assert [order(desk)["status"], told["ORC-1"]] == [becomes, answer]
    assert order(desk)["code"]["text"] == "Radiographie du thorax"


def test_a_released_order_is_active_again(desk: Desk) -> None:
    send(desk, PID, orc(), OBR)
    send(desk, PID, orc("HD"))
    send(desk, PID, orc("RL"))

    assert order(desk)["status"] == "active"


def test_a_cancellation_that_comes_first_still_counts(desk: Desk) -> None:
    send(desk, PID, orc("CA"), minute=9)
    told = send(desk, PID, orc(), OBR, minute=3)

    assert order(desk)["status"] == "revoked"
    assert order(desk)["code"]["text"] == "Radiographie du thorax"
    assert [told["MSA-1"], told["ORC-5"]] == ["AA", "CA"]


def test_a_question_changes_nothing_and_is_answered(desk: Desk) -> None:
    send(desk, PID, orc(), OBR)
    send(desk, PID, orc("HD"))
    before = order(desk)

    told = send(desk, orc("SS"), "OBR|1|||OTHER^Other^L")

    assert [told["ORC-1"], told["ORC-2"], told["ORC-5"]] == ["SR", "A1", "HD"]
    assert order(desk) == before


def test_a_question_about_an_unseen_order_is_refused(desk: Desk) -> None:
    told = send(desk, PID, orc("SS"))

    assert [told["MSH-9.1"], told["MSA-1"], told["ERR-3"]] == ["ORR", "AE", "204"]


def test_an_order_without_any_number_is_refused(desk: Desk) -> None:
    told = send(desk, PID, orc(number=""), OBR)

    assert [told["MSA-1"], told["ERR-3"], told["ERR-2"], told["ORC-1"]] == ["AE", "101", "ORC", "UA"]
    assert desk.current("ServiceRequest") == []
    assert desk.current("Patient") == []


def test_an_order_without_number_is_known_by_its_group_and_service(desk: Desk) -> None:
    for text in ("first", "second"):
        send(desk, PID, orc("SC", number="", f4="G1^GAM"), "OBR|1|||X^Test^L", f"NTE|1||{text}")

    assert order(desk)["requisition"]["value"] == "G1"
    assert order(desk)["note"] == [{"text": "second"}]


def test_two_orders_of_one_number_are_warned_of(desk: Desk) -> None:
    told = send(desk, PID, orc(), "OBR|1|||X^First^L", orc(), "OBR|2|||Y^Second^L")

    assert [told["MSA-1"], told["ERR-4"]] == ["AA", "W"]
    assert order(desk)["code"]["text"] == "First"


def test_the_visit_is_referred_to_when_it_is_known(desk: Desk) -> None:
    send(desk, PID, PV1, orc(), OBR)
    unknown = order(desk)
    desk.raw("A01", "EVN||20260302080000", PID, PV1.replace("|O|", "|I|"), kind="ADT", structure="ADT_A01")
    send(desk, PID, PV1, orc("XO"), OBR)

    assert "encounter" not in unknown
    assert order(desk)["encounter"]["reference"] == f"Encounter/{desk.current('Encounter')[0]['id']}"


def test_an_appointment_of_the_order_refers_to_it(desk: Desk) -> None:
    send(desk, PID, orc(filler="F9^RIS"), OBR)
    desk.book("S12", sch(f26="A1^GAM"))
    desk.book("S12", sch(number="F2", start="1000", end="1020", f27="F9^RIS"))

    references = [one["basedOn"][0]["reference"] for one in desk.current("Appointment")]
    assert references == [f"ServiceRequest/{order(desk)['id']}"] * 2


def test_a_feed_may_want_a_plain_acknowledgement(desk: Desk) -> None:
    known = desk.house.receiver("hospital")
    desk.receiver = Receiver(known.store, known.feed, _plain(known.feed), load())

    told = send(desk, PID, orc(), OBR)

    assert [told["MSH-9.1"], told["MSA-1"]] == ["ACK", "AA"]
    assert not told.segments_named("ORC")


def _plain(feed: Feed) -> Any:
    return replace(feed.mapping(), plain_answers=frozenset({"ORM"}))
