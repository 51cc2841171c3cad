"""The messages of the day say what they mean, where HL7 v2.5 wants it."""

from importlib.resources import files
from typing import Any

import pytest

from adapters.demo import templates
from adapters.demo.person import Person, doctor, make_ins
from adapters.hl7v2.parse import parse

NAMES = sorted(
    entry.name.removesuffix(".hl7")
    for entry in (files("adapters.demo") / "messages").iterdir()
    if entry.name.endswith(".hl7")
)
VALUES = {
    "now": "20260105091500",
    "control_id": "D176760000000001",
    "appointment": "RDV1-1",
    "start": "20260105140000",
    "end": "20260105141300",
    "minutes": "13",
    "visit": "V1",
    "movement": "M1",
    "referral": "SAMU1",
    "expiry": "20260107091500",
    **doctor(0),
    **Person("Songerêve", "Camille", make_ins(0, "2"), "P1", "+33639980101").hl7(),
}


def message(template: str) -> Any:
    return parse(templates.render(template, **VALUES))


def test_all_messages_of_the_day_are_there() -> None:
    expected = [
        "hospital_A04",
        "hospital_S12",
        "hospital_S12_without_time",
        "hospital_S13",
        "hospital_S15",
        "samu_I12",
    ]

    assert expected == NAMES


@pytest.mark.parametrize("template", NAMES)
def test_every_message_has_its_header_and_its_patient(template: str) -> None:
    parsed = message(template)

    assert "D176760000000001" == parsed.get("MSH-10")
    assert "2.5" == parsed.get("MSH-12.1")
    assert "UNICODE UTF-8" == parsed.get("MSH-18")
    assert ("CRENEAU", "CPTS-DEMO") == (parsed.get("MSH-5"), parsed.get("MSH-6"))
    assert ("P1", "PI") == (parsed.get("PID-3.1"), parsed.get("PID-3.5"))
    assert ("270019600100171", "INS") == (parsed.get("PID-3[2].1"), parsed.get("PID-3[2].5"))
    assert "1.2.250.1.213.1.4.10" == parsed.get("PID-3[2].4.2")
    assert ("SONGERÊVE", "CAMILLE", "L") == (parsed.get("PID-5.1"), parsed.get("PID-5.2"), parsed.get("PID-5.7"))
    assert ("19700101", "F", "VALI") == (parsed.get("PID-7"), parsed.get("PID-8"), parsed.get("PID-32"))
    assert ("BDL", "96001") == (parsed.get("PID-11[2].7"), parsed.get("PID-11[2].9"))
    assert "+33639980101" == parsed.get("PID-13.12")


def test_the_visit_has_its_number_and_its_movement() -> None:
    parsed = message("hospital_A04")

    assert ("E", "V1", "VN") == (parsed.get("PV1-2"), parsed.get("PV1-19.1"), parsed.get("PV1-19.5"))
    assert VALUES["now"] == parsed.get("PV1-44")
    assert ("M1", "INSERT", "N", "HMS") == tuple(parsed.get(place) for place in ("ZBE-1.1", "ZBE-4", "ZBE-5", "ZBE-9"))


@pytest.mark.parametrize(
    ("template", "status"), [("hospital_S12", "Booked"), ("hospital_S13", "Booked"), ("hospital_S15", "Cancelled")]
)
def test_an_appointment_has_its_number_time_doctor_and_status(template: str, status: str) -> None:
    parsed = message(template)

    assert ("RDV1-1", "CH-DEMO") == (parsed.get("SCH-2.1"), parsed.get("SCH-2.2"))
    assert (VALUES["start"], VALUES["end"]) == (parsed.get("SCH-11.4"), parsed.get("SCH-11.5"))
    assert (VALUES["start"], VALUES["end"]) == (parsed.get("TQ1-7"), parsed.get("TQ1-8"))
    assert ("13", "min", status) == (parsed.get("SCH-9"), parsed.get("SCH-10"), parsed.get("SCH-25.1"))
    assert ("899700960018", "IDNPS") == (parsed.get("AIP-3.1"), parsed.get("AIP-3.13"))
    assert (VALUES["start"], "13", "min") == tuple(parsed.get(place) for place in ("AIP-6", "AIP-9", "AIP-10"))
    assert (VALUES["start"], "13", "min") == tuple(parsed.get(place) for place in ("AIS-4", "AIS-7", "AIS-8"))


def test_the_message_to_be_refused_says_no_time_anywhere() -> None:
    sent = templates.render("hospital_S12_without_time", **{**VALUES, "now": "20260105"})

    assert VALUES["start"].encode() not in sent
    assert None is parse(sent).get("SCH-11")


def test_the_referral_has_its_number_and_reason() -> None:
    parsed = message("samu_I12")

    assert ("SAMU1", "SAMU-DEMO") == (parsed.get("RF1-6.1"), parsed.get("RF1-6.2"))
    assert ("P", "A", VALUES["expiry"]) == (parsed.get("RF1-1.1"), parsed.get("RF1-2.1"), parsed.get("RF1-8"))
    assert ("RP", "899700960018") == (parsed.get("PRD-1.1"), parsed.get("PRD-7.1"))
    assert "R50.9" == parsed.get("DG1-3.1")


def test_a_value_not_given_is_an_error() -> None:
    with pytest.raises(KeyError, match="control_id"):
        templates.render("hospital_A04", now="20260105091500")
