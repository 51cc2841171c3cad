"""What `Appointment/$find` (IHE ITI-115) is asked and what it proposes, on every store."""

from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.find_appointments import find
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.audiences import R314
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.validation.gates import validate
from tests import builders
from tests.conftest import StandingClock
from tests.scheduling_calls import BASE, END, START, Partner, held, outcome, parameters

SPECIALTY, VISIT = "https://specialty.example", "https://visit.example"


@pytest.fixture
def territory(services: Services) -> Services:
    """Two doctors: one at the mill by a role there, one at the bridge; a service of the mill's organization."""
    _put(services, "Practitioner", "ada", identifier=[{"system": "urn:rpps", "value": "1"}])
    _put(services, "Practitioner", "bea")
    _put(services, "Location", "mill", address={"line": ["1 rue du Moulin"], "city": "Grelotin"})
    _put(services, "Location", "bridge", address={"city": "Pont-Rêve"}, managingOrganization=_to("Organization/cpts"))
    _put(services, "Organization", "cpts", name="CPTS")
    for id_, practitioner, place in (("ada-role", "ada", "mill"), ("bea-role", "bea", "bridge")):
        party = {"practitioner": _to(f"Practitioner/{practitioner}"), "location": [_to(f"Location/{place}")]}
        _put(services, "PractitionerRole", id_, **party, organization=_to("Organization/cpts"))
    _put(services, "HealthcareService", "csnp", location=[_to("Location/mill")])
    _agenda(services, "ada", "09:00", "10:00", actor="PractitionerRole/ada-role", specialty="GP", visit="AMB")
    _agenda(services, "bea", "09:00", "11:00", actor="PractitionerRole/bea-role", specialty="PED", visit="VR")
    _agenda(services, "csnp", "14:00", actor="HealthcareService/csnp", specialty="GP", visit="AMB")
    return services


@pytest.fixture
def vendor(territory: Services) -> Partner:
    return Partner(territory, Actor("vendor"))


def _put(services: Services, type_name: str, id_: str, **elements: Any) -> None:
    update(services.store, SYSTEM, type_name, id_, {"resourceType": type_name, "id": id_} | elements, None)


def _to(text: str) -> dict[str, str]:
    return {"reference": text}


def _agenda(services: Services, name: str, *hours: str, actor: str, specialty: str, visit: str) -> None:
    _put(services, "Schedule", name, actor=[_to(actor)])
    for hour in hours:
        times = {"start": f"2026-03-03T{hour}:00+01:00", "end": f"2026-03-03T{hour[:3]}30:00+01:00"}
        said = {"specialty": [_concept(SPECIALTY, specialty)], "serviceType": [_concept(VISIT, visit)]}
        _put(services, "Slot", f"{name}-{hour[:2]}", schedule=_to(f"Schedule/{name}"), status="free", **times, **said)


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _found(partner: Partner, *pairs: tuple[str, Any], **window: Any) -> list[str]:
    return [one["slot"][0]["reference"].removeprefix("Slot/") for one in partner.options(*pairs, **window)]


def _refusal(partner: Partner, *pairs: tuple[str, Any], **window: Any) -> FhirError:
    with pytest.raises(FhirError) as caught:
        partner.find(*pairs, **window)
    return caught.value


