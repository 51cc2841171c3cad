"""Persons told by ADT: made, changed, withdrawn, merged, renumbered; what refers to them follows."""

import dataclasses
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from adapters.service import House, build_house
from fhir_server.settings import Settings
from tests.visits import AUTHORITY, INS, INS_AUTHORITY, Told, fields, movement, only, stored, tell

EIGHT, NINE, TEN, NOON = (f"20260302{hour}0000" for hour in ("08", "09", "10", "12"))
SYSTEM = "urn:oid:1.2.250.1.999.1"
INS_SYSTEM = "urn:oid:1.2.250.1.213.1.4.10"


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    built = build_house(settings, pool_size=2)
    yield built
    built.services.close()


def person(event: str, recorded: str, **named: Any) -> Told:
    return Told(event, recorded, **{"visit": "", **named})


def mrg(ipp: str, account: str = "", visit: str = "", authority: str = f"{AUTHORITY}^PI") -> str:
    """MRG: the patient, account and visit number that were."""
    numbers = {3: f"{account}^^^{AUTHORITY}^AN" if account else "", 5: f"{visit}^^^{AUTHORITY}^VN" if visit else ""}
    return fields("MRG", {1: f"{ipp}^^^{authority}" if ipp else "", **numbers})


def numbers(patient: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(one["system"], one["value"], one.get("use", "")) for one in patient["identifier"]}


def by_ipp(house: House, ipp: str) -> dict[str, Any]:
    return next(one for one in stored(house, "Patient") if any(n["value"] == ipp for n in one["identifier"]))


def extension(patient: dict[str, Any], word: str) -> dict[str, Any]:
    return next(one for one in patient["extension"] if word in one["url"])


def test_a_person_who_is_withdrawn_stays_and_is_inactive_in_any_order(house: House) -> None:
    told = [
        person("A28", EIGHT),
        person("A31", NINE, name="AUTRE^Camille^^^^^L"),
        person("A29", TEN, name="AUTRE^Camille^^^^^L"),
    ]
    for number, order in enumerate(permutations(told)):
        tell(house, *(dataclasses.replace(one, ipp=f"W{number}", control_id=f"{number}{one.event}") for one in order))
        patient = by_ipp(house, f"W{number}")

        assert (patient["active"], patient["name"][0]["family"]) == (False, "AUTRE")


def test_names_addresses_and_birth_place_are_told_apart(house: House) -> None:
    pid = {
        3: f"000777^^^{AUTHORITY}^PI",
        5: "ESSAI^CAMILLE^CAMILLE ANNE^^^^L~USAGE^Camille^^^^^D",
        7: "19790328",
        8: "F",
        10: "1",
        11: "1 rue Haute^^VALMONT^^63999^FRA^H~^^^^^^BDL^^63220",
        13: "^PRN^PH^^^^^^^^^0473000000~^NET^Internet^camille@exemple.invalid",
        17: "CAT",
        22: "X",
        32: "VALI",
    }
    told = person(
        "A28", EIGHT, rest=("ZFA|ACTIF", "ZFP|1|23", "ZFV||1", "ZFM|8", "ZFD|||Y|N|INSI|20260301|CN", "ZXX|1")
    )
    octets = told.octets().replace(told.person()[0].encode(), fields("PID", {1: "1", **pid}).encode())
    reply = house.receiver("hospital").receive(octets)
    patient = only(house, "Patient")
    reliability = {one["url"]: one for one in extension(patient, "identity-reliability")["extension"]}

    assert b"\rMSA|AA|" in reply
    assert [(one["use"], one["family"]) for one in patient["name"]] == [("official", "ESSAI"), ("usual", "USAGE")]
    assert [one["city"] for one in patient["address"]] == ["VALMONT"]
    assert extension(patient, "birthPlace")["valueAddress"]["extension"][0]["valueCoding"]["code"] == "63220"
    assert reliability["identityStatus"]["valueCoding"]["code"] == "VALI"
    assert reliability["methodCollection"]["valueCoding"]["code"] == "INSI"
    assert reliability["dateInterrogationINSi"]["valueDate"] == "2026-03-01"
    assert extension(patient, "sms-consent")["valueBoolean"] is True
    assert not {"religion", "race", "ethnic"} & {word for one in patient["extension"] for word in one["url"].split("-")}


