"""Several messages in one frame: each is applied and answered for itself, in an answer of the same form."""

import pytest

from adapters import receive
from adapters.hl7v2.acknowledge import read_acknowledgement
from adapters.hl7v2.batch import split_messages
from adapters.receive import Receiver
from adapters.service import House
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage import inbox


@pytest.fixture
def receiver(house: House) -> Receiver:
    return house.receiver("hospital")


def admission(number: int, kind: str = "ADT^A28^ADT_A05", ipp: str = "") -> bytes:
    header = rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||{kind}|M{number}|P|2.5|||||FRA|UNICODE UTF-8"
    person = f"PID|1||{ipp or f'00{number}^^^CH-DEMO^PI'}||ESSAI^Camille^^^^^L||19790328|F"
    return "".join(f"{line}\r" for line in (header, "EVN||20260302080000", person)).encode()


def told(answer: bytes) -> list[tuple[str, str]]:
    return [(one.code, one.control_id) for one in map(read_acknowledgement, split_messages(answer))]


def states(house: House) -> list[tuple[str, str]]:
    receipts = house.services.store.transact(SYSTEM, inbox.list_receipts)
    return sorted((receipt.control_id, receipt.state) for receipt in receipts)


def test_a_batch_is_answered_by_a_batch(house: House, receiver: Receiver) -> None:
    batch = (
        b"FHS|^~\\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302||||F1\r"
        b"BHS|^~\\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302||||B1\r"
        + admission(1)
        + admission(2, "ZZZ^Z01")
        + admission(3)
        + b"BTS|3\rFTS|1\r"
    )

    answer = receiver.receive(batch)

    assert [("AA", "M1"), ("AR", "M2"), ("AA", "M3")] == told(answer)
    names = [line[:3].decode() for line in answer.split(b"\r")]
    assert ["FHS", "BHS", "MSH", "MSA", "MSH", "MSA", "ERR", "MSH", "MSA", "BTS", "FTS", ""] == names
    assert answer.startswith(b"FHS|^~\\&|CRENEAU|CPTS-DEMO|GAM|CH-DEMO|")
    assert [("M1", "applied"), ("M2", "rejected"), ("M3", "applied")] == states(house)


def test_a_batch_sent_again_changes_nothing(house: House, receiver: Receiver) -> None:
    batch = b"BHS|^~\\&|GAM|CH-DEMO\r" + admission(1) + admission(2) + b"BTS|2\r"

    first, again = told(receiver.receive(batch)), told(receiver.receive(batch))

    assert first == again == [("AA", "M1"), ("AA", "M2")]
    assert 2 == len(states(house))


def test_messages_in_a_row_are_answered_in_a_row(house: House, receiver: Receiver) -> None:
    answer = receiver.receive(admission(1) + admission(2, ipp="^^^CH-DEMO^PI") + b"\n" + admission(3))

    assert [("AA", "M1"), ("AE", "M2"), ("AA", "M3")] == told(answer)
    assert [("M1", "applied"), ("M2", "refused"), ("M3", "applied")] == states(house)


def test_a_batch_without_messages_is_answered_by_one(house: House, receiver: Receiver) -> None:
    answer = receiver.receive(b"BHS|^~\\&|GAM|CH-DEMO\rBTS|0\r")

    assert [b"BHS", b"BTS"] == [line[:3] for line in answer.split(b"\r")[:-1]]
    assert answer.endswith(b"BTS|0\r")


def test_segments_without_a_header_in_a_batch_are_told(house: House, receiver: Receiver) -> None:
    answer = receiver.receive(b"BHS|^~\\&|GAM|CH-DEMO\rPID|1\r" + admission(1) + b"BTS|1\r")

    assert b"MSA|AR\r" in answer.replace(b"MSA|AR|", b"MSA|AR\r")
    assert b"MSA|AA|M1\r" in answer
    assert b"BTS|2|1 announced, 2 received\r" in answer


def test_a_frame_of_too_many_messages_is_refused_whole(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "_MOST_MESSAGES", 2)

    answer = read_acknowledgement(receiver.receive(admission(1) + admission(2) + admission(3)))

    assert ("AR", "M1", "104") == (answer.code, answer.control_id, answer.error_code)
    assert [("M1", "rejected")] == states(house)


def test_a_message_without_a_type_is_told_so(receiver: Receiver) -> None:
    answer = read_acknowledgement(receiver.receive(admission(1, "")))

    assert ("AR", "M1", "200", "MSH^1^9") == (answer.code, answer.control_id, answer.error_code, answer.error_location)
