"""`creneau hl7 explain` and `creneau hl7 map`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.cli import main

HEADER = b"MSH|^~\\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||%s|M1|P|2.5|||||FRA|8859/15\r"
PERSON = b"PID|1||777^^^CH-DEMO^PI||ESSAI^Camille^^^^^L||19790328|F\r"
ADMISSION = HEADER % b"ADT^A28^ADT_A05" + b"EVN||20260302080000\r" + PERSON


@pytest.fixture
def explained(tmp_path: Path):
    def run(octets: bytes, *options: str) -> Result:
        file = tmp_path / "message.hl7"
        file.write_bytes(octets)
        return CliRunner().invoke(main, ["hl7", "explain", str(file), *options])

    return run


def test_a_message_in_order_ends_with_0(explained) -> None:
    result = explained(ADMISSION + b"PV1|1|N\r")

    assert 0 == result.exit_code, result.output
    assert "3. PID Patient identification: nothing to report." in result.output


def test_findings_are_told_without_values(explained) -> None:
    result = explained(ADMISSION.replace(b"19790328", b"28/03/1979"))

    assert 1 == result.exit_code
    assert "[error] PID-7.1 Time is no date or time of HL7 v2." in result.output
    assert "28/03/1979" not in result.output
    assert "ESSAI" not in result.output


def test_values_are_shown_when_asked_for(explained) -> None:
    result = explained(ADMISSION.replace(b"19790328", b"28/03/1979"), "--values")

    assert "It is '28/03/1979'." in result.output


def test_a_feed_says_what_it_makes_of_it(explained) -> None:
    result = explained(ADMISSION, "--feed", "hospital")

    assert "Feed hospital understands message 1: Patient." in result.output


def test_a_feed_says_why_it_refuses(explained) -> None:
    result = explained(ADMISSION.replace(b"777^^^CH-DEMO^PI", b"") + HEADER % b"ZZZ^Z01", "--feed", "hospital")

    assert "Feed hospital refuses message 1 with AE:\n   [error] 101 at PID^1^3: " in result.output
    assert "Feed hospital refuses message 2 with AR:\n   [error] 200 at MSH^1^9: " in result.output


def test_a_feed_that_does_not_exist_is_told(explained) -> None:
    result = explained(ADMISSION, "--feed", "nobody")

    assert 1 == result.exit_code
    assert "there is no feed nobody; there are hospital, samu" in result.output


def test_what_is_no_message_is_explained(explained) -> None:
    result = explained(b"%PDF-1.7")

    assert 1 == result.exit_code
    assert "The message does not start with an MSH segment." in result.output


def test_standard_input_is_read() -> None:
    result = CliRunner().invoke(main, ["hl7", "explain", "-"], input=ADMISSION)

    assert "ADT^A28, read as version 2.5, structure ADT_A05" in result.output


BOOKING = (
    HEADER % b"SIU^S12^SIU_S12"
    + b"SCH|P1^GAM|F1^GAM||||RDV|||20|min|^^^20260303090000\r"
    + PERSON
    + b"RGS|1\rAIP|1||10100001238^ESSAI^Ada\r"
)


@pytest.fixture
def mapped(tmp_path: Path):
    def run(octets: bytes, *options: str) -> Result:
        file = tmp_path / "message.hl7"
        file.write_bytes(octets)
        return CliRunner().invoke(main, ["hl7", "map", str(file), "--feed", "hospital", *options])

    return run


def bundle(output: str) -> dict:
    return json.JSONDecoder().raw_decode(output[output.index("{") :])[0]


def test_the_bundle_is_what_would_be_written(mapped) -> None:
    result = mapped(BOOKING, "--values")

    made = bundle(result.output)
    resources = [entry["resource"] for entry in made["entry"]]
    assert (0, "collection") == (result.exit_code, made["type"])
    assert ["Patient", "Practitioner", "Appointment"] == [one["resourceType"] for one in resources]
    assert "http://127.0.0.1:8080/fhir/Appointment/appointment-1" == made["entry"][2]["fullUrl"]
    assert ("appointment-1", "2026-03-03T09:00:00+01:00") == (resources[2]["id"], resources[2]["start"])
    assert ["Patient/patient-1", "Practitioner/practitioner-1"] == [
        one["actor"]["reference"] for one in resources[2]["participant"]
    ]


def test_each_element_has_its_row(mapped) -> None:
    lines = [line.split() for line in mapped(BOOKING).output.splitlines()]

    assert ["start", "2.", "SCH-11.4", "instant", "inbound/SCH_Appointment.csv:start"] in lines
    assert ["status", "plan", "defaults", "inbound/SIU.toml:appointment"] in lines


def test_values_are_hidden_unless_asked_for(mapped) -> None:
    output = mapped(BOOKING).output

    assert not [word for word in ("ESSAI", "Camille", "1979-03-28", "10100001238", "777") if word in output]
    assert "Patient/patient-1" in output
    assert '= "1979-03-28"' in mapped(BOOKING, "--values").output


def test_an_error_is_told_as_the_acknowledgement_would(mapped) -> None:
    result = mapped(BOOKING.replace(b"20260303090000", b"") + ADMISSION)

    assert 1 == result.exit_code
    assert "Message 1\n" in result.output
    assert "refuses it with AE:\n   [error] 101 at SCH^1^11: Appointment.start cannot be told" in result.output
    assert "Message 2\n{" in result.output


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"|2.5|", b"|3.0|", "AR:\n   [error] 203 at MSH^1^12"),
        (b"SIU^S12^SIU_S12", b"ZZZ^Z01", "AR:\n   [error] 200 at MSH^1^9"),
        (b"MSH", b"HSM", "AR:\n   [error] 100 at MSH^1"),
    ],
)
def test_a_message_refused_by_its_header_is_told(mapped, old: bytes, new: bytes, told: str) -> None:
    result = mapped(BOOKING.replace(old, new))

    assert (1, True) == (result.exit_code, told in result.output), result.output


def test_what_is_only_asked_for_is_not_in_the_bundle(mapped) -> None:
    body = b"QRD|20260302|R|I|Q1|||5^RD|ALL|SOF\rQRF|CPTS|202603030000|202603040000\rRGS|1\r"
    result = mapped(HEADER % b"SQM^S25^SQM_S25" + body)

    assert [] == bundle(result.output)["entry"]
    assert ": query" in result.output
