from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from adapters.hl7v2.acknowledge import acknowledge, answers, read_acknowledgement
from adapters.hl7v2.parse import parse, scan_header
from adapters.hl7v2.structure import check
from fhir_server.kernel.errors import Category, FhirError, Issue

NOW = datetime(2026, 1, 5, 8, 30, tzinfo=ZoneInfo("Europe/Paris"))
MESSAGE = (
    b"MSH|^~\\&|RIS^1.2^ISO|HOP\\T\\CO|CRN|TERR|20260105||SIU^S12^SIU_S12|C1|P|2.5^FRA^2.11|||||FRA|8859/15\rSCH|1\r"
)
MISSING = Issue(Category.REQUIRED, "The appointment has no start.", "SCH^1^11")
RULE = Issue(Category.BUSINESS_RULE, "The slot is taken.", "Appointment.slot[0]")
WARNING = Issue(Category.CODE_INVALID, "SCH-25 is not a code of table 0278.", "SCH^1^25", "warning")


def answer(message=MESSAGE, issues=()):
    return acknowledge(scan_header(message), issues, now=NOW, control_id="A1")


def of_version(version):
    return MESSAGE.replace(b"2.5^FRA^2.11", version)


def test_accepted():
    assert answer() == (
        b"MSH|^~\\&|CRN|TERR|RIS^1.2^ISO|HOP\\T\\CO|20260105083000+0100||ACK^S12^ACK|A1|P|2.5^FRA^2.11|||||FRA|8859/15\r"
        b"MSA|AA|C1\r"
    )


def test_refused_with_locations():
    assert answer(issues=[MISSING, RULE]).split(b"\r")[1:-1] == [
        b"MSA|AE|C1|The appointment has no start.",
        b"ERR||SCH^1^11|101^Required field missing^HL70357|E|||required: The appointment has no start."
        b"|The appointment has no start.",
        b"ERR|||207^Application internal error^HL70357|E|||business-rule at Appointment.slot[0]: The slot is taken."
        b"|The slot is taken.",
    ]


def test_warnings_do_not_spoil_an_acceptance():
    assert answer(issues=[WARNING]).split(b"\r")[1:-1] == [
        b"MSA|AA|C1",
        b"ERR||SCH^1^25|103^Table value not found^HL70357|W|||code-invalid: SCH-25 is not a code of table 0278."
        b"|SCH-25 is not a code of table 0278.",
    ]


def test_the_first_error_decides_even_after_a_warning():
    assert answer(issues=[WARNING, MISSING]).split(b"\r")[1].startswith(b"MSA|AE|")


def test_a_failure_of_ours_is_fatal_and_a_rejection():
    lines = answer(issues=[Issue(Category.UNAVAILABLE, "The store does not answer.")]).split(b"\r")

    assert lines[1].startswith(b"MSA|AR|C1|")
    assert lines[2].startswith(b"ERR|||207^Application internal error^HL70357|F|")


@pytest.mark.parametrize(
    ("version", "event", "error", "reason"),
    [
        (b"2.1", b"ACK^S12", b"ERR|SCH^1^11^101&Required field missing&HL70357", "two components, ERR-1"),
        (b"2.3", b"ACK^S12", b"ERR|SCH^1^11^101&Required field missing&HL70357", "two components, ERR-1"),
        (b"2.3.1", b"ACK^S12^ACK", b"ERR|SCH^1^11^101&Required field missing&HL70357", "third component since 2.3.1"),
        (b"2.4", b"ACK^S12^ACK", b"ERR|SCH^1^11^101&Required field missing&HL70357", "last with ERR-1"),
        (b"2.5", b"ACK^S12^ACK", b"ERR||SCH^1^11|101^Required field missing^HL70357", "ERR-2 since 2.5"),
        (b"2.8", b"ACK^S12^ACK", b"ERR||SCH^1^11|101^Required field missing^HL70357", "ERR-2 since 2.5"),
    ],
)
def test_answers_by_version(version, event, error, reason):
    header, acknowledgement, first, *_ = answer(of_version(version), [MISSING]).split(b"\r")

    assert event == header.split(b"|")[8], reason
    assert first.startswith(error), reason
    assert (b"MSA|AE|C1" if version == b"2.8" else b"MSA|AE|C1|The appointment has no start.") == acknowledgement


