import pytest

from adapters.hl7v2.conformance import findings
from adapters.hl7v2.parse import parse

HEADER = b"MSH|^~\\&|A|B|C|D|20260105||ADT^A01^ADT_A01|1|P|%s|||||FRA|8859/15\r"


def found(segment, version=b"2.5"):
    return [
        (issue.severity, issue.expression, issue.diagnostics) for issue in findings(parse(HEADER % version + segment))
    ]


def test_a_message_in_order_has_no_findings():
    assert found(b"EVN||20260105083000+0100\rPID|1||1^^^H&1.2.3&ISO^PI||A^B^^^^^L||19790328|F\rPV1|1|I|A^B^C\r") == []


@pytest.mark.parametrize(
    ("segment", "severity", "place", "words", "reason"),
    [
        (b"EVN||05/01/2026", "error", "EVN^1^2^1^1", "EVN-2.1 Time is no date or time of HL7 v2", "a type"),
        (b"EVN||2026-01-05", "warning", "EVN^1^2^1^1", "in ISO 8601 form", "a form we read all the same"),
        (b"SCH|1|2||||A|||x", "error", "SCH^1^9", "SCH-9 Appointment duration is no number (NM)", "no number"),
        (b"PID|one", "error", "PID^1^1", "PID-1 Set id pid is no sequence number (SI)", "no count"),
        (b"NK1|1|||||||20260230", "error", "NK1^1^8", "is no date or time", "a day that does not exist"),
        (b"NK1|1|||||||202602200830", "error", "NK1^1^8", "type DT is a day", "a time where a day is meant"),
        (b"PID|1||1||A^B~C^D|||K", "information", "PID^1^8", "no code of table 0001", "a table sites extend"),
        (b"PID|1||1||A|||f", "warning", "PID^1^8", "as F it would be", "a code in small letters"),
        (b"PV1|1|I|||||||||||||||||||||||||||||||||||||||||||||||||||X", "warning", "PV1^1^53", "1 fields", "surplus"),
        (b"SCH|1|2||||A|||5|min^^^^^^x", "warning", "SCH^1^10", "7 parts, and type CE defines 6", "surplus components"),
        (b"SCH|1|2||||A|||5^min", "warning", "SCH^1^9", "2 parts, and type NM is one text", "a component in a number"),
        (b"SCH|1|2||||A||30^MIN", "warning", "SCH^1^8", "looks like a duration and not like a code", "one field early"),
        (
            b"AIS|1||CS|||20260303090000",
            "warning",
            "AIS^1^6",
            "looks like a time and not like a code",
            "two fields late",
        ),
        (b"PID|1||1||A||1979~1980", "warning", "PID^1^7", "occurs 2 times, and may occur once", "repetition"),
        (b"PID|1||1||A||||||" + b"x" * 200, "warning", "PID^1^11^1^1^1", "200 characters long", "length"),
        (b"PID|1||1||C:\\temp", "warning", "PID^1^5^1^1^1", "begins no escape sequence", "a stray escape character"),
        (b"PID|1||1||A\x01B", "warning", "PID^1^5^1^1^1", "control character", "a control character"),
    ],
)
def test_what_is_odd_is_told_with_its_place(segment, severity, place, words, reason):
    matching = [one for one in found(segment + b"\r") if one[:2] == (severity, place) and words in one[2]]

    assert len(matching) == 1, (reason, found(segment + b"\r"))


def test_a_segment_glued_to_the_line_before_is_recognised():
    told = found(b"PID|1||1||A" + b"|" * 36 + b"NK1|1|B\r")

    assert any("is the name NK1: a line end may be missing before it" in text for _, _, text in told)


def test_lengths_ended_with_version_2_7():
    segment = b"PID|1||1||A||||||" + b"x" * 200 + b"\r"

    assert not any("characters long" in text for _, _, text in found(segment, b"2.7"))


def test_prose_and_unknown_types_are_left_alone():
    assert found(b"NTE|1||a^b & c~d\rOBX|1|NM|A^B^L||x^y\rZZZ|anything^^\x01\r") == []
