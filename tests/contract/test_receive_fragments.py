"""A message sent in fragments is applied when its last one comes, and not before."""

import pytest

from adapters import fragments
from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.receive import Receiver
from adapters.service import House
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import inbox

PERSON = "PID|1||777^^^CH-DEMO^PI||ESSAI^Ca"


@pytest.fixture
def receiver(house: House) -> Receiver:
    return house.receiver("hospital")


def fragment(number: str, *segments: str, pointer: str = "") -> bytes:
    header = (
        rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||ADT^A28|{number}|P|2.5||{pointer}|||FRA|UNICODE UTF-8"
    )
    return "".join(f"{line}\r" for line in (header, *segments)).encode()


FIRST = fragment("M1", "EVN||20260302080000", PERSON, "ADD|", "DSC|P1|F")
LAST = fragment("M2", "ADD|mille^^^^^L||19790328|F", pointer="P1")


def told(octets: bytes) -> Acknowledgement:
    return read_acknowledgement(octets)


def states(house: House) -> dict[str, str]:
    receipts = house.services.store.transact(SYSTEM, inbox.list_receipts)
    return {receipt.control_id: receipt.state for receipt in receipts}


def effects(house: House) -> str:
    receipts = house.services.store.transact(SYSTEM, inbox.list_receipts)
    return next(receipt.effects for receipt in receipts if receipt.control_id == "M2")


def test_the_last_fragment_is_answered_for_the_whole(house: House, receiver: Receiver) -> None:
    first = told(receiver.receive(FIRST))
    before = states(house)
    last = told(receiver.receive(LAST))

    assert ("CA", "M1") == (first.code, first.control_id)
    assert {"M1": "waiting"} == before
    assert ("AA", "M2") == (last.code, last.control_id)
    assert {"M1": "applied", "M2": "applied"} == states(house)
    assert effects(house).startswith("Patient/")


def test_fragments_sent_again_change_nothing(house: House, receiver: Receiver) -> None:
    answers = [told(receiver.receive(octets)).code for octets in (FIRST, FIRST, LAST, FIRST, LAST)]

    assert ["CA", "CA", "AA", "CA", "AA"] == answers
    assert {"M1": "applied", "M2": "applied"} == states(house)


def test_three_fragments(house: House, receiver: Receiver) -> None:
    middle = fragment("M2", "ADD|mille^^^^^L", "ADD|", "DSC|P2|F", pointer="P1")
    last = fragment("M3", "ADD|||19790328|F", pointer="P2")

    assert ["CA", "CA", "AA"] == [told(receiver.receive(octets)).code for octets in (FIRST, middle, last)]


def test_a_fragment_whose_beginning_is_not_here_is_refused_and_may_come_again(house: House, receiver: Receiver) -> None:
    lost = told(receiver.receive(LAST))
    receiver.receive(FIRST)
    again = told(receiver.receive(LAST))

    assert ("AE", "204", "MSH^1^14") == (lost.code, lost.error_code, lost.error_location)
    assert "AA" == again.code
    assert {"M1": "applied", "M2": "applied"} == states(house)


def test_a_beginning_given_up_long_ago_does_not_count(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver.receive(FIRST)
    monkeypatch.setattr(fragments, "LONGEST_WAIT_MS", -60_000)

    assert "AE" == told(receiver.receive(LAST)).code


def test_a_whole_that_is_wrong_is_refused_and_its_fragments_wait(house: House, receiver: Receiver) -> None:
    receiver.receive(FIRST.replace(b"777^^^CH-DEMO^PI", b""))

    answer = told(receiver.receive(LAST))

    assert ("AE", "101", "PID^1^3") == (answer.code, answer.error_code, answer.error_location)
    assert {"M1": "waiting", "M2": "refused"} == states(house)


def test_another_sender_has_pointers_of_its_own(receiver: Receiver) -> None:
    receiver.receive(FIRST.replace(b"|GAM|", b"|OTHER|"))

    assert "AE" == told(receiver.receive(LAST)).code
