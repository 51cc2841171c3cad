"""A patient erased: nothing of the person is left anywhere, and the trail is whole."""

from typing import Any

import pytest
from sqlalchemy import select

from adapters.patient_commands import erased
from adapters.service import House
from fhir_server.app import create_app
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.storage.audit_seal import seal_all
from fhir_server.storage.audit_verify import verify
from fhir_server.storage.erasure import forget_messages
from fhir_server.storage.tables import metadata
from tests import builders
from tests.contract.sas_doors import Caller, caller
from tests.contract.siu import Desk, sch

NAMES = ("BRUMEVAL", "Odilon", "brumeval", "000999", "+33199000999")
OTHERS = ("000111", "VALMONT")


def pid(number: str, family: str, given: str) -> str:
    return f"PID|1||{number}^^^CH-DEMO^PI||{family}^{given}^^^^^L||19790328|M|||||^PRN^PH^^^^^^^^^+33199{number}"


def left(house: House, *words: str) -> list[str]:
    """Every place of the database that holds one of the words; the trail is looked at too."""
    found = []
    connection = house.services.store.read()
    for table in metadata.sorted_tables:
        for row in connection.execute(select(table)).mappings():
            for name, value in row.items():
                text = bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
                found += [f"{table.name}.{name}: {word}" for word in words if word in text]
    return found


@pytest.fixture
def coordinator(house: House) -> Caller:
    client = create_app(house.services).test_client()
    return caller(house.services, scopes="system/*.cruds", client=client)


def tell(house: House) -> str:
    """A person told by messages, and a message about the person that was refused; another person beside."""
    desk = Desk(house)
    for number, family, given, filler in (("000999", "BRUMEVAL", "Odilon", "F1"), ("000111", "VALMONT", "Ida", "F2")):
        resource = "AIP|1||10100000011^EXEMPLE^Anne^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^RPPS"
        desk.send("S12", sch(number=filler), pid(number, family, given), "RGS|1", resource)
    desk.send("S15", sch(number="UNKNOWN"), pid("000999", "BRUMEVAL", "Odilon"), "RGS|1")
    rows = house.services.store.read().execute(select(metadata.tables["resource"]))
    found = next(row.id for row in rows if row.type == "Patient" and "BRUMEVAL" in row.body)
    return str(found)


def over(coordinator: Caller, patient_id: str) -> list[Any]:
    """Cancel what is to come; the appointments."""
    entries = coordinator.ask("GET", f"/fhir/Appointment?patient=Patient/{patient_id}").json.get("entry", [])
    for entry in entries:
        before = entry["resource"]
        if before["status"] == "cancelled":
            continue
        version = before["meta"]["versionId"]
        path = f"/fhir/Appointment/{before['id']}"
        answer = coordinator.ask("PUT", path, before | builders.CANCELLED, If_Match=f'W/"{version}"')
        assert 200 == answer.status_code, answer.text
    return entries


def test_nothing_of_the_person_is_left_and_others_stay(house: House, coordinator: Caller) -> None:
    patient_id = tell(house)
    referral = builders.service_request(subject={"reference": f"Patient/{patient_id}"}, note=[{"text": "BRUMEVAL"}])
    asked = coordinator.ask("POST", "/fhir/ServiceRequest", referral, Idempotency_Key="one")
    assert 201 == asked.status_code, asked.text
    assert over(coordinator, patient_id)
    before = left(house, *NAMES)
    found = erased(house.services.settings, patient_id)
    seal_all(house.services.store, house.services.settings.journal_folder, b"")

    assert {"inbox.raw: BRUMEVAL", "resource.body: BRUMEVAL", "resource_version.body: BRUMEVAL"} <= set(before)
    assert [] == left(house, *NAMES)
    assert [] == [word for word in OTHERS if not left(house, word)]
    assert (2, 1) == (found.messages, found.answers)
    assert 410 == coordinator.ask("GET", f"/fhir/Patient/{patient_id}").status_code
    assert 404 == coordinator.ask("GET", f"/fhir/Patient/{patient_id}/_history/1").status_code
    history = coordinator.ask("GET", f"/fhir/Patient/{patient_id}/_history").json["entry"]
    assert ["DELETE"] == [entry["request"]["method"] for entry in history]
    assert 0 == coordinator.ask("GET", f"/fhir/Appointment?patient=Patient/{patient_id}&_total=accurate").json["total"]
    verdict = verify(house.services.store.read(), b"")
    assert ([], True) == (list(verdict.faults), verdict.count > 0)
    # That it was done, and to whom, is told.
    assert left(house, "patient-erase")
    assert left(house, f"Patient/{patient_id}")


