"""Invented people have identifiers of the right shape, and no two runs share them."""

from datetime import date

import pytest

from adapters.demo.person import INS_TEST, Person, doctor, make_ins


@pytest.mark.parametrize("serial", [0, 998, 999, 120_878, 43_516_439, 1_767_596_400_000])
def test_an_ins_has_thirteen_digits_and_their_key(serial: int) -> None:
    ins = make_ins(serial, "2")

    assert 15 == len(ins)
    assert 97 - int(ins[:13]) % 97 == int(ins[13:])


def test_consecutive_serials_are_different_people() -> None:
    assert 5000 == len({make_ins(serial, "1") for serial in range(5000)})


def test_a_person_is_the_same_in_a_message_and_in_a_resource() -> None:
    person = Person("Songerêve", "Camille", make_ins(120_879 * 14, "2"), "P1", "+33639980101")
    message, patient = person.hl7(), person.patient()

    assert date(1971, 3, 1) == person.birth_date
    assert ("19710301", "1971-03-01") == (message["birth_date"], patient["birthDate"])
    assert ("F", "female") == (message["sex"], patient["gender"])
    assert ("SONGERÊVE", "Songerêve") == (message["family"], patient["name"][0]["family"])
    assert [person.number, person.ins] == [identifier["value"] for identifier in patient["identifier"]]
    assert INS_TEST == patient["identifier"][1]["system"]


def test_a_doctor_is_named_by_the_prefixed_rpps() -> None:
    assert {"doctor_id": "899700960018", "doctor_family": "BRUMEVAL", "doctor_given": "ALIÉNOR"} == doctor(0)
    assert "ONDECLAIRE" == doctor(-1)["doctor_family"]
