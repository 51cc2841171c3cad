"""Original and enhanced acknowledgement: what is answered at once, and what later in an exchange of our own."""

from dataclasses import replace

import pytest

from adapters.hl7v2.acknowledge import read_acknowledgement
from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import parse
from adapters.receive import Receiver
from adapters.service import House
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import inbox, outbox

PID = "PID|1||000777^^^CH-DEMO^PI||ESSAI^Camille^^^^^L||19790328|F"
BROKEN = "PID|1||||ESSAI^Camille^^^^^L||19790328|F"


def receiver(house: House, mode: str) -> Receiver:
    base = house.receiver("hospital")
    return replace(base, feed=replace(base.feed, ack_mode=mode))


def message(
    *segments: str, accept: str = "", application: str = "", kind: str = "ADT^A28^ADT_A05", version: str = "2.5"
) -> bytes:
    asked = f"{accept}|{application}"
    header = rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS|20260302080000||{kind}|M1|P|{version}|||{asked}|FRA|UNICODE UTF-8"
    return ("\r".join([header, "EVN||20260302080000", *segments]) + "\r").encode()


def later(house: House) -> list[Message]:
    deliveries = house.services.store.transact(SYSTEM, lambda uow: outbox.list_deliveries(uow, state=outbox.WAITING))
    return [parse(delivery.payload or b"") for delivery in deliveries if delivery.event == outbox.ANSWER]


@pytest.mark.parametrize(
    ("mode", "accept", "application", "now", "after"),
    [
        ("original", "AL", "AL", "AA", []),
        ("original", "NE", "NE", "AA", []),
        ("auto", "", "", "AA", []),
        ("auto", "AL", "", "AA", []),
        ("auto", "", "AL", "AA", []),
        ("auto", "AL", "AL", "CA", ["AA"]),
        ("auto", "AL", "NE", "CA", []),
        ("auto", "AL", "ER", "CA", []),
        ("auto", "AL", "SU", "CA", ["AA"]),
        ("auto", "NE", "AL", None, ["AA"]),
        ("auto", "ER", "AL", None, ["AA"]),
        ("auto", "SU", "NE", "CA", []),
        ("auto", "SU", "", "CA", []),
        ("enhanced", "", "", "CA", []),
        ("enhanced", "al", "", "CA", []),
    ],
)
def test_applied_message(
    house: House, mode: str, accept: str, application: str, now: str | None, after: list[str]
) -> None:
    octets = receiver(house, mode).receive(message(PID, accept=accept, application=application))

    assert (read_acknowledgement(octets).code if octets else None) == now
    assert [answer["MSA-1"] for answer in later(house)] == after


@pytest.mark.parametrize(
    ("segment", "kind", "accept", "application", "now", "after"),
    [
        (BROKEN, "ADT^A28^ADT_A05", "AL", "AL", "CE", []),
        (BROKEN, "ADT^A28^ADT_A05", "SU", "AL", None, []),
        (BROKEN, "ADT^A28^ADT_A05", "ER", "AL", "CE", []),
        (PID, "ZZZ^Z01", "AL", "AL", "CR", []),
    ],
)
def test_message_that_is_not_taken(
    house: House, segment: str, kind: str, accept: str, application: str, now: str | None, after: list[str]
) -> None:
    octets = receiver(house, "auto").receive(message(segment, kind=kind, accept=accept, application=application))

    assert (read_acknowledgement(octets).code if octets else None) == now
    assert [answer["MSA-1"] for answer in later(house)] == after


def test_message_that_is_taken_and_cannot_be_honoured(house: House) -> None:
    cancel = message("SCH|P9^GAM", PID, kind="SIU^S17^SIU_S12", accept="AL", application="ER")

    assert read_acknowledgement(receiver(house, "auto").receive(cancel)).code == "CA"
    (told,) = later(house)
    assert [told["MSA-1"], told["MSA-2"], told["ERR-3.1"]] == ["AE", "M1", "204"]
    assert [told["MSH-5"], told["MSH-15"], told["MSH-16"]] == ["GAM", "AL", "NE"]


def test_same_message_again_gets_the_same_accept_and_no_second_answer(house: House) -> None:
    data = message(PID, accept="AL", application="AL")
    listening = receiver(house, "auto")

    assert listening.receive(data) == listening.receive(data)
    assert len(later(house)) == 1


def test_what_is_not_answered_is_kept(house: House) -> None:
    receiver(house, "auto").receive(message(PID, accept="NE", application="NE"))

    (receipt,) = house.services.store.transact(SYSTEM, inbox.list_receipts)
    assert (receipt.state, receipt.answer) == (inbox.APPLIED, b"")


def test_without_a_place_to_send_the_mode_is_original(house: House) -> None:
    base = receiver(house, "auto")
    deaf = replace(base, feed=replace(base.feed, send=None))

    assert read_acknowledgement(deaf.receive(message(PID, accept="AL", application="AL"))).code == "AA"