def test_several_errors_repeat_in_err_1():
    line = answer(of_version(b"2.3"), [MISSING, WARNING, RULE]).split(b"\r")[2]

    assert line == b"ERR|SCH^1^11^101&Required field missing&HL70357~^^^207&Application internal error&HL70357", (
        "warnings have no place there"
    )


def test_no_offset_before_2_3():
    assert answer(of_version(b"2.2")).split(b"|")[6] == b"20260105083000"


@pytest.mark.parametrize("octets", [b"", b"garbage", b"MSH", b"PID|1\r"])
def test_what_cannot_be_read_is_answered_too(octets):
    refused = answer(octets, [Issue(Category.MALFORMED, "The message does not start with an MSH segment.", "MSH^1")])

    assert refused == (
        b"MSH|^~\\&|||||20260105083000+0100||ACK|A1|P|2.5\r"
        b"MSA|AR||The message does not start with an MSH segment.\r"
        b"ERR||MSH^1|100^Segment sequence error^HL70357|E|||structure: The message does not start with an MSH segment."
        b"|The message does not start with an MSH segment.\r"
    )


def test_the_senders_delimiters_and_bytes():
    message = b"MSH@~&#\\@\xc9t\xe9@B@C@D@2026@@ADT~A01@C1@P@2.4"

    assert answer(message, [Issue(Category.REQUIRED, "a@b", "PID^1^3")]) == (
        b"MSH@~&#\\@C@D@\xc9t\xe9@B@20260105083000+0100@@ACK~A01~ACK@A1@P@2.4\rMSA@AE@C1@a#F#b\r"
        b"ERR@PID~1~3~101\\Required field missing\\HL70357\r"
    )


def test_utf8_bytes_pass_unchanged():
    message = "MSH|^~\\&|Hôpital|B|C|D|2026||ADT^A01|C1|P|2.5".encode()

    assert "Hôpital".encode() in answer(message)


@pytest.mark.parametrize("characters", [b"^", b"^~", b"^~\\"])
def test_senders_with_few_delimiters(characters):
    for version in (b"2.3", b"2.5"):
        message = b"MSH|" + characters + b"|A|B|C|D|2026||ADT^A01|C1|P|" + version

        assert code_of(answer(message, [MISSING, RULE])) == ("AE", "C1")


def code_of(reply):
    read = read_acknowledgement(reply)
    return read.code, read.control_id


def test_answers_carry_no_framing_bytes_and_no_foreign_segments():
    message = b"MSH|^~\\&|A\x1cB|C\nPID|D|E|2026||ADT^A01|C\x0b1|P|2.5"
    reply = answer(message, [Issue(Category.INVALID, "one\rtwo\x1c", "PID^1")])

    assert not {0x0B, 0x1C, 0x0A} & set(reply)
    assert [segment.name for segment in parse(reply).segments] == ["MSH", "MSA", "ERR"]


def test_our_answers_satisfy_the_standard():
    for version in (b"2.3", b"2.4", b"2.5", b"2.8"):
        for issues in ((), (MISSING, RULE)):
            assert [
                issue for issue in check(parse(answer(of_version(version), issues))) if issue.severity == "error"
            ] == []