EVERY = ["ada-09", "bea-09", "ada-10", "bea-11", "csnp-14"]
ADA, BEA = ("practitioner", _to("Practitioner/ada")), ("practitioner", _to("Practitioner/bea"))
CASES: tuple[tuple[tuple[tuple[str, Any], ...], list[str]], ...] = (
    ((), EVERY),
    ((ADA,), ["ada-09", "ada-10"]),
    ((("practitioner", _to(f"{BASE}/Practitioner/ada")),), ["ada-09", "ada-10"]),
    ((("practitioner", {"identifier": {"system": "urn:rpps", "value": "1"}}),), ["ada-09", "ada-10"]),
    ((("practitioner", {"identifier": {"system": "urn:other", "value": "1"}}),), []),
    ((("practitioner", _to("PractitionerRole/bea-role")),), ["bea-09", "bea-11"]),
    ((ADA, BEA), ["ada-09", "bea-09", "ada-10", "bea-11"]),
    # At the same time, the one who was named first.
    ((BEA, ADA), ["bea-09", "ada-09", "ada-10", "bea-11"]),
    ((("organization", _to("Organization/cpts")),), ["ada-09", "bea-09", "ada-10", "bea-11"]),
    ((("organization", _to("Organization/none")),), []),
    ((("location-reference", _to("Location/mill")),), ["ada-09", "ada-10", "csnp-14"]),
    ((("location-string", "pont"),), ["bea-09", "bea-11"]),
    ((("location-string", "grel"), ("location-string", "pont")), EVERY),
    ((ADA, ("location-reference", _to("Location/bridge"))), []),
    ((("specialty", f"{SPECIALTY}|GP"),), ["ada-09", "ada-10", "csnp-14"]),
    ((("specialty", f"{SPECIALTY}|GP"), ("specialty", f"{SPECIALTY}|PED")), EVERY),
    ((("specialty", f"{SPECIALTY}|GP"), ("visit-type", f"{VISIT}|VR")), []),
    ((("visit-type", f"{VISIT}|VR"), BEA), ["bea-09", "bea-11"]),
    ((("timing", {"repeat": {"when": ["AFT"]}}),), ["csnp-14"]),
    ((("timing", {"repeat": {"timeOfDay": ["10:00:00", "11:00:00"]}}),), ["ada-10", "bea-11"]),
    ((("timing", {"repeat": {"dayOfWeek": ["mon", "wed"]}}),), []),
    ((("timing", {"event": ["2026-03-03T09:00:00+01:00"]}),), ["ada-09", "bea-09"]),
    ((("timing", {"repeat": {"boundsPeriod": {"start": "2026-03-03T10:30:00+01:00"}}}),), ["bea-11", "csnp-14"]),
    ((("insurance-reference", _to("InsurancePlan/any")),), EVERY),
)


@pytest.mark.parametrize(("pairs", "expected"), CASES, ids=lambda value: str(value)[:60])
def test_it_proposes_what_meets_every_kind(vendor: Partner, pairs: Any, expected: list[str]) -> None:
    assert expected == _found(vendor, *pairs)


def test_a_proposal_says_what_ihe_asks(vendor: Partner) -> None:
    found = vendor.options(ADA, ("reason", "https://reason.example|fever"))[0]

    validate(found, "Appointment")
    assert "proposed" == found["status"]
    assert [{"start": "2026-03-03T08:00:00.000+01:00", "end": "2026-03-03T20:00:00.000+01:00"}] == found[
        "requestedPeriod"
    ]
    assert (30, "GP", "AMB") == (
        found["minutesDuration"],
        found["specialty"][0]["coding"][0]["code"],
        found["serviceType"][0]["coding"][0]["code"],
    )
    assert "fever" == found["reasonCode"][0]["coding"][0]["code"]
    [party] = found["participant"]
    assert {"actor": _to("PractitionerRole/ada-role"), "required": "required", "status": "needs-action"} == party


def test_patients_and_referral_come_along_to_the_hold(territory: Services, vendor: Partner) -> None:
    patients = [create(territory.store, vendor.actor, "Patient", builders.patient()) for _ in range(2)]
    number = {"system": "urn:order", "value": "O-1"}
    order = builders.service_request(identifier=[number])
    request = create(territory.store, vendor.actor, "ServiceRequest", order)
    asked = [("patient-reference", _to(one.reference)) for one in patients]
    option = vendor.options(*asked, ("referral-identifier", number))[0]
    kept = held(vendor.hold(option["id"]))

    for one in (option, kept):
        assert [_to(request.reference)] == one["basedOn"]
        assert {patient.reference for patient in patients} < {it["actor"]["reference"] for it in one["participant"]}
    assert option["requestedPeriod"] == kept["requestedPeriod"]


def test_an_unknown_patient_is_told_and_not_stored(vendor: Partner) -> None:
    found = vendor.options(("patient-resource", builders.patient()))[0]

    validate(found, "Appointment")
    assert ["#patient1"] == [
        one["actor"]["reference"] for one in found["participant"] if one["actor"]["reference"].startswith("#")
    ]
    assert "ESSAI" == found["contained"][0]["name"][0]["family"]


def test_many_patients_are_too_many_for_an_id(territory: Services, vendor: Partner) -> None:
    patients = [create(territory.store, vendor.actor, "Patient", builders.patient()) for _ in range(30)]

    found = _refusal(vendor, *(("patient-reference", _to(one.reference)) for one in patients))
    assert Category.BUSINESS_RULE is found.category


