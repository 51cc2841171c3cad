"""Habits of senders that say less, or say it elsewhere, than the standard asks: taken, and nothing of it lost."""

from typing import Any

import pytest

from adapters.hl7v2.acknowledge import Acknowledgement, read_acknowledgement
from adapters.service import House
from tests.visits import stored

PID = "PID|1||000777^^^CH-DEMO^PI||ESSAI^Camille^^^^^L||19790328|F"
SCH = "SCH|P1^GAM|F1^GAM||||RDV|||20|min|^^20^20270303090000^20270303092000||||||||||||||Booked"


def sent(house: House, kind: str, *segments: str, mode: str = "P") -> Acknowledgement:
    header = rf"MSH|^~\&|GAM|CH-DEMO|CRENEAU|CPTS-DEMO|20260302080000||{kind}|M1|{mode}|2.5|||||FRA|UNICODE UTF-8"
    answer = house.receiver("hospital").receive(("\r".join([header, *segments]) + "\r").encode())
    return read_acknowledgement(answer)


def only(house: House, type_name: str) -> dict[str, Any]:
    (found,) = stored(house, type_name)
    return found


@pytest.mark.parametrize(
    ("resource", "named"),
    [
        ("AIP|1||^MODELE^Anne^^^Dr", "Dr Anne MODELE"),
        ("AIL|1||^12", "12"),
        ("AIL|1||^^^^^^^^Salle de kinésithérapie", "Salle de kinésithérapie"),
        ("AIL|1||^^^CH-ANNEXE", "CH-ANNEXE"),
    ],
)
def test_a_resource_without_its_first_component_still_takes_part(house: House, resource: str, named: str) -> None:
    assert sent(house, "SIU^S12^SIU_S12", SCH, PID, "RGS|1", resource).code == "AA"
    patient, other = only(house, "Appointment")["participant"]
    assert (other["actor"]["display"], other["status"], other["required"]) == (named, "accepted", "required")
    assert patient["actor"]["reference"].startswith("Patient/")


@pytest.mark.parametrize("mode", ["P^T", "T^", "D^A"])
def test_the_processing_mode_may_follow_the_processing_id(house: House, mode: str) -> None:
    answer = sent(house, "ADT^A28^ADT_A05", "EVN||20260302080000", PID, mode=mode)
    assert (answer.code, answer.text) == ("AA", "")


def test_an_unknown_processing_id_is_refused(house: House) -> None:
    assert sent(house, "ADT^A28^ADT_A05", "EVN||20260302080000", PID, mode="X^T").code == "AR"


def test_the_customary_name_of_a_record_number_is_one(house: House) -> None:
    booked = PID.replace("^PI", "^MRN")
    assert sent(house, "ADT^A28^ADT_A05", "EVN||20260302080000", booked).code == "AA"
    (number,) = only(house, "Patient")["identifier"]
    assert number["type"]["coding"][0]["code"] == "MR"


def test_one_repetition_may_hold_a_number_and_a_mail_address(house: House) -> None:
    both = f"{PID}|||||0102030405^PRN^PH^camille@exemple.test"
    assert sent(house, "ADT^A28^ADT_A05", "EVN||20260302080000", both).code == "AA"
    told = [(line["system"], line["value"], line.get("use")) for line in only(house, "Patient")["telecom"]]
    assert told == [("phone", "0102030405", "home"), ("email", "camille@exemple.test", "home")]
