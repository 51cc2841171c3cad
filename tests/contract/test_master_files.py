"""Master files: staff (MFN^M02), places and organisation charts (M05), inventory (M15), answered by MFK."""

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.hl7v2.message import Message
from adapters.hl7v2.parse import parse
from adapters.service import build_house
from fhir_server.settings import Settings
from tests.contract.siu import DOCTOR, PID, RPPS, Desk, sch

CHART = "CHART&960000001&FINEJ"
LEGAL, UNIT, ROOM = f"^^^^^M^^^^EJ1&{CHART}", f"^^^^^D^^^^0192&{CHART}", f"^^^^^R^^^^101&{CHART}"
CLINIC = "CONS1^^^CH-DEMO"


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    house = build_house(settings, pool_size=4)
    yield Desk(house)
    house.services.close()


def send(
    desk: Desk, event: str, *segments: str, mode: str = "UPD", level: str = "AL", minute: int | None = None
) -> Message:
    file = {"M02": "STF", "M05": "LOC", "M15": "INV"}[event]
    head = f"MFI|{file}|FILE|{mode}||20260302080000|{level}"
    return parse(desk.raw(event, head, *segments, kind="MFN", structure=f"MFN_{event}", minute=minute))


def staff(number: str, name: str, *more: str, event: str = "MAD", state: str = "A", rpps: str = "") -> list[str]:
    stf = f"STF|{number}|{rpps}^^^&1.2.250.1.71.4.2.1&ISO^RPPS|{name}||F|19700102|{state}|CAR^Cardiologie|"
    return [f"MFE|{event}|||{number}|CWE", stf, *more]


def place(key: str, kind: str, name: str, *more: str, event: str = "MAD") -> list[str]:
    return [f"MFE|{event}|||{key}|PL", f"LOC|{key}|{name}|{kind}", *more]


def chart(key: str, kind: str, name: str, *more: str, event: str = "MAD") -> list[str]:
    """A record of a French organisation chart."""
    return [
        f"MFE|{event}|||{key}|PL",
        f"LOC|{key}||{kind}|Kind",
        f"LCH|{key}|||ID_GLBL^Identifiant^L|^{name}",
        f"LCH|{key}|||LBL^Libellé^L|^{name}",
        *more,
    ]


def ldp(key: str = CLINIC, department: str = "CARD^Consultation de cardiologie", state: str = "A") -> str:
    return f"LDP|{key}|{department}|CAR||O|{state}||||MON^FRI^0830^1730~SAT^^0900^1200"


def by_name(desk: Desk, type_name: str) -> dict[str, dict[str, Any]]:
    return {
        one["name"] if isinstance(one["name"], str) else one["name"][0]["family"]: one
        for one in desk.current(type_name)
    }


def coded(told: Message) -> list[tuple[str | None, str | None]]:
    return [(one.get("1"), one.get("4")) for one in told.segments_named("MFA")]


def test_staff_become_practitioners_with_their_roles(desk: Desk) -> None:
    pra = "PRA|D1||MED^Médecin||Cardiologie^Ordre|96-1^ADELI|||CH^CH de la Marne"

    told = send(desk, "M02", *staff("D1", "EXEMPLE^Anne", pra, rpps=RPPS), *staff("D2", "MODELE^Yves"))

    assert [told["MSH-9.1"], told["MSH-9.2"], told["MSH-9.3"], told["MSA-1"]] == ["MFK", "M02", "MFK_M01", "AA"]
    assert told["MFI-3"] == "UPD"
    assert [one.get("5") for one in told.segments_named("MFA")] == ["D1", "D2"]
    anne, yves = (by_name(desk, "Practitioner")[name] for name in ("EXEMPLE", "MODELE"))
    first, second = desk.current("PractitionerRole")
    assert {one["value"] for one in anne["identifier"]} == {"D1", RPPS, "96-1"}
    assert [anne["gender"], anne["birthDate"], anne["active"]] == ["female", "1970-01-02", True]
    assert first["practitioner"]["reference"] == f"Practitioner/{anne['id']}"
    places = by_name(desk, "Organization")
    assert first["organization"]["reference"] == f"Organization/{places['CH de la Marne']['id']}"
    assert first["code"][0]["coding"][0]["code"] == "MED"
    assert first["specialty"] == [{"text": "Cardiologie"}]
    assert second["practitioner"]["reference"] == f"Practitioner/{yves['id']}"
    assert second["organization"]["reference"] == f"Organization/{places['Cardiologie']['id']}"


