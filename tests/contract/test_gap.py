"""The flows of shared agendas (GAP, CI-SIS) over HTTP, on both stores: items 28 to 32 of France's checklist."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fhir_server.app import create_app
from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.kernel.actor import Actor
from tests import availability, builders
from tests.contract.sas_doors import IDNPS, TYPES, Caller, Json, caller, identified, without

FIRST = "http://interopsante.org/fhir/StructureDefinition/"
SECOND = "https://hl7.fr/ig/fhir/core/StructureDefinition/"
TYPES_2 = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
GAP = "https://interop.esante.gouv.fr/ig/fhir/gap/SearchParameter/"
RPPS, NUMBERS = "899700111111", "urn:oid:1.2.250.1.999.5"


@pytest.fixture
def agenda(services: Services) -> Caller:
    """Who keeps the agendas, and sees all."""
    return caller(services)


@pytest.fixture
def vendor(services: Services) -> Caller:
    return caller(services, "demo-vendor")


def made(door: Caller, body: Json) -> Json:
    answer = door.ask("POST", f"/fhir/{body['resourceType']}", body)

    assert answer.status_code == 201, answer.get_json()
    resource: Json = answer.get_json()
    return resource


def reference(resource: Json) -> Json:
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}


def ids(answer: Any) -> list[str]:
    """Ids of the matches of a search."""
    assert answer.status_code == 200, answer.get_json()
    entries = answer.get_json().get("entry", [])
    return [one["resource"]["id"] for one in entries if one["search"]["mode"] == "match"]


class World:
    """A doctor with a place, an agenda, a slot; and a patient of the vendor."""

    def __init__(self, agenda: Caller, vendor: Caller) -> None:
        self.doctor = made(
            agenda,
            {"resourceType": "Practitioner", "identifier": [identified(IDNPS, RPPS)], "name": [{"family": "ROY"}]},
        )
        self.place = made(agenda, {"resourceType": "Location", "name": "Cabinet du Lavoir", **number("place")})
        self.service = made(agenda, {"resourceType": "HealthcareService", "name": "SNP", **number("service")})
        role = {"resourceType": "PractitionerRole", "practitioner": reference(self.doctor)}
        self.role = made(agenda, role | {"location": [reference(self.place)]})
        actors = [reference(one) for one in (self.doctor, self.role, self.place, self.service)]
        self.schedule = made(agenda, {"resourceType": "Schedule", "actor": actors})
        slot = builders.slot(schedule=reference(self.schedule), **number("slot"))
        self.slot = made(agenda, slot)
        self.patient = made(vendor, builders.patient(**number("patient")))

    def appointment(self, status: str = "booked", **elements: Any) -> Json:
        people = [(self.patient, "accepted"), (self.doctor, "needs-action"), (self.place, "accepted")]
        taking_part = [{"actor": reference(one), "status": word} for one, word in people]
        return builders.appointment(self.slot["id"], status=status, participant=taking_part, **elements)


def number(value: str) -> Json:
    return {"identifier": [{"system": NUMBERS, "value": value}]}


@pytest.fixture
def world(agenda: Caller, vendor: Caller) -> World:
    return World(agenda, vendor)


def slot_status(door: Caller, world: World) -> str:
    return str(door.ask("GET", f"/fhir/Slot/{world.slot['id']}").get_json()["status"])


RESOURCES: tuple[Json, ...] = (
    builders.patient(),
    {"resourceType": "Practitioner", "name": [{"family": "ROY"}]},
    {"resourceType": "PractitionerRole", "active": True},
    {"resourceType": "RelatedPerson", "patient": {"reference": "Patient/p1"}},
    {"resourceType": "Location", "name": "Cabinet"},
    {"resourceType": "HealthcareService", "name": "SNP"},
    {"resourceType": "Organization", "name": "CPTS"},
    {"resourceType": "Device", "deviceName": [{"name": "Scanner", "type": "user-friendly-name"}]},
    builders.schedule(),
)


def test_flows_1_and_2_resources_come_change_and_go(agenda: Caller) -> None:
    for body in RESOURCES:
        path = f"/fhir/{body['resourceType']}"
        stored = made(agenda, body)
        changed = agenda.ask("PUT", f"{path}/{stored['id']}", stored | {"language": "fr"})
        assert (changed.status_code, changed.get_json()["language"]) == (200, "fr")
        assert agenda.ask("DELETE", f"{path}/{stored['id']}").status_code in (200, 204)


def test_item_28_what_a_status_means(agenda: Caller, vendor: Caller, world: World) -> None:
    """`proposed` asks and takes nothing, `pending` keeps the slot until it is answered, `booked` declares."""
    asked = made(vendor, world.appointment("proposed"))
    assert slot_status(agenda, world) == "free"

    tag = {"If-Match": 'W/"1"'}
    pending = vendor.ask("PUT", f"/fhir/Appointment/{asked['id']}", asked | {"status": "pending"}, **tag)
    assert (pending.status_code, slot_status(agenda, world)) == (200, "busy-tentative")

    booked = agenda.ask(
        "PUT", f"/fhir/Appointment/{asked['id']}", asked | {"status": "booked"}, **{"If-Match": 'W/"2"'}
    )
    assert (booked.status_code, slot_status(agenda, world)) == (200, "busy")


def test_item_28_an_appointment_without_slots_names_who_takes_part(vendor: Caller, world: World) -> None:
    body = without(world.appointment("proposed"), "slot") | {
        "requestedPeriod": [{"start": "2026-03-03"}],
        "priority": 1,
    }

    assert made(vendor, body)["status"] == "proposed"


def test_item_28_an_appointment_is_changed_by_its_identifier(agenda: Caller, vendor: Caller, world: World) -> None:
    """Without If-Match, as 6b has it: a vendor knows its own number, not our versions. One unknown is made."""
    path, body = f"/fhir/Appointment?identifier={NUMBERS}%7Crdv-1", world.appointment(**number("rdv-1"))
    first = vendor.ask("PUT", path, body)
    again = vendor.ask("PUT", path, body)
    cancelled = vendor.ask("PUT", path, body | {"status": "cancelled", "cancelationReason": {"text": "no need"}})

    assert [one.status_code for one in (first, again, cancelled)] == [201, 200, 200]
    assert len({one.get_json()["id"] for one in (first, again, cancelled)}) == 1
    assert slot_status(agenda, world) == "free"
    # Another vendor neither sees nor changes it.
    rival = caller(vendor.services, "demo-vendor-2")
    assert rival.ask("PUT", path, body).status_code == 201


SLOT_QUERIES = (
    f"identifier={NUMBERS}|slot",
    "status=free&start=ge2026-03-03T00:00:00%2B01:00&start=le2026-03-04T00:00:00%2B01:00",
    f"schedule.actor:Practitioner.identifier={IDNPS}|{RPPS}",
    "schedule.actor:PractitionerRole.practitioner.name=roy",
    "schedule.actor:PractitionerRole.location.name=cabinet",
    f"schedule.actor:Location.identifier={NUMBERS}|place",
    "schedule.actor:Location.name=cabinet",
    f"schedule.actor:HealthcareService.identifier={NUMBERS}|service",
    "schedule.actor:HealthcareService.name=snp",
)
NO_SLOT_QUERIES = (
    "schedule.actor:Patient.family=nobody",
    "schedule.actor:PractitionerRole.role=none",
    "schedule.actor:PractitionerRole.specialty=none",
    "schedule.actor:PractitionerRole.telecom=none",
    "schedule.actor:PractitionerRole.location.address=nowhere",
    "schedule.actor:PractitionerRole.location.near=1|1|1|km",
    "schedule.actor:Location.address=nowhere",
    "schedule.actor:Location.near=1|1|1|km",
    "schedule.actor:Device.device-name=none",
    "schedule.actor:Device.model=none",
    "schedule.actor:HealthcareService.service-type=none",
    "schedule.actor:HealthcareService.organization.name=none",
    "schedule.actor:HealthcareService.organization.address=nowhere",
    "status=busy",
)
APPOINTMENT_QUERIES = (
    f"identifier={NUMBERS}|rdv-1",
    "date=2026-03-03",
    "start=ge2026-03-03&start=lt2026-03-04",
    "created=2026-03-02",
    "service-type=urn:oid:1.2.3|snp",
    "status=booked",
    "description=contr",
    "supporting-info=Device/d1",
    "priority=1",
    f"actor:Practitioner.identifier={IDNPS}|{RPPS}",
    f"patient.identifier={NUMBERS}|patient",
    f"practitioner.identifier={IDNPS}|{RPPS}",
    f"location.identifier={NUMBERS}|place",
)


def test_item_28_slots_are_found_by_every_parameter(vendor: Caller, world: World) -> None:
    for query in SLOT_QUERIES:
        assert (query, ids(vendor.ask("GET", f"/fhir/Slot?{query}", Prefer="handling=strict"))) == (
            query,
            [world.slot["id"]],
        )
    for query in NO_SLOT_QUERIES:
        assert (query, ids(vendor.ask("GET", f"/fhir/Slot?{query}", Prefer="handling=strict"))) == (query, [])


def test_item_28_appointments_are_found_by_every_parameter(vendor: Caller, world: World) -> None:
    told = {
        "created": "2026-03-02",
        "serviceType": [{"coding": [{"system": "urn:oid:1.2.3", "code": "snp"}]}],
        "description": "Contrôle",
        "supportingInformation": [{"reference": "Device/d1"}],
        "priority": 1,
    }
    booked = made(vendor, world.appointment(**number("rdv-1"), **told))
    for query in APPOINTMENT_QUERIES:
        found = ids(vendor.ask("GET", f"/fhir/Appointment?{query}", Prefer="handling=strict"))
        assert (query, found) == (query, [booked["id"]])


def test_item_28_an_include_of_the_agendas_actors_is_iterated(vendor: Caller, world: World) -> None:
    answer = vendor.ask("GET", "/fhir/Slot?status=free&_include=Slot:schedule&_include=Schedule:actor").get_json()
    found = {one["resource"]["resourceType"]: one["search"]["mode"] for one in answer["entry"]}

    along = ("Schedule", "Practitioner", "PractitionerRole", "Location", "HealthcareService")
    assert found == {"Slot": "match"} | dict.fromkeys(along, "include")


@pytest.mark.parametrize(
    "url",
    [
        f"{SECOND}fr-core-schedule-availability-time",
        f"{FIRST}FrScheduleAvailabiltyTime",
        f"{FIRST}FrScheduleAvailabilityTime",
    ],
)
def test_item_29_availability_of_either_generation_makes_slots(agenda: Caller, vendor: Caller, url: str) -> None:
    """Flows 3a to 3c: rules are put, replaced and taken away; what is booked stays booked."""
    rule = availability.MONDAYS | {"url": url}
    stored = made(agenda, builders.schedule(extension=[rule]))
    path = f"/fhir/Schedule/{stored['id']}"
    generated = agenda.ask("POST", f"{path}/$generate-slots", {"resourceType": "Parameters"})
    assert generated.status_code == 200
    found = agenda.ask("GET", f"/fhir/Slot?schedule={stored['id']}&status=free").get_json()["entry"]
    slot = found[-1]["resource"]
    patient = made(vendor, builders.patient())
    taking_part = [{"actor": reference(patient), "status": "accepted"}]
    body = builders.appointment(slot["id"], start=slot["start"], end=slot["end"], participant=taking_part)
    booked = made(vendor, body)

    gone = agenda.ask("PUT", path, without(stored, "extension"))
    assert gone.status_code == 200
    agenda.ask("POST", f"{path}/$generate-slots", {"resourceType": "Parameters"})

    assert vendor.ask("GET", f"/fhir/Appointment/{booked['id']}").get_json()["status"] == "booked"
    assert ids(agenda.ask("GET", f"/fhir/Slot?schedule={stored['id']}&status=free")) == []


def test_item_30_one_slot_is_booked_once(agenda: Caller, vendor: Caller, world: World) -> None:
    start, app = threading.Barrier(6), create_app(vendor.services)

    def book(_: int) -> int:
        door = caller(vendor.services, "demo-vendor", client=app.test_client())
        start.wait()
        answer = door.ask("POST", "/fhir/Appointment", world.appointment())
        assert answer.status_code == 201 or answer.get_json()["resourceType"] == "OperationOutcome"
        return int(answer.status_code)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(book, range(6))) == [201, 409, 409, 409, 409, 409]

    (booked,) = ids(vendor.ask("GET", "/fhir/Appointment?status=booked"))
    body = vendor.ask("GET", f"/fhir/Appointment/{booked}").get_json()
    gone = body | {"status": "cancelled", "cancelationReason": {"text": "no need"}}
    assert vendor.ask("PUT", f"/fhir/Appointment/{booked}", gone, **{"If-Match": 'W/"7"'}).status_code == 412
    assert vendor.ask("PUT", f"/fhir/Appointment/{booked}", gone, **{"If-Match": 'W/"1"'}).status_code == 200
    assert slot_status(agenda, world) == "free"


def test_item_31_the_capability_statement_says_so(services: Services) -> None:
    door = caller(services)
    statement = door.ask("GET", "/fhir/metadata").get_json()
    served = {one["type"]: one for one in statement["rest"][0]["resource"]}

    assert {"json", "xml"} <= set(statement["format"])
    assert served["Appointment"]["conditionalUpdate"]
    assert {one["code"] for one in served["Schedule"]["interaction"]} >= {"create", "update", "delete", "patch"}
    custom = {one["definition"] for one in served["Appointment"]["searchParam"]}
    assert custom >= {f"{GAP}GAP-Appointment-{name}" for name in ("description", "earliestStart", "priority")}
    assert door.ask("GET", "/fhir/metadata", Accept="application/fhir+xml").data.startswith(b"<")


def test_item_32_a_search_finds_both_generations(agenda: Caller) -> None:
    number_of = {TYPES: "899700222222", TYPES_2: "899700333333"}
    profiles = {TYPES: f"{FIRST}FrPractitioner", TYPES_2: f"{SECOND}fr-core-practitioner"}
    both = []
    for system, value in number_of.items():
        identifier = {"type": {"coding": [{"system": system, "code": "IDNPS"}]}, "system": IDNPS, "value": value}
        body = {"resourceType": "Practitioner", "meta": {"profile": [profiles[system]]}, "identifier": [identifier]}
        both.append(made(agenda, body)["id"])
        for asked in number_of:
            query = f"identifier:of-type={asked}|IDNPS|{value}"
            assert ids(agenda.ask("GET", f"/fhir/Practitioner?{query}")) == [both[-1]]
    for profile in profiles.values():
        assert ids(agenda.ask("GET", f"/fhir/Practitioner?_profile={profile}")) == both


def test_item_32_what_is_written_is_the_generation_asked_for(agenda: Caller, vendor: Caller) -> None:
    """By a profile in Accept, or the one searched by; without either, what was stored."""
    stored = made(
        agenda,
        {
            "resourceType": "Practitioner",
            "meta": {"profile": [f"{FIRST}FrPractitioner", "https://example.org/own"]},
            "identifier": [identified(IDNPS, RPPS)],
        },
    )
    path = f"/fhir/Practitioner/{stored['id']}"
    second = f'application/fhir+json; profile="{SECOND}fr-core-practitioner"'
    xml = f'application/fhir+xml; profile="{SECOND}fr-core-practitioner"'

    assert shown(agenda.ask("GET", path)) == (f"{FIRST}FrPractitioner", TYPES)
    assert shown(agenda.ask("GET", path, Accept=second)) == (f"{SECOND}fr-core-practitioner", TYPES_2)
    assert f"{SECOND}fr-core-practitioner".encode() in agenda.ask("GET", path, Accept=xml).data
    found = agenda.ask("GET", f"/fhir/Practitioner?_profile={SECOND}fr-core-practitioner").get_json()["entry"]
    assert [one["resource"]["meta"]["profile"][0] for one in found] == [f"{SECOND}fr-core-practitioner"]
    found = agenda.ask("GET", f"/fhir/Practitioner?_profile={FIRST}FrPractitioner").get_json()["entry"]
    assert [one["resource"]["meta"]["profile"][0] for one in found] == [f"{FIRST}FrPractitioner"]
    # What is stored does not change by being shown.
    assert shown(agenda.ask("GET", path)) == (f"{FIRST}FrPractitioner", TYPES)


def shown(answer: Any) -> tuple[str, str]:
    """The profile, and the system of the identifier's type."""
    body = answer.get_json(force=True)
    return body["meta"]["profile"][0], body["identifier"][0]["type"]["coding"][0]["system"]