def test_total_counts_and_count_caps(vendor: Partner) -> None:
    page = vendor.find(count=2)

    assert (5, 2) == (page["total"], len(page["entry"]))
    assert all(one["fullUrl"] == f"{BASE}/Appointment/{one['resource']['id']}" for one in page["entry"])


def test_an_unknown_referral_is_told(vendor: Partner) -> None:
    found = vendor.find(("referral-identifier", {"system": "urn:order", "value": "none"}))

    assert (5, [("warning", "not-found")]) == (found["total"], outcome(found))


def test_the_window_holds_the_appointment(vendor: Partner, clock: StandingClock) -> None:
    assert ["ada-10"] == _found(vendor, start="2026-03-03T09:15:00+01:00", end="2026-03-03T10:30:00+01:00")
    assert EVERY == _found(vendor, start="2026-03-01", end="2026-03-03")
    clock.advance(26 * 3_600_000 + 1)
    assert ["bea-11", "csnp-14"] == _found(vendor, start="2026-03-01", end="2026-03-03")


def test_ids_are_new_each_time(vendor: Partner) -> None:
    assert not {one["id"] for one in vendor.options()} & {one["id"] for one in vendor.options()}


def test_it_proposes_what_the_partner_may_take(territory: Services, vendor: Partner) -> None:
    meant = {"security": [{"system": R314, "code": "PRO"}]}
    free = {"schedule": _to("Schedule/ada"), "status": "free"}
    times = {"start": "2026-03-03T16:00:00+01:00", "end": "2026-03-03T16:30:00+01:00"}
    _put(territory, "Slot", "pro-only", meta=meant, **free, **times)
    public = Partner(territory, Actor("public", audiences=frozenset({"PUBLIC"})))

    assert ("pro-only" in _found(vendor), "pro-only" in _found(public)) == (True, False)


@pytest.mark.parametrize(
    ("pairs", "window", "category"),
    [
        ((), {"start": END, "end": START}, Category.INVALID),
        ((), {"end": "2026-09-01"}, Category.TOO_COSTLY),
        ((("specialty", "GP"),), {}, Category.VALUE),
        ((("visit-type", "|VR"),), {}, Category.VALUE),
        ((("reason", "urn:x|"),), {}, Category.VALUE),
        ((("practitioner", _to("Patient/1")),), {}, Category.VALUE),
        ((("practitioner", {"display": "Ada"}),), {}, Category.VALUE),
        ((("patient-reference", _to("Patient/none")),), {}, Category.VALUE),
        ((("specialty", _to("Practitioner/ada")),), {}, Category.VALUE),
        ((("colour", "red"),), {}, Category.VALUE),
        ((("start", START),), {}, Category.VALUE),
        ((("timing", {"repeat": {"when": ["C"]}}),), {}, Category.VALUE),
    ],
)
def test_what_cannot_be_asked_is_told(vendor: Partner, pairs: Any, window: Any, category: Category) -> None:
    found = _refusal(vendor, *pairs, **window)

    assert category is found.category
    assert (found.issues[0].expression or "").startswith("Parameters.parameter")


@pytest.mark.parametrize("names", [(), ("start",), ("end",)])
def test_start_and_end_are_asked_for(vendor: Partner, names: tuple[str, ...]) -> None:
    asked = parameters(*((name, START) for name in names))
    with pytest.raises(FhirError) as caught:
        find(vendor.store, vendor.actor, asked, access_check=lambda *_: None, base_url=BASE)

    assert {Category.REQUIRED} == {issue.category for issue in caught.value.issues}
    assert 2 - len(names) == len(caught.value.issues)


def test_the_scopes_must_let_search(vendor: Partner) -> None:
    def only_slots(type_name: str, letter: str) -> None:
        if (type_name, letter) != ("Slot", "s"):
            raise fault(Category.FORBIDDEN, "No scope.")

    def ask(*pairs: tuple[str, Any]) -> None:
        asked = parameters(("start", START), ("end", END), *pairs)
        find(vendor.store, vendor.actor, asked, access_check=only_slots, base_url=BASE)

    ask()
    with pytest.raises(FhirError) as caught:
        ask(ADA)
    assert Category.FORBIDDEN is caught.value.category