def test_staff_known_by_national_number_is_the_same_person(desk: Desk) -> None:
    desk.book("S12", sch(), doctor=DOCTOR)
    send(desk, "M02", *staff("D1", "EXEMPLE^Anne Marie", rpps=RPPS))

    (only,) = desk.current("Practitioner")
    assert only["name"][0]["given"] == ["Anne Marie"]


@pytest.mark.parametrize(("event", "active"), [("MUP", True), ("MAC", True), ("MDC", False), ("MDL", False)])
def test_what_becomes_of_a_record(desk: Desk, event: str, active: bool) -> None:
    send(desk, "M02", *staff("D1", "EXEMPLE^Anne"))
    told = send(desk, "M02", *staff("D1", "EXEMPLE^Anne", event=event))

    (person,), (role,) = desk.current("Practitioner"), desk.current("PractitionerRole")
    assert coded(told) == [(event, "S")]
    assert [person["active"], role["active"]] == [active, active]
    assert person["identifier"][0].get("use") == ("old" if event == "MDL" else None)


def test_a_record_withdrawn_by_its_number_alone_takes_its_roles_with_it(desk: Desk) -> None:
    send(desk, "M02", *staff("D1", "EXEMPLE^Anne"), *staff("D2", "MODELE^Yves"))
    send(desk, "M02", "MFE|MDC|||D1|CWE")

    assert {name: one["active"] for name, one in by_name(desk, "Practitioner").items()} == {
        "EXEMPLE": False,
        "MODELE": True,
    }
    assert [one["active"] for one in desk.current("PractitionerRole")] == [False, True]


def test_someone_marked_inactive(desk: Desk) -> None:
    send(desk, "M02", *staff("D1", "EXEMPLE^Anne", state="I"))

    assert desk.current("Practitioner")[0]["active"] is False


def test_a_whole_file_replaces_the_last_one_of_its_name(desk: Desk) -> None:
    desk.book("S12", sch(), doctor=DOCTOR)
    send(desk, "M02", *staff("D1", "ANCIEN^Anne"), *staff("D2", "MODELE^Yves"), mode="REP")
    send(desk, "M05", *place(CLINIC, "C", "Consultations", ldp()))
    send(desk, "M02", *staff("D2", "MODELE^Yves"), *staff("D3", "NOUVEAU^Zoé"), mode="REP")

    active = {name: one.get("active") for name, one in by_name(desk, "Practitioner").items()}
    # Who was never in the file is none of its business.
    assert active == {"EXEMPLE": None, "ANCIEN": False, "MODELE": True, "NOUVEAU": True}
    assert [one["active"] for one in desk.current("PractitionerRole")] == [False, True, True]
    assert desk.current("Location")[0]["status"] == "active"


def test_another_feed_s_whole_file_says_nothing_of_ours(desk: Desk) -> None:
    send(desk, "M02", *staff("D1", "EXEMPLE^Anne"), mode="REP")
    send(Desk(desk.house, "samu", sent=10), "M02", *staff("D9", "AUTRE^Luc"), mode="REP")

    assert by_name(desk, "Practitioner")["EXEMPLE"]["active"] is True


def test_a_record_with_a_new_number_is_not_taken_for_gone(desk: Desk) -> None:
    send(desk, "M02", *staff("D1", "EXEMPLE^Anne", rpps=RPPS), mode="REP")
    send(desk, "M02", *staff("N1", "EXEMPLE^Anne", rpps=RPPS), mode="REP")

    (person,) = desk.current("Practitioner")
    assert person["active"] is True