def test_contacts_and_the_family_doctor_are_told(house: House) -> None:
    doctor = "10100002459^ADA^Anne^^^^^^^^^^RPPS"
    middle = (
        f"ROL|1|UC|ODRP|{doctor}",
        f"ROL|2|UC|SUBS|{doctor.replace('ADA', 'EVE').replace('2459', '1238')}",
        "NK1|1|PROCHE^Luc|SPO^Conjoint||^PRN^CP^^^^^^^^^0600000000|| C^Contact",
        "NK1|2||OTH^Autre",
    )
    tell(house, person("A28", EIGHT, middle=middle))
    patient, practitioner = only(house, "Patient"), only(house, "Practitioner")

    assert patient["generalPractitioner"] == [{"reference": f"Practitioner/{practitioner['id']}"}]
    assert [one["name"]["family"] for one in patient["contact"]] == ["PROCHE"]
    assert practitioner["name"][0]["family"] == "ADA"


def test_an_ins_is_kept_only_of_a_qualified_identity(house: House) -> None:
    tell(house, person("A28", EIGHT, ipp="1", numbers=f"~{INS}"))
    tell(house, person("A28", NINE, ipp="2", numbers=f"~{INS.replace('2790', '2791')}", status="PROV"))
    tell(house, person("A28", TEN, ipp="3", numbers=f"~{INS.replace('2790', '2792')}", status=""))

    assert [(INS_SYSTEM in {number[0] for number in numbers(one)}) for one in stored(house, "Patient")] == [
        True,
        False,
        False,
    ]


WITHDRAWN = {
    "deleted": person(
        "A47", NINE, numbers=f'~""^^^{INS_AUTHORITY}', rest=(mrg("279036322012369", authority=INS_AUTHORITY),)
    ),
    "deleted by name": person("A47", NINE, numbers='~""^^^ASIP-SANTE-INS-NIR^INS', rest=(mrg("000777"),)),
    "no longer qualified": person("A47", NINE, status="PROV", rest=(mrg("000777"),)),
}


@pytest.mark.parametrize("name", WITHDRAWN)
def test_every_ins_goes_when_it_is_withdrawn_in_any_order(house: House, name: str) -> None:
    told = [person("A28", EIGHT, numbers=f"~{INS}"), WITHDRAWN[name]]
    for number, order in enumerate((told, told[::-1])):
        mine = [dataclasses.replace(one, ipp=f"I{number}", control_id=f"{number}{one.event}") for one in order]
        mine = [
            dataclasses.replace(one, rest=tuple(text.replace("000777", one.ipp) for text in one.rest)) for one in mine
        ]
        answers = tell(house, *mine)

        assert [answer.code for answer in answers] == ["AA", "AA"]
        assert numbers(by_ipp(house, f"I{number}")) == {(SYSTEM, f"I{number}", "")}


def test_an_ins_that_changes_replaces_the_old_one(house: House) -> None:
    new = INS.replace("2790", "2791")
    old = mrg("279036322012369", authority=INS_AUTHORITY)
    tell(house, person("A28", EIGHT, numbers=f"~{INS}"), person("A47", NINE, numbers=f"~{new}", rest=(old,)))

    assert numbers(only(house, "Patient")) == {(SYSTEM, "000777", ""), (INS_SYSTEM, new[:15], "official")}


def test_a_number_that_changes_is_the_same_person_before_and_after(house: House) -> None:
    tell(house, person("A28", EIGHT), person("A47", NINE, ipp="NEW", rest=(mrg("000777"),)))
    tell(house, person("A31", TEN, ipp="NEW", name="AUTRE^Camille^^^^^L"), movement("A01", EIGHT, "M1"))
    patient = only(house, "Patient")

    assert numbers(patient) == {(SYSTEM, "NEW", ""), (SYSTEM, "000777", "old")}
    assert only(house, "Encounter")["subject"]["reference"] == f"Patient/{patient['id']}"


