import pytest

from adapters.hl7v2.diagnose import explain

HEADER = b"MSH|^~\\&|A|B|C|D|20260105||SIU^S12^SIU_S12|1|P|2.5|||||FRA|8859/15\r"


def test_segment_by_segment():
    report = explain(HEADER + b"SCH|1|2\rPID|1||SECRET||DUPONT^J\xe9r\xf4me\rXYZ|1\rZBE|1\r")

    assert "SIU^S12, read as version 2.5, structure SIU_S12, 5 segments" in report
    assert "1. MSH: nothing to report." in report
    assert "2. SCH: [error] SCH-6 Event reason is required" in report
    assert "4. not a segment of this version" in report
    assert "5. ZBE (by agreement)" in report
    assert "The segment RGS is required in SIU_S12 and absent." in report
    assert "hl7apy cannot read it" in report


def test_hl7apy_adds_what_it_knows():
    report = explain(HEADER + b"SCH|1|2||||RDV" + b"|" * 10 + b"X||||Y\rPID|1||1||A||x|QQ\rRGS|1\r")

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


def test_several_messages_are_told_one_by_one():
    assert explain(HEADER + b"SCH|1\r" + HEADER + b"SCH|2\r").count("read as version 2.5") == 2