def test_an_older_whole_file_withdraws_nothing_newer(desk: Desk) -> None:
    send(desk, "M02", *staff("D2", "MODELE^Yves"), minute=9)
    send(desk, "M02", *staff("D1", "EXEMPLE^Anne"), mode="REP", minute=5)

    assert by_name(desk, "Practitioner")["MODELE"]["active"] is True


def test_a_place_with_its_service_and_agenda(desk: Desk) -> None:
    told = send(desk, "M05", *place(CLINIC, "C", "Consultations externes", ldp()))

    (location,), (service,), (agenda,) = (desk.current(name) for name in ("Location", "HealthcareService", "Schedule"))
    assert coded(told) == [("MAD", "S")]
    assert [location["name"], location["status"]] == ["Consultations externes", "active"]
    assert service["name"] == "Consultation de cardiologie"
    assert service["location"] == [{"reference": f"Location/{location['id']}"}]
    assert service["availableTime"] == [
        {
            "daysOfWeek": ["mon", "tue", "wed", "thu", "fri"],
            "availableStartTime": "08:30:00",
            "availableEndTime": "17:30:00",
        },
        {"daysOfWeek": ["sat"], "availableStartTime": "09:00:00", "availableEndTime": "12:00:00"},
    ]
    assert [one["reference"] for one in agenda["actor"]] == [
        f"HealthcareService/{service['id']}",
        f"Location/{location['id']}",
    ]
    assert agenda["active"] is True


def test_a_place_known_by_appointments_is_the_same(desk: Desk) -> None:
    desk.send("S12", sch(), PID, "RGS|1", f"AIL|1||{CLINIC}")
    send(desk, "M05", *place(CLINIC, "C", "Consultations externes", ldp()))

    (location,) = desk.current("Location")
    assert location["name"] == "Consultations externes"


def test_services_that_a_place_does_not_offer_any_more(desk: Desk) -> None:
    send(desk, "M05", *place(CLINIC, "C", "Consultations", ldp(), ldp(department="PNEU^Pneumologie")))
    send(desk, "M05", *place(CLINIC, "C", "Consultations", ldp(), event="MUP"))
    narrowed = [one["active"] for one in desk.current("HealthcareService")]
    send(desk, "M05", *place(CLINIC, "C", "Renommé", event="MUP"))
    untold = [one["active"] for one in desk.current("Schedule")]
    send(desk, "M05", f"MFE|MDC|||{CLINIC}|PL")

    assert narrowed == [True, False]
    assert untold == [True, False]
    assert [one["active"] for one in desk.current("HealthcareService")] == [False, False]
    assert [one["active"] for one in desk.current("Schedule")] == [False, False]
    assert desk.current("Location")[0]["status"] == "inactive"


def test_a_closed_department(desk: Desk) -> None:
    send(desk, "M05", *place(CLINIC, "C", "Consultations", ldp(state="I")))

    assert [one["active"] for one in desk.current("Schedule")] == [False]


def test_a_french_organisation_chart(desk: Desk) -> None:
    address = [f"LCH|{LEGAL}|||{code}^x^L|^{text}" for code, text in (("ADRS_1", "1 rue Haute"), ("CD_PSTL", "96000"))]
    finess = f"LCH|{LEGAL}|||FNS^FINESS^L|^960000001"
    room = place(ROOM, "R", "", f"LRL|{ROOM}|||LCLSTN^x^L||{UNIT}")
    unit = chart(UNIT, "D", "Cardiologie", f"LRL|{UNIT}|||ETBLSMNT^x^L||{LEGAL}")
    unit.insert(1, "ZBE|1|20260302")

    told = send(desk, "M05", *room, *unit, *chart(LEGAL, "M", "CH d'Ambrelune", finess, *address))

    hospital, department = (by_name(desk, "Organization")[name] for name in ("CH d'Ambrelune", "Cardiologie"))
    (location,) = desk.current("Location")
    assert coded(told) == [("MAD", "S")] * 3
    assert {"system": "https://finess.esante.gouv.fr", "value": "960000001"}.items() <= hospital["identifier"][
        1
    ].items()
    assert hospital["address"] == [{"line": ["1 rue Haute"], "postalCode": "96000"}]
    assert department["partOf"]["reference"] == f"Organization/{hospital['id']}"
    assert location["managingOrganization"]["reference"] == f"Organization/{department['id']}"
    assert location["physicalType"]["coding"][0]["code"] == "ro"
    assert desk.current("HealthcareService") == []