READ = [
    (b"MSH|^~\\&|A\rMSA|AA|1\r", ("AA", "1", "", "", ""), "shortest"),
    (b"MSH|^~\\&|A\rMSA|AA|1", ("AA", "1", "", "", ""), "last CR missing"),
    (b"MSH|^~\\&|A\nMSA|AA|1\n", ("AA", "1", "", "", ""), "LF"),
    (b"MSH|:;~\\&|A\rMSA|AE|1|no:t\rERR||PID:1:3|101:x\r", ("AE", "1", "no:t"[:2], "101", "PID^1^3"), "its delimiters"),
    (b"MSH|^~\\&|A|||||| ADR^A19\rMSA| AA | 1 \rQRD|x\r", ("AA", "1", "", "", ""), "any reply with an MSA, blanks"),
    (b"MSH|^~\\&|A\rMSA|CA|1\r", ("CA", "1", "", "", ""), "enhanced mode"),
    (b"MSH|^~\\&|A\rMSA|AE|1\rERR|PID^1^3^101&x\r", ("AE", "1", "", "101", "PID^1^3"), "ERR-1"),
    (b"MSH|^~\\&|A\rMSA|AE|1||||207^x\r", ("AE", "1", "", "207", ""), "MSA-6"),
    (b"MSH|^~\\&|A\rMSA|AE|1\rERR||||E|||tech|user\r", ("AE", "1", "user", "", ""), "text of ERR"),
    (b"MSH|^~\\&|||||||||||||||||UNICODE UTF-8\rMSA|AA|1|\xe9\r", ("AA", "1", "é", "", ""), "text mislabelled"),
]


@pytest.mark.parametrize(("octets", "expected", "reason"), READ)
def test_reading_replies(octets, expected, reason):
    read = read_acknowledgement(octets)

    assert expected == (read.code, read.control_id, read.text, read.error_code, read.error_location), reason


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "nothing"),
        (b"NACK sent from receiver", "prose"),
        (b"MSA|AA|1\r", "no header"),
        (b"MSH|^~\\&|A\rMSA\r", "MSA alone"),
        (b"MSH|^~\\&|A\rMSA|AA\r", "no control id"),
        (b'MSH|^~\\&|A\rMSA|AA|""\r', "null control id"),
        (b"MSH|^~\\&|A\rMSA|OK|1\r", "no code"),
        (b"MSH|^~\\&|A\rPID|1\r", "no MSA"),
    ],
)
def test_replies_that_are_none(octets, reason):
    with pytest.raises(FhirError) as raised:
        read_acknowledgement(octets)

    assert raised.value.category == Category.MALFORMED, reason


@pytest.mark.parametrize(
    ("code", "accepted", "rejected"),
    [
        ("AA", True, False),
        ("CA", True, False),
        ("AE", False, False),
        ("CE", False, False),
        ("AR", False, True),
        ("CR", False, True),
    ],
)
def test_what_codes_mean(code, accepted, rejected):
    read = read_acknowledgement(b"MSH|^~\\&|A\rMSA|" + code.encode() + b"|1\r")

    assert (accepted, rejected) == (read.is_accepted, read.is_rejected)


@pytest.mark.parametrize(
    ("control_id", "reply", "expected", "reason"),
    [
        (b"C1", b"MSH|^~\\&|A\rMSA|AA|C1\r", True, "same"),
        (b"C1", b"MSH|^~\\&|A\rMSA|AA|C0\r", False, "a late one"),
        (b"C^1", b"MSH|^~\\&|A\rMSA|AA|C\\S\\1\r", False, "escaped by the receiver: another value"),
        (b"C\\S\\1", b"MSH|:~\\&|A\rMSA|AA|C^1\r", True, "the same value in other delimiters"),
        (b"C1", b"MSH|^~\\&|A\rMSA|AA|\r", True, "names none"),
        (b"C1", b"NACK", True, "no HL7 at all"),
        (b"", b"MSH|^~\\&|A\rMSA|AA|C0\r", True, "nothing to compare"),
    ],
)
def test_telling_answers_apart(control_id, reply, expected, reason):
    request = b"MSH|^~\\&|A|B|C|D|2026||SIU^S12|" + control_id + b"|P|2.5\r"

    assert expected == answers(request, reply), reason


def test_a_separator_that_stands_in_a_version_breaks_no_answer():
    reply = answer(b"MSH.^~\\&.A.B.C.D.2026..ADT^A28.C1.P\r")

    assert b"\rMSA.AA.C1\r" in reply