def test_a_message_that_comes_again_is_answered_as_before(house: House, coordinator: Caller) -> None:
    desk = Desk(house)
    segments = (sch(), pid("000999", "BRUMEVAL", "Odilon"), "RGS|1")
    first = desk.raw("S12", *segments, minute=1)
    patient_id = tell_id(house)
    over(coordinator, patient_id)
    erased(house.services.settings, patient_id)
    desk.sent -= 1

    again = desk.raw("S12", *segments, minute=1)

    assert first.split(b"\r")[1] == again.split(b"\r")[1]
    assert [] == left(house, *NAMES)


def tell_id(house: House) -> str:
    rows = house.services.store.read().execute(select(metadata.tables["resource"]))
    return str(next(row.id for row in rows if row.type == "Patient"))


def test_who_has_an_appointment_to_come_is_not_erased(house: House) -> None:
    patient_id = tell(house)
    with pytest.raises(FhirError) as refused:
        erased(house.services.settings, patient_id)

    assert Category.BUSINESS_RULE is refused.value.category
    assert "resource.body: BRUMEVAL" in left(house, "BRUMEVAL")


def test_nobody_is_not_erased(house: House) -> None:
    with pytest.raises(FhirError) as refused:
        erased(house.services.settings, "nobody")

    assert Category.NOT_FOUND is refused.value.category


def test_former_versions_about_the_person_go_and_the_next_persons_stay(house: House, coordinator: Caller) -> None:
    ids = []
    for family in ("BRUMEVAL", "VALMONT"):
        ids.append(coordinator.ask("POST", "/fhir/Patient", builders.patient(name=[{"family": family}])).json["id"])
    subject = {"reference": f"Patient/{ids[0]}", "display": "BRUMEVAL"}
    request = builders.service_request(subject=subject)
    stored = coordinator.ask("POST", "/fhir/ServiceRequest", request).json
    later = request | {"id": stored["id"], "subject": {"reference": f"Patient/{ids[1]}"}}
    assert 200 == coordinator.ask("PUT", f"/fhir/ServiceRequest/{stored['id']}", later).status_code
    erased(house.services.settings, ids[0])

    assert [] == left(house, "BRUMEVAL")
    assert 200 == coordinator.ask("GET", f"/fhir/ServiceRequest/{stored['id']}").status_code


def test_messages_are_emptied_once_they_are_old(house: House) -> None:
    tell(house)
    store = house.services.store
    early = store.transact(SYSTEM, lambda uow: forget_messages(uow, 0))
    late = store.transact(SYSTEM, lambda uow: forget_messages(uow, uow.now_ms + 1))

    assert (0, 3) == (early, late)
    assert [] == [place for place in left(house, "BRUMEVAL") if place.startswith("inbox")]


def test_what_is_about_another_too_is_parted_first(house: House, coordinator: Caller) -> None:
    ids = [coordinator.ask("POST", "/fhir/Patient", builders.patient()).json["id"] for _ in range(2)]
    subject, other = ({"reference": f"Patient/{one}"} for one in ids)
    message = {"resourceType": "Communication", "status": "completed", "subject": subject, "recipient": [other]}
    stored = coordinator.ask("POST", "/fhir/Communication", message).json
    with pytest.raises(FhirError, match=f"Communication/{stored['id']} is about another patient"):
        erased(house.services.settings, ids[0])

    assert 200 == coordinator.ask("GET", f"/fhir/Patient/{ids[0]}").status_code