SIU = (
    "SCH|P1^GAM|F1^GAM||||RDV|ROUTINE^^HL70276||20|min|^^20^20260403090000^20260403092000|||||D^ESSAI|||||||||Booked",
    "RGS|1",
    "AIS|1||CS^Consultation",
)


def appointment(ipp: str) -> bytes:
    head = Told("A28", EIGHT, ipp=ipp)
    octets = "\r".join([head.octets().decode().split("\r")[0], SIU[0], head.person()[0], *SIU[1:]]) + "\r"
    return octets.replace("ADT^A28", "SIU^S12^SIU_S12").encode()


def test_a_merge_takes_everything_along_in_any_order(house: House) -> None:
    receiver = house.receiver("hospital")
    merge = person("A40", NOON, ipp="KEPT", rest=(mrg("GONE"),))
    told = [
        person("A28", EIGHT, ipp="KEPT").octets(),
        movement("A01", NINE, "M1", ipp="GONE", visit="STAY", name="FAUX^Camille^^^^^L").octets(),
        appointment("GONE"),
        merge.octets(),
        movement(
            "A02", TEN, "M2", ipp="GONE", visit="STAY", name="FAUX^Camille^^^^^L", place="CHIR^1^1^CH-DEMO"
        ).octets(),
    ]
    for number, order in enumerate(
        [told, told[::-1], told[2:] + told[:2], [told[3], told[1], told[0], told[2], told[4]]]
    ):
        for index, octets in enumerate(order):
            for word in (b"KEPT", b"GONE", b"STAY", b"F1^GAM", b"P1^GAM"):
                octets = octets.replace(word, str(number).encode() + word)
            reply = receiver.receive(octets.replace(b"|P|2.5", f"-{number}{index}|P|2.5".encode()))
            assert b"\rMSA|AA|" in reply
        kept, gone = by_ipp(house, f"{number}KEPT"), by_ipp(house, f"{number}GONE")

        assert kept["link"] == [{"other": {"reference": f"Patient/{gone['id']}"}, "type": "replaces"}]
        assert gone["link"] == [{"other": {"reference": f"Patient/{kept['id']}"}, "type": "replaced-by"}]
        assert (gone["active"], numbers(gone)) == (False, {(SYSTEM, f"{number}GONE", "old")})
        assert kept["name"][0]["family"] == "ESSAI"
        visit, booked = stored(house, "Encounter")[-1], stored(house, "Appointment")[-1]
        assert visit["subject"]["reference"] == f"Patient/{kept['id']}"
        people = {one["actor"].get("reference") for one in booked["participant"]}
        assert (f"Patient/{kept['id']}" in people, f"Patient/{gone['id']}" in people) == (True, False)
        assert len(visit["location"]) == 1


def test_merges_of_merges_are_followed(house: House) -> None:
    first, second = person("A40", NINE, ipp="B", rest=(mrg("A"),)), person("A40", TEN, ipp="C", rest=(mrg("B"),))
    tell(house, movement("A01", EIGHT, "M1", ipp="A"), second, first)

    assert only(house, "Encounter")["subject"]["reference"] == f"Patient/{by_ipp(house, 'C')['id']}"


def test_a_merge_is_taken_back_by_one_the_other_way_round(house: House) -> None:
    tell(house, movement("A01", EIGHT, "M1", ipp="A"), person("A40", NINE, ipp="B", rest=(mrg("A"),)))
    tell(house, person("A40", TEN, ipp="A", rest=(mrg("B"),)))
    first, second = by_ipp(house, "A"), by_ipp(house, "B")

    assert (first["active"], second["active"]) == (True, False)
    assert [one["type"] for one in (*first["link"], *second["link"])] == ["replaces", "replaced-by"]
    assert only(house, "Encounter")["subject"]["reference"] == f"Patient/{first['id']}"


