"""What users of other engines complain of, one test or more for each complaint, by its number.

| number | complaint | what holds here |
|---|---|---|
| 01 | resends flood a slow receiver, and double what they say | resends change nothing; tries are bounded, ever rarer |
| 02 | a late answer is taken for the next message's | answers are matched by MSA-2; a time-out closes the connection |
| 03 | no choice of what to do after AE | park, retry or skip, by partner |
| 04 | CA, CE, CR refused; CA where AA is awaited | both families are read; we answer AA unless agreed otherwise |
| 05 | an answer with other separators is refused | an answer is read by its own |
| 06 | garbage counts as an acknowledgement | without MSA-1 and MSA-2 nothing is delivered |
| 07 | an answer of another type than ACK is not seen | MSA counts in any reply |
| 08 | the last CR is missing | ours is always there; theirs may be absent |
| 09 | MSH fields of the answer are shifted or escaped again | HD fields go back as they came |
| 10 | failures are answered in plain text | every failure is answered by a real ACK |
| 11 | what cannot be parsed is not answered, and comes for ever | the answer is made of the header alone |
| 12 | messages that are passed over are refused | taken without effect is AA |
| 13 | a receiver needs to breathe between messages | a pause by partner |
| 14 | the answer has no frame | it always has |
| 15 | LF between frames kills the reader | bytes between frames are passed over |
| 16 | bytes are lost or doubled at the ends of frames | framing is done on bytes |
| 17 | a sender's tool refuses files without frames | files with and without are sent |
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from adapters import commands
from adapters.hl7v2.acknowledge import read_acknowledgement
from adapters.hl7v2.parse import parse
from adapters.lines import PARK, RETRY, SKIP
from adapters.mllp.framing import frame
from adapters.receive import Receiver
from adapters.service import House
from fhir_server.interactions import upsert
from fhir_server.kernel.actor import SYSTEM
from fhir_server.settings import Settings
from fhir_server.storage import inbox
from tests.conftest import StandingClock
from tests.contract.line import Line, line_to, port_of
from tests.contract.outbound import Stage
from tests.contract.siu import Desk, sch
from tests.scripted_peer import Step, acknowledgement, message

HOUR = 3_600_000
PID = "PID|1||000777^^^CH-DEMO^PI||ESSAI^Hélène^^^^^L||19790328|F"


@pytest.fixture
def line(house: House) -> Iterator[Line]:
    with port_of(house) as port, line_to(port) as opened:
        yield opened


@pytest.fixture
def stage(settings: Settings, clock: StandingClock) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(settings, clock, stack)


def person(control_id: str = "M1", *, sender: str = "GAM", kind: str = "ADT^A28^ADT_A05", modes: str = "||") -> bytes:
    header = rf"MSH|^~\&|{sender}|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||{kind}|{control_id}|P|2.5||{modes}|FRA"
    return f"{header}|UNICODE UTF-8\rEVN||20260302080000\r{PID}\r".encode()


def kept(house: House) -> list[bytes]:
    receipts = house.services.store.transact(SYSTEM, inbox.list_receipts)
    return [receipt.raw for receipt in reversed(receipts)]


def test_01_a_flood_of_resends_changes_nothing(house: House) -> None:
    desk = Desk(house)
    header = r"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||SIU^S12^SIU_S12|M1|P|2.5|||||FRA|UNICODE UTF-8"
    booking = "\r".join([header, sch(), PID, "RGS|1", ""]).encode()
    with port_of(house) as port, line_to(port) as line:
        line.put(*[frame(booking)] * 30)
        answers = {line.answer() for _ in range(30)}

    assert (len(answers), len(desk.current("Appointment")), len(kept(house))) == (1, 1, 1)


def test_01_tries_are_ever_rarer_and_end(stage: Stage) -> None:
    desk, peer = stage.play(Step(acknowledgement("AR")))
    desk.book()
    waits: list[int] = []
    while desk.states == ["waiting"]:
        desk.deliver()
        stage.clock.advance(desk.deliveries[0].due_ms - stage.clock())
        waits.append(desk.deliveries[0].due_ms - desk.deliveries[0].updated_ms)

    assert desk.states == ["dead"]
    assert len(peer.received) == 32
    assert waits[0] <= 2_000
    assert 1_800_000 <= waits[-2] <= HOUR
    assert len(set(peer.received)) == 1


def test_02_a_late_answer_is_not_the_next_ones(stage: Stage) -> None:
    desk, peer = stage.play(Step(lambda ids: b""), Step(acknowledgement(of=0)), timeout_seconds=0.4)
    desk.book()
    desk.book()
    desk.deliver()

    assert desk.states == ["waiting", "waiting"]
    assert peer.connections == 2


@pytest.mark.parametrize(
    ("policy", "states"), [(PARK, ["dead", "waiting"]), (RETRY, ["waiting"] * 2), (SKIP, ["dropped", "delivered"])]
)
def test_03_the_partner_says_what_follows_an_error(stage: Stage, policy: str, states: list[str]) -> None:
    desk, _ = stage.play(Step(acknowledgement("AE")), Step(), on_error=policy)
    desk.change(SYSTEM, desk.book(), status="cancelled")
    desk.deliver()

    assert desk.states == states


@pytest.mark.parametrize(("code", "state"), [("CA", "delivered"), ("CE", "dead"), ("CR", "waiting")])
def test_04_accept_codes_are_understood(stage: Stage, code: str, state: str) -> None:
    desk, _ = stage.play(Step(acknowledgement(code)))
    desk.book()
    desk.deliver()

    assert desk.states == [state]


@pytest.mark.parametrize(("mode", "code"), [("original", "AA"), ("auto", "CA"), ("enhanced", "CA")])
def test_04_ca_is_only_for_those_who_agreed(house: House, mode: str, code: str) -> None:
    feeds = {"hospital": replace(house.feeds["hospital"], ack_mode=mode)}
    answer = replace(house, feeds=feeds).receiver("hospital").receive(person(modes="|AL|NE"))

    assert read_acknowledgement(answer).code == code


def test_05_an_answer_has_its_own_separators(stage: Stage) -> None:
    def reply(ids: list[str]) -> bytes:
        return frame(f"MSH:;~\\&:GAM:CH:CRENEAU:CPTS:20260302::ACK:R1:P:2.5\rMSA:AA:{ids[-1]}\r".encode())

    desk, _ = stage.play(Step(reply))
    desk.book()
    desk.deliver()

    assert desk.states == ["delivered"]


@pytest.mark.parametrize(
    "reply",
    [
        b"NACK sent from receiver",
        b"MSA",
        b"MSH|^~\\&|A|B|C|D|||ACK|1|P|2.5\rMSA\r",
        b"MSH|^~\\&|A|B|C|D|||ACK|1|P|2.5\r",
    ],
)
def test_06_garbage_is_no_acknowledgement(stage: Stage, reply: bytes) -> None:
    desk, _ = stage.play(Step(lambda ids: frame(reply)))
    desk.book()
    desk.deliver()

    assert desk.states == ["waiting"]


@pytest.mark.parametrize("kind", ["ADR^A19", "RSP^K22^RSP_K21", "ORR^O02", ""])
def test_07_msa_counts_in_any_reply(stage: Stage, kind: str) -> None:
    desk, _ = stage.play(Step(acknowledgement(kind=kind)))
    desk.book()
    desk.deliver()

    assert desk.states == ["delivered"]


def test_08_an_answer_without_its_last_cr(stage: Stage) -> None:
    desk, _ = stage.play(Step(lambda ids: frame(message("AA", ids[-1]).rstrip(b"\r"))))
    desk.book()
    desk.deliver()

    assert desk.states == ["delivered"]


def test_08_ours_end_with_cr_and_theirs_need_not(line: Line) -> None:
    line.put(frame(person().rstrip(b"\r")))

    assert line.answer().endswith(b"\rMSA|AA|M1\r")


def test_09_fields_of_the_header_go_back_as_they_came(line: Line) -> None:
    line.put(frame(person(sender="COMZIS^MS1&x\\T\\y")))
    header = line.answer().split(b"\r")[0].split(b"|")

    assert header[2:6] == [b"CRENEAU", b"CPTS-DEMO", b"COMZIS^MS1&x\\T\\y", b"CH-DEMO"]
    assert (header[6][:2], header[8]) == (b"20", b"ACK^A28^ACK")


FAILURES = {
    "no header": frame(b"anything at all\r"),
    "an empty frame's worth of blanks and text": frame(b"  \r\n?"),
    "too long": frame(person() + b"ZZZ|" + b"x" * 30_000),
    "cut by the next": frame(person())[:60] + frame(person("M2")),
    "not of its character set": frame(person().replace("é".encode(), b"\xe9")),
    "a type we do not take": frame(person(kind="XYZ^Q99")),
    "an event we do not take": frame(person(kind="SIU^S99")),
    "a version we do not know": frame(person().replace(b"|2.5|", b"|7|")),
    "no key": frame(person().replace(b"000777^^^CH-DEMO^PI", b"")),
    "delimiters that are none": frame(person().replace(b"^~\\&", b"AAAA", 1)),
}


@pytest.mark.parametrize("octets", FAILURES.values(), ids=FAILURES.keys())
def test_10_every_failure_is_answered_by_a_real_ack(line: Line, octets: bytes) -> None:
    line.put(octets)
    answer = parse(line.answer())
    line.put(frame(person("AFTER")))
    after = [line.read() for _ in range(1 + octets.count(b"\x0b") - 1)][-1]

    assert (answer["MSH-9.1"], answer["MSA-1"] in ("AE", "AR")) == ("ACK", True)
    assert answer["ERR-3.1"] or answer["ERR-1.4.1"]
    assert (after.code, after.control_id) == ("AA", "AFTER")


def test_10_a_fault_of_ours_is_answered_too(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise RuntimeError("no detail of this may leave")

    monkeypatch.setattr(upsert, "apply", fails)
    line.put(frame(person()))
    octets = line.answer()

    assert (read_acknowledgement(octets).code, read_acknowledgement(octets).error_code) == ("AR", "207")
    assert b"detail" not in octets


def test_11_what_cannot_be_read_is_answered_by_its_header(line: Line, house: House) -> None:
    broken = person("UNREADABLE").replace("é".encode(), b"\xff\xfe")
    line.put(frame(broken))
    answer = line.read()

    assert (answer.code, answer.control_id) == ("AR", "UNREADABLE")
    assert kept(house) == [broken]


def test_12_what_is_passed_over_is_taken(house: House) -> None:
    feeds = {"hospital": replace(house.feeds["hospital"], accepts_unknown_events=frozenset({"ADT"}))}
    tolerant = replace(house, feeds=feeds)
    with port_of(tolerant) as port, line_to(port) as line:
        line.put(frame(person(kind="ADT^Z42")))
        answer = line.read()

    assert (answer.code, Desk(house).current("Patient")) == ("AA", [])


def test_13_a_pause_between_messages(stage: Stage) -> None:
    desk, peer = stage.play(Step(), pause_seconds=0.3)
    desk.book()
    desk.book()
    desk.deliver()

    assert desk.states == ["delivered"] * 2
    assert peer.arrived[1] - peer.answered[0] >= 0.28


@pytest.mark.parametrize("octets", FAILURES.values(), ids=FAILURES.keys())
def test_14_answers_are_framed(line: Line, octets: bytes) -> None:
    line.put(octets)
    line.answer()

    assert line.octets.startswith(b"\x0bMSH")
    assert line.octets.endswith(b"\r\x1c\r")


@pytest.mark.parametrize("between", [b"\n", b"\r\n", b"\r\r\n \n", b"\x00", b"hello\r\n", b"\x06"])
def test_15_bytes_between_frames_are_passed_over(line: Line, between: bytes) -> None:
    line.put(between, frame(person("M1")), between, frame(person("M2")), between)

    assert [line.read().control_id for _ in range(2)] == ["M1", "M2"]


ENDS = {
    "as they should be": (b"\x0b", b"\x1c\r"),
    "start doubled": (b"\x0b\x0b", b"\x1c\r"),
    "end doubled": (b"\x0b", b"\x1c\r\x1c\r"),
    "end byte doubled": (b"\x0b", b"\x1c\x1c\r"),
    "no CR behind the end": (b"\x0b", b"\x1c"),
    "LF behind the end": (b"\x0b", b"\x1c\r\n"),
}


@pytest.mark.parametrize(("start", "end"), ENDS.values(), ids=ENDS.keys())
def test_16_no_byte_is_lost_at_the_ends_of_frames(line: Line, house: House, start: bytes, end: bytes) -> None:
    whole = [person("M1") + "NTE|1||été".encode(), person("M2") + "NTE|1||Œ".encode()]
    line.put(*(start + octets + end for octets in whole))

    answers = [line.read() for _ in whole]
    assert [(answer.code, answer.control_id) for answer in answers] == [("AA", "M1"), ("AA", "M2")]
    assert kept(house) == whole


def test_16_a_character_cut_between_packets(line: Line, house: House) -> None:
    octets = person()
    middle = octets.index("é".encode()) + 1
    line.put(frame(octets)[: middle + 1])
    line.put(frame(octets)[middle + 1 :])

    assert line.read().code == "AA"
    assert [one["name"][0]["given"] for one in Desk(house).current("Patient")] == [["Hélène"]]


FILES = {
    "one, framed": frame(person("M1")),
    "one, raw": person("M1"),
    "one, raw, of LF": person("M1").replace(b"\r", b"\n"),
    "two, framed": frame(person("M1")) + frame(person("M2")),
    "two, framed, with lines between": frame(person("M1")) + b"\r\n" + frame(person("M2")) + b"\n",
    "two, raw": person("M1") + person("M2"),
    "two, raw, with an empty line between": person("M1") + b"\r" + person("M2"),
}


@pytest.mark.parametrize("octets", FILES.values(), ids=FILES.keys())
def test_17_files_with_and_without_frames(house: House, octets: bytes) -> None:
    with port_of(house) as port:
        answers = list(commands.send(octets, "127.0.0.1", port, 10.0))

    assert [is_accepted for _, is_accepted in answers] == [True] * (2 if b"M2" in octets else 1)


def test_every_complaint_has_a_test() -> None:
    numbers = {name[5:7] for name in globals() if name.startswith("test_") and name[5:7].isdigit()}

    assert numbers == {f"{number:02d}" for number in range(1, 18)}
    assert all(f"| {number} |" in (__doc__ or "") for number in numbers)


def test_receivers_never_raise(house: House) -> None:
    receiver: Receiver = house.receiver("hospital")

    assert all(receiver.receive(octets) for octets in (b"", b"\x00", b"MSH", b"MSH|", b"MSH|^~\\&|"))