def test_a_chart_with_plain_codes_and_its_trigger_in_mfi(desk: Desk) -> None:
    told = parse(
        desk.raw(
            "M05", "MFI|M05||UPD||20260302|AL", *chart("0192", "D", "Cardiologie"), kind="MFN", structure="MFN_M05"
        )
    )

    assert told["MSA-1"] == "AA"
    assert by_name(desk, "Organization")["Cardiologie"]["active"] is True


def test_a_withdrawn_part_of_a_chart(desk: Desk) -> None:
    send(desk, "M05", *chart(UNIT, "D", "Cardiologie"))
    send(desk, "M05", f"MFE|MDL|||{UNIT}|PL")

    assert by_name(desk, "Organization")["Cardiologie"]["active"] is False
    assert desk.current("Location") == []


def test_only_devices_that_are_booked_here_matter(desk: Desk) -> None:
    desk.send("S12", sch(), PID, "RGS|1", "AIG|1||ECG1^Électrocardiographe^GAM|EQUIP")
    items = [
        f"MFE|MAD|||{code}|CWE\rIIM|{code}|{code}|L-{count}" for count, code in enumerate(("ECG1^^GAM", "GANTS^^GAM"))
    ]

    told = send(desk, "M15", *items)

    (device,) = desk.current("Device")
    assert coded(told) == [("MAD", "S"), ("MAD", "S")]
    assert [device["lotNumber"], device["status"]] == ["L-0", "active"]


def test_one_record_that_cannot_be_taken_and_none_is(desk: Desk) -> None:
    told = send(desk, "M02", *staff("D1", "EXEMPLE^Anne"), *staff("", "SANS^Numéro"))

    assert [told["MSH-9.1"], told["MSA-1"], told["ERR-2.2"], told["ERR-3"]] == ["MFK", "AE", "2", "101"]
    assert coded(told) == [("MAD", "U"), ("MAD", "U")]
    assert desk.current("Practitioner") == []


@pytest.mark.parametrize(
    ("level", "taken", "refused"), [("AL", 1, 1), ("", 1, 1), ("SU", 1, 0), ("ER", 0, 1), ("NE", 0, 0)]
)
def test_records_are_told_of_as_asked(desk: Desk, level: str, taken: int, refused: int) -> None:
    good = send(desk, "M02", *staff("D1", "EXEMPLE^Anne"), level=level)
    bad = send(desk, "M02", *staff("", "SANS^Numéro"), level=level)

    assert [len(good.segments_named("MFA")), len(bad.segments_named("MFA"))] == [taken, refused]


def test_a_file_of_a_large_hospital(desk: Desk) -> None:
    rooms = [
        segment
        for number in range(400)
        for segment in place(f"C{number}^^^CH-DEMO", "C", f"Salle {number}", ldp(f"C{number}^^^CH-DEMO"))
    ]
    told = send(desk, "M05", *rooms, mode="REP")
    again = send(desk, "M05", *rooms[3:], mode="REP")

    assert [told["MSA-1"], len(coded(told))] == ["AA", 400]
    assert [again["MSA-1"], len(coded(again))] == ["AA", 399]
    assert [one["status"] for one in desk.current("Location")].count("inactive") == 1
    assert [one["active"] for one in desk.current("Schedule")].count(False) == 1