@pytest.mark.parametrize("event", ["A18", "A30", "A34", "A39"])
def test_older_forms_of_a_merge_are_taken(house: House, event: str) -> None:
    tell(house, person(event, NINE, ipp="B", rest=(mrg("A"),)))

    assert by_ipp(house, "A")["active"] is False


@pytest.mark.parametrize("late", [False, True])
def test_a_visit_moves_to_another_patient(house: House, late: bool) -> None:
    visit = movement("A01", EIGHT, "M1", ipp="WRONG")
    moved = person(
        "A45", NINE, ipp="RIGHT", rest=(mrg("WRONG", visit="V1"), fields("PV1", {2: "I", 19: f"V1^^^{AUTHORITY}^VN"}))
    )
    again = movement("A02", "20260302083000", "M2", ipp="WRONG")
    tell(house, *((moved, visit, again) if late else (visit, moved, again)))
    found = only(house, "Encounter")

    assert found["subject"]["reference"] == f"Patient/{by_ipp(house, 'RIGHT')['id']}"
    assert (found["status"], found["class"]["code"]) == ("in-progress", "IMP")


def test_an_account_moves_to_another_patient_with_all_its_visits(house: House) -> None:
    for visit, account in (("V1", "30"), ("V2", ""), ("V3", "31")):
        tell(house, movement("A01", EIGHT, "M1", ipp="WRONG", account=account, visit=visit))
    with_account = movement("A02", NINE, "M2", ipp="WRONG", account="30", visit="V2")
    (answer,) = tell(house, with_account, person("A44", TEN, ipp="RIGHT", rest=(mrg("WRONG", account="30"),)))[1:]
    right, wrong = (f"Patient/{by_ipp(house, ipp)['id']}" for ipp in ("RIGHT", "WRONG"))

    assert answer.code == "AA"
    assert [one["subject"]["reference"] for one in stored(house, "Encounter")] == [right, right, wrong]
    assert {one["status"] for one in stored(house, "Encounter")} == {"in-progress"}


def test_an_older_message_fills_what_a_newer_one_left_open(house: House) -> None:
    old = person("A28", EIGHT, name="FAUX^Camille^^^^^L", middle=("NK1|1|PROCHE^Luc",))
    reply = tell(house, person("A31", TEN), old)[1]
    patient = only(house, "Patient")

    assert (reply.code, patient["name"][0]["family"]) == ("AA", "ESSAI")
    assert (patient["active"], patient["contact"][0]["name"]["family"]) == (True, "PROCHE")


def test_only_the_source_of_identities_changes_persons(house: House) -> None:
    tell(house, person("A28", EIGHT, numbers=f"~{INS}"))
    receiver = house.receiver("hospital")
    other = dataclasses.replace(receiver, mapping=dataclasses.replace(receiver.mapping, is_identity_source=False))
    for told in (
        person("A31", NINE, name="FAUX^Camille^^^^^L"),
        person("A29", TEN),
        person("A40", NOON, ipp="B", rest=(mrg("000777"),)),
        person("A47", NOON, status="PROV", rest=(mrg("000777"),)),
    ):
        other.receive(told.octets())
    patient = by_ipp(house, "000777")

    assert (patient["name"][0]["family"], patient["active"], "link" in patient) == ("ESSAI", True, False)
    assert len(numbers(patient)) == 2


def test_events_nobody_knows_are_taken_without_effect_where_the_feed_may_send_them(house: House) -> None:
    lenient = house.receiver("hospital")
    strict = dataclasses.replace(
        lenient, mapping=dataclasses.replace(lenient.mapping, accepts_unknown_events=frozenset())
    )
    octets = person("A60", EIGHT).octets()

    taken, refused = lenient.receive(octets), strict.receive(octets.replace(b"A60" + EIGHT.encode(), b"OTHER"))
    other_type = lenient.receive(octets.replace(b"ADT^A60", b"SIU^S99"))

    assert (b"\rMSA|AA|" in taken, b"|201^" in taken, b"|W|" in taken) == (True, True, True)
    assert (b"\rMSA|AR|" in refused, b"|201^" in refused) == (True, True)
    assert b"\rMSA|AR|" in other_type
    assert stored(house, "Patient") == []
