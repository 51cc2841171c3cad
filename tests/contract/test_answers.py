"""Messages that are answered by more than an acknowledgement: the answer's own type, and what it says."""

import pytest

from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import parse
from adapters.receive import Receiver
from adapters.service import House

PID = "PID|1||000777^^^CH-DEMO^PI||ESSAI^Élodie^^^^^L||19790328|F"
RF1 = "RF1|P^Pending^HL70283|A|||| R-1^SAMU-DEMO~x|20260302|||douleur \\T\\ fièvre"


@pytest.fixture
def receiver(house: House) -> Receiver:
    return house.receiver("samu")


def referral(*segments: str, version: str = "2.6", delimiters: str = r"|^~\&", charset: str = "UNICODE UTF-8") -> bytes:
    field = delimiters[0]
    header = f"MSH{delimiters}|LRM|SAMU-DEMO|CRENEAU|CPTS-DEMO|20260302080000||REF^I12|M1|P|{version}|||||FRA|{charset}"
    text = "\r".join([header, *segments]) + "\r"
    if delimiters != r"|^~\&":
        text = text.translate(str.maketrans(r"|^", field + delimiters[1]))
    return text.encode("iso8859-15" if charset == "8859/15" else "utf-8")


def answer(receiver: Receiver, data: bytes) -> Message:
    return parse(receiver.receive(data))


def test_referral_is_answered_by_its_own_type(receiver: Receiver) -> None:
    told = answer(receiver, referral(RF1, PID))

    assert [told["MSH-9.1"], told["MSH-9.2"], told["MSH-9.3"]] == ["RRI", "I12", "RRI_I12"]
    assert told["MSA-1"] == "AA"
    assert told["MSA-2"] == "M1"


def test_copied_segment_keeps_every_byte(receiver: Receiver) -> None:
    told = answer(receiver, referral(RF1, PID))

    assert [segment.raw for segment in told.segments_named("PID")] == [PID]


def test_copied_field_keeps_every_byte(receiver: Receiver) -> None:
    told = answer(receiver, referral(RF1, PID))

    sent = RF1.split("|")
    assert told.segments_named("RF1")[0].raw_field(6) == sent[6]
    assert told.segments_named("RF1")[0].raw_field(10) == sent[10]


def test_answer_is_in_the_sender_s_character_set_and_delimiters(receiver: Receiver) -> None:
    data = referral(RF1.replace("|", "!").replace("!", "|"), PID, delimiters=r"!%~\&", charset="8859/15")

    reply = receiver.receive(data)

    assert b"fi\xe8vre" in reply
    assert parse(reply)["RF1-6.2"] == "SAMU-DEMO"


def test_refusal_keeps_the_type_of_the_answer(receiver: Receiver) -> None:
    told = answer(receiver, referral(RF1))

    assert told["MSH-9.1"] == "RRI"
    assert told["MSA-1"] == "AE"
    assert told["ERR-3.1"]
    assert not told.segments_named("RF1")


def test_unreadable_message_is_refused_under_the_type_of_its_answer(receiver: Receiver) -> None:
    told = answer(receiver, referral(RF1, PID).replace("É".encode(), b"\xc3\x28"))

    assert [told["MSH-9.1"], told["MSA-1"]] == ["RRI", "AR"]


def test_same_answer_the_second_time(receiver: Receiver) -> None:
    assert receiver.receive(referral(RF1, PID)) == receiver.receive(referral(RF1, PID))