def test_item_33_an_ins_comes_with_its_traits(vendor: Caller) -> None:
    kind = {"coding": [{"system": TYPES_2, "code": "INS-NIR-TEST"}]}
    number_alone = {"type": kind, "system": "urn:oid:1.2.250.1.213.1.4.10", "value": "270019600100171"}
    refused = vendor.ask("POST", "/fhir/Patient", builders.patient(identifier=[number_alone]))

    assert refused.status_code == 422
    assert {one["expression"][0] for one in refused.get_json()["issue"]} == {"Patient.extension"}
    place = {"extension": [{"url": f"{SECOND}fr-core-address-insee-code", "valueCoding": {"code": "96001"}}]}
    extensions = [
        {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": place},
        {
            "url": f"{SECOND}fr-core-identity-reliability",
            "extension": [{"url": "identityStatus", "valueCoding": {"code": "VALI"}}],
        },
    ]
    stored = made(vendor, builders.patient(identifier=[number_alone], extension=extensions))
    worse = without(stored, "extension")
    assert vendor.ask("PUT", f"/fhir/Patient/{stored['id']}", worse).status_code == 422
    # Of what a feed told without all of it, another element may change.
    feed = Actor("hospital", is_territory=True, origin="feed:hospital", request_id="1")
    told = create(vendor.services.store, feed, "Patient", builders.patient(identifier=[number_alone])).content()
    amended = caller(vendor.services).ask("PUT", f"/fhir/Patient/{told['id']}", told | {"language": "fr"})
    assert amended.status_code == 200
