import pytest

from adapters.hl7v2 import diagnose

HEADER = b"MSH|^~\\&|A|B|C|D|20260105||SIU^S12^SIU_S12|1|P|2.5|||||FRA|8859/15\r"


def explain(octets, **options):
    return diagnose.explain(octets, **options).text


def test_segment_by_segment():
    report = explain(HEADER + b"SCH|1|2\rPID|1||SECRET||DUPONT^J\xe9r\xf4me\rXYZ|1\rZBE|1\r")

    assert "SIU^S12, read as version 2.5, structure SIU_S12, 5 segments" in report
    assert "1. MSH Message header: nothing to report." in report
    assert "2. SCH Scheduling activity\n   [error] SCH-6 Event reason is required" in report
    assert "4. not a segment of this version" in report
    assert "5. ZBE Movement, by agreement: nothing to report." in report
    assert "The segment RGS is required in SIU_S12 and absent." in report
    assert "hl7apy, tolerantly: 2 of 5 segments have no place in the structure." in report


def test_hl7apy_adds_what_it_knows():
    report = explain(HEADER + b"SCH|1|2||||RDV" + b"|" * 10 + b"X||||Y\rPID|1||1||A||2020|QQ\rRGS|1\r")

    assert "PID-8 is not a code of table 0001." in report


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xff\xfe",
        b"PID|1",
        b"MSH|^~\\&",
        b"MSH|^~\\&#|A|||||||ADT^A01|1|P|2.5\rPID|||\\\x00\r",
        b"MSH|^~\\&|A|||||||SECRET^SECRET^SECRET|1|P|9.9\rSECRET\r",
        HEADER + b"SCH|" + b"^~&\\" * 50 + b"\r\rMSH|^~\\&|A\r",
        HEADER.replace(b"8859/15", b"UNICODE UTF-8") + b"PID|1||\xe9\r",
        HEADER.replace(b"8859/15", b"SECRET") + b"PID|1||\xe9\r",
    ],
)
def test_it_survives_everything_and_repeats_no_value(octets):
    report = explain(octets)

    assert report
    assert "SECRET" not in report


def test_values_of_persons_are_not_repeated():
    body = b"PID|1||9988776^^^H||DUPONT^MARIE||19990101|DUPONT|||1 RUE SECRETE\rPV1|1|DUPONT\r"
    report = explain(HEADER + body)

    for value in ("DUPONT", "MARIE", "9988776", "19990101", "SECRETE"):
        assert value not in report


def test_values_are_shown_when_asked_for():
    report = explain(HEADER + b"PID|1||9988776^^^H||DUPONT^MARIE||1999-13-01|QQ\r", values=True)

    assert "PID-7.1 Time is no date or time of HL7 v2. It is '1999-13-01'." in report
    assert "PID-8 Administrative sex is no code of table 0001" in report
    assert "It is 'QQ'." in report


def test_hl7apy_is_asked_strictly_first():
    acknowledgement = b"MSH|^~\\&|A|B|C|D|20260105||ACK^A01^ACK|1|P|2.5\rMSA|AA|1\r"

    assert "hl7apy, strictly: nothing to report." in explain(acknowledgement)


def test_what_hl7apy_drops_is_told_and_still_looked_at():
    report = explain(HEADER.replace(b"SIU^S12^SIU_S12", b"ADT^A01") + b"EVN||2026\rPID|1||1||A|||QQ\rPV1|1|I\rZBE|1\r")

    assert "segments have no place in the structure." in report
    assert "hl7apy, segment by segment:" in report
    assert "PID-8 is not a code of table 0001." in report


def test_hl7apy_is_spared_what_would_take_it_minutes():
    assert "hl7apy: not asked" in explain(HEADER + b"NTE|1||" + b"x" * 300_000 + b"\r")


def test_errors_are_counted_and_several_messages_told_one_by_one():
    explanation = diagnose.explain(HEADER + b"SCH|1\r" + HEADER + b"SCH|2\r")

    assert explanation.text.count("read as version 2.5") == 2
    assert "Message 2 of 2" in explanation.text
    assert explanation.errors == explanation.text.count("[error]") > 2


def test_an_empty_msh_18_means_what_the_feed_says():
    octets = b"MSH|^~\\&|A|||||||||||||\rPID|1||||\xe9\r"

    assert "text in iso8859-1," in explain(octets, charset="8859/1")
    assert "cannot be read" in explain(octets, charset="UNICODE UTF-8")
