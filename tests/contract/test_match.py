"""A need meets the open slots of a territory, on both stores: who is proposed, in which order, and why."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.match_slots import match_slots
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.audiences import ACT_CODES, R314
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.registry.extensions import COMMUNE_CODE, MATCH_REASON, NO_FAMILY_DOCTOR, TELECONSULTATION_ACCEPTABLE
from fhir_server.storage.resources import Stored
from tests import builders
from tests.conftest import NOW_MS, StandingClock

AGENDA = Actor("agenda", audiences=frozenset({"PRO"}))
SAMU = Actor("samu", direct_access=frozenset({"samu"}))
VENDOR = Actor("vendor")
BASE = "https://s.example/fhir"
#: Ambrelune has 96002; Belombrage is 31 km from it, Étangrêveur 21 km, Clairgivre 12 km.
HERE, NEAR, FARTHER, FAR = "96000 Ambrelune", "Clairgivre", "Étangrêveur", "Belombrage"
R38 = "https://mos.esante.gouv.fr/NOS/TRE_R38-SpecialiteOrdinale/FHIR/TRE-R38-SpecialiteOrdinale"
DAY = datetime.fromisoformat("2026-03-02T08:00:00+01:00")


class Territory:
    """Agendas with slots, each with a doctor and a place."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.store = services.store
        self._codes = {place.name: code for code, place in services.communes.by_code.items()}

    def agenda(self, name: str, commune: str | None, *hours: float, doctor: bool = True, **slot: Any) -> list[str]:
        """An agenda in a commune with slots so many hours from now; their ids."""
        actors = [{"reference": f"PractitionerRole/{name}"}]
        if doctor:
            actors.insert(0, {"reference": f"Practitioner/{name}"})
        places = {"location": [{"reference": f"Location/{name}"}]} if commune else {}
        role = {"resourceType": "PractitionerRole", "id": name, **places}
        if doctor:
            role["practitioner"] = {"reference": f"Practitioner/{name}"}
        self._put("PractitionerRole", role)
        if commune:
            self._put("Location", {"resourceType": "Location", "id": name, "address": self.address(commune)})
        self._put("Schedule", {"resourceType": "Schedule", "id": name, "actor": actors})
        return [self.slot(name, hour, **slot) for hour in hours]

    def slot(self, agenda: str, hours: float, **elements: Any) -> str:
        start = DAY + timedelta(hours=hours)
        times = {"start": start.isoformat(), "end": (start + timedelta(minutes=15)).isoformat()}
        content = builders.slot(schedule={"reference": f"Schedule/{agenda}"}, **times) | elements
        return create(self.store, AGENDA, "Slot", content).id

    def address(self, commune: str) -> dict[str, Any]:
        code, _, name = commune.rpartition(" ")
        coding = {"url": next(iter(COMMUNE_CODE)), "valueCoding": {"code": self._codes.get(name, "")}}
        return {"city": name, "postalCode": code} if code else {"city": name, "extension": [coding]}

    def patient(self, **elements: Any) -> dict[str, str]:
        made = create(self.store, SAMU, "Patient", builders.patient(**{"address": [self.address(HERE)]} | elements))
        return {"reference": f"Patient/{made.id}"}

    def request(self, **elements: Any) -> str:
        subject = elements.pop("subject", None) or self.patient()
        return create(self.store, SAMU, "ServiceRequest", builders.service_request(subject=subject, **elements)).id

    def act(self, doctor: str, hours: float, **elements: Any) -> Stored:
        """A regulated act of a doctor, so many hours from now."""
        start = DAY + timedelta(hours=hours)
        appointment = builders.appointment(
            start=start.isoformat(),
            end=(start + timedelta(minutes=15)).isoformat(),
            basedOn=[{"reference": "ServiceRequest/other"}],
            participant=[
                {"actor": {"reference": f"Patient/{doctor}"}, "status": "accepted"},
                {"actor": {"reference": f"Practitioner/{doctor}"}, "status": "accepted"},
            ],
        )
        return create(self.store, VENDOR, "Appointment", appointment | elements)

    def match(self, id_: str | None, *query: tuple[str, str], actor: Actor = SAMU, body: Any = None) -> dict[str, Any]:
        return match_slots(
            self.store,
            actor,
            id_,
            body,
            query,
            communes=self.services.communes,
            may_read=lambda _name: True,
            base_url=BASE,
        )

    def found(self, id_: str | None, *query: tuple[str, str], actor: Actor = SAMU) -> list[str]:
        return ids(self.match(id_, *query, actor=actor))

    def _put(self, type_name: str, content: dict[str, Any]) -> None:
        update(self.store, AGENDA, type_name, content["id"], content, None)


@pytest.fixture
def territory(services: Services) -> Territory:
    return Territory(services)


def ids(answer: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in answer["entry"] if entry["search"]["mode"] == "match"]


def reasons(answer: dict[str, Any], number: int = 0) -> dict[str, str]:
    """What each criterion says of one proposal: the code of its reason."""
    found = answer["entry"][number]["search"]["extension"]
    assert {one["url"] for one in found} == {MATCH_REASON}
    parts = [{part["url"]: part for part in one["extension"]} for one in found]
    return {part["criterion"]["valueCoding"]["code"]: part["reason"]["valueCoding"]["code"] for part in parts}


def words(answer: dict[str, Any], criterion: str, number: int = 0) -> tuple[str, str]:
    """What a criterion says in English and in French."""
    for one in answer["entry"][number]["search"]["extension"]:
        parts = {part["url"]: part for part in one["extension"]}
        if parts["criterion"]["valueCoding"]["code"] == criterion:
            told = parts["reason"]["valueCoding"]
            french = told["_display"]["extension"][0]["extension"][1]["valueString"]
            return told["display"], french
    raise AssertionError(criterion)


def notes(answer: dict[str, Any]) -> list[str]:
    (outcome,) = [entry["resource"] for entry in answer["entry"] if entry["search"]["mode"] == "outcome"]
    return [issue["details"]["coding"][0]["code"] for issue in outcome["issue"]]


def kind(*codes: str) -> dict[str, Any]:
    return {"serviceType": [{"coding": [{"system": ACT_CODES, "code": code} for code in codes]}]}


def meant(*codes: str) -> dict[str, Any]:
    return {"meta": {"security": [{"system": R314, "code": code} for code in codes]}}


def test_the_nearer_and_the_earlier_come_first_and_say_why(territory: Territory) -> None:
    (near,) = territory.agenda("near", NEAR, 3)
    (farther,) = territory.agenda("farther", FARTHER, 3)
    (late,) = territory.agenda("late", NEAR, 30)
    (here,) = territory.agenda("here", HERE, 3)

    answer = territory.match(territory.request(priority="urgent"))

    assert ids(answer) == [here, near, farther, late]
    assert words(answer, "time-to-care") == ("starts in 3 h 00", "débute dans 3 h 00")
    assert words(answer, "distance") == (
        "in the patient's commune: Ambrelune",
        "dans la commune du patient : Ambrelune",
    )
    assert words(answer, "distance", 1) == (
        "12.2 km from Ambrelune to Clairgivre",
        "12,2 km de Ambrelune à Clairgivre",
    )
    scores = [entry["search"]["score"] for entry in answer["entry"][:4]]
    assert scores == sorted(scores, reverse=True)
    assert answer["total"] == 4
    assert answer["link"] == [{"relation": "self", "url": answer["link"][0]["url"]}]
    assert notes(answer) == ["looked"]


def test_what_is_proposed_is_a_slot_that_can_be_booked(territory: Territory) -> None:
    kept = {
        "extension": [
            {
                "url": "urn:creneau:StructureDefinition:slot-direct-access",
                "extension": [{"url": "holder", "valueCode": "samu"}],
            }
        ]
    }
    (for_samu,) = territory.agenda("a", HERE, 3, **kept)
    territory.agenda("b", HERE, 3, **meant("PRO"))
    (busy,) = territory.agenda("c", HERE, 3)
    (gone,) = territory.agenda("d", HERE, 3)
    (past,) = territory.agenda("e", HERE, -1)
    create(territory.store, VENDOR, "Appointment", _booking(territory, busy))
    delete(territory.store, AGENDA, "Slot", gone, None)
    request = territory.request()
    public = Actor("samu", audiences=frozenset({"PUBLIC"}), direct_access=frozenset({"samu"}))
    vendor = Actor("samu")

    answer = territory.match(request, actor=public)

    assert ids(answer) == [for_samu]
    assert reasons(answer)["audience"] == "kept-for-you"
    assert {busy, gone, past, for_samu}.isdisjoint(territory.found(request, actor=vendor))
    assert create(territory.store, public, "Appointment", _booking(territory, for_samu)).version == 1
    assert territory.found(request, actor=public) == []


def _booking(territory: Territory, slot_id: str) -> dict[str, Any]:
    start = DAY + timedelta(hours=3)
    times = {"start": start.isoformat(), "end": (start + timedelta(minutes=15)).isoformat()}
    return builders.appointment(slot_id, **times)


def test_a_doctor_at_the_weekly_cap_is_left_out_and_others_share_the_load(territory: Territory) -> None:
    territory.agenda("full", HERE, 3)
    (idle,) = territory.agenda("idle", HERE, 3)
    (some,) = territory.agenda("some", HERE, 3)
    for number in range(20):
        territory.act("full", 24 + number)
    for number in range(5):
        territory.act("some", 24 + number)
    # None of these counts: cancelled, of the week after, not regulated.
    cancelled = territory.act("idle", 24)
    changes = {"status": "cancelled", "cancelationReason": {"text": "x"}}
    update(territory.store, VENDOR, "Appointment", cancelled.id, cancelled.content() | changes, cancelled.version)
    territory.act("idle", 24 * 7)
    territory.act("idle", 30, basedOn=[])

    answer = territory.match(territory.request())

    assert ids(answer) == [idle, some]
    assert notes(answer) == ["looked", "at-cap"]
    assert words(answer, "load")[0] == "0 of 20 regulated acts in that week"
    assert words(answer, "load", 1)[1] == "5 actes régulés sur 20 cette semaine-là"


def test_the_acts_of_an_agenda_count_where_no_doctor_is_named(territory: Territory) -> None:
    held = territory.agenda("a", HERE, 5)[0]
    (slot,) = territory.agenda("a", HERE, 3)
    start = DAY + timedelta(hours=5)
    times = {"start": start.isoformat(), "end": (start + timedelta(minutes=15)).isoformat()}
    operator = {"url": "http://interopsante.org/fhir/StructureDefinition/FrAppointmentOperator"}
    value = {"valueReference": {"identifier": {"system": "urn:x", "value": "1"}}}
    create(territory.store, VENDOR, "Appointment", builders.appointment(held, **times, extension=[operator | value]))

    answer = territory.match(territory.request())

    assert ids(answer) == [slot]
    assert words(answer, "load")[0] == "1 of 20 regulated acts in that week"


def test_a_list_ends_with_teleconsultations_when_nothing_more_is_near(territory: Territory) -> None:
    remote = [territory.agenda(f"remote-{hour}", None, hour, **kind("VR"))[0] for hour in (2, 1)]
    (near,) = territory.agenda("near", NEAR, 20, **kind("AMB"))
    territory.agenda("far", FAR, 1)
    (both,) = territory.agenda("both", FAR, 4, **kind("AMB", "VR"))

    answer = territory.match(territory.request(priority="urgent"))

    assert ids(answer) == [near, remote[1], remote[0], both]
    assert reasons(answer, 1)["distance"] == "nowhere-to-go"
    assert notes(answer) == ["looked", "too-far"]
    assert territory.found(territory.request(), ("_count", "1")) == [near]


def test_when_nothing_is_near_only_teleconsultations_are_proposed_and_it_says_so(territory: Territory) -> None:
    territory.agenda("far", FAR, 1)
    (remote,) = territory.agenda("remote", None, 2, **kind("VR"))
    refused = territory.request(extension=[{"url": TELECONSULTATION_ACCEPTABLE, "valueBoolean": False}])

    answer = territory.match(territory.request())

    assert ids(answer) == [remote]
    assert notes(answer) == ["looked", "too-far", "nothing-near"]
    assert notes(territory.match(refused)) == ["looked", "too-far", "nothing"]
    assert territory.found(territory.request(), ("teleconsultation", "false")) == []
    assert territory.found(refused, ("teleconsultation", "true")) == [remote]
    assert len(territory.found(refused, ("maxDistance", "40"))) == 1


def test_an_agenda_that_says_it_is_remote_is_for_its_slots_that_say_nothing(territory: Territory) -> None:
    (slot,) = territory.agenda("remote", None, 2)
    schedule = {"resourceType": "Schedule", "id": "remote", "actor": [{"reference": "Practitioner/remote"}]}
    update(territory.store, AGENDA, "Schedule", "remote", schedule | kind("VR"), None)

    answer = territory.match(territory.request())

    assert (ids(answer), reasons(answer)["distance"]) == ([slot], "nowhere-to-go")
    assert territory.found(territory.request(), ("teleconsultation", "false")) == []


@pytest.mark.parametrize(
    ("elements", "query", "code"),
    [
        ({"address": []}, (), "patient-place-unknown"),
        ({"address": [{"postalCode": "75001", "city": "Ailleurs"}]}, (), "patient-place-unknown"),
        ({"address": []}, (("commune", "96002"),), "same-commune"),
        ({"address": []}, (("postalCode", "96001"),), "same-commune"),
        ({"address": []}, (("postalCode", "96000"),), "kilometres-away"),
        ({"address": [{"use": "old", "postalCode": "96000", "city": "Ambrelune"}]}, (), "patient-place-unknown"),
        (
            {"address": [{"use": "work", "postalCode": "75001"}, {"postalCode": "96000", "city": "AMBRELUNE"}]},
            (),
            "same-commune",
        ),
    ],
)
def test_where_the_patient_is(territory: Territory, elements: Any, query: Any, code: str) -> None:
    territory.agenda("a", HERE, 3)
    request = territory.request(subject=territory.patient(**elements) if elements["address"] else _nowhere(territory))

    answer = territory.match(request, *query)

    assert reasons(answer)["distance"] == code
    assert notes(answer)[0] == ("looked-without-place" if code == "patient-place-unknown" else "looked")


def _nowhere(territory: Territory) -> dict[str, str]:
    made = create(territory.store, SAMU, "Patient", builders.patient())
    return {"reference": f"Patient/{made.id}"}


def test_a_place_that_the_request_names_comes_before_where_the_patient_lives(territory: Territory) -> None:
    territory.agenda("a", FAR, 3)
    request = territory.request(locationReference=[{"reference": "Location/a"}])

    assert reasons(territory.match(request))["distance"] == "same-commune"


def test_places_are_those_of_the_role_contained_of_the_service_or_of_the_agenda(territory: Territory) -> None:
    store = territory.store
    address = territory.address(HERE)
    contained = {"resourceType": "Location", "id": "l", "address": address}
    role = {"resourceType": "PractitionerRole", "id": "r", "contained": [contained], "location": [{"reference": "#l"}]}
    update(store, AGENDA, "PractitionerRole", "r", role, None)
    update(store, AGENDA, "Location", "p", {"resourceType": "Location", "id": "p", "address": address}, None)
    service = {"resourceType": "HealthcareService", "id": "h", "location": [{"reference": "Location/p"}]}
    update(store, AGENDA, "HealthcareService", "h", service, None)
    for name, actor in (("a", "PractitionerRole/r"), ("b", "HealthcareService/h"), ("c", "Location/p")):
        schedule = {"resourceType": "Schedule", "id": name, "actor": [{"reference": actor}]}
        update(store, AGENDA, "Schedule", name, schedule, None)
        territory.slot(name, 3)

    answer = territory.match(territory.request())

    assert [reasons(answer, number)["distance"] for number in range(3)] == ["same-commune"] * 3
    assert [reasons(answer, number)["load"] for number in range(3)] == ["no-doctor-counted"] * 3


def test_specialty_motive_and_audience_decide_between_what_is_alike(territory: Territory) -> None:
    paediatrics, general = ({"coding": [{"system": R38, "code": code}]} for code in ("SM40", "SM54"))
    (child,) = territory.agenda("child", HERE, 3, specialty=[paediatrics], **meant("PUBLIC"))
    (any_,) = territory.agenda("any", HERE, 3, specialty=[general], **meant("SNP", "PUBLIC"))
    (fever,) = territory.agenda(
        "fever", HERE, 3, specialty=[general], serviceType=[{"text": "Fièvre"}], **meant("SNP", "PUBLIC")
    )

    plain = territory.request(reasonCode=[{"text": "FIEVRE"}])
    asked = territory.request(performerType=paediatrics)

    assert territory.found(plain) == [fever, any_, child]
    assert territory.found(asked)[0] == child
    assert reasons(territory.match(plain))["motive"] == "motive-taken"
    assert reasons(territory.match(asked))["specialty"] == "specialty-asked"


def test_a_patient_without_family_doctor_is_led_to_the_cpts_and_one_with_to_their_own(territory: Territory) -> None:
    (other,) = territory.agenda("other", HERE, 3)
    (cpts,) = territory.agenda("cpts", HERE, 3, **meant("CPTS", "PRO", "PUBLIC"))
    none = territory.request(extension=[{"url": NO_FAMILY_DOCTOR, "valueBoolean": True}])
    own = territory.request(subject=territory.patient(generalPractitioner=[{"reference": "Practitioner/other"}]))

    assert reasons(territory.match(none))["family-doctor"] == "cpts-for-none"
    assert territory.found(none) == [cpts, other]
    said = {reasons(territory.match(own), number)["family-doctor"] for number in range(2)}
    assert said == {"own-doctor", "another-doctor"}
    assert reasons(territory.match(own, ("noFamilyDoctor", "true")))["family-doctor"] == "cpts-for-none"


def test_one_doctor_has_two_proposals_at_most(territory: Territory) -> None:
    slots = territory.agenda("a", HERE, 3, 4, 5, 6)
    (other,) = territory.agenda("b", NEAR, 7)
    remote = [territory.slot("a", hours, **kind("VR")) for hours in (8, 9, 10)]

    assert territory.found(territory.request()) == [*slots[:2], other, *remote[:2]]


@pytest.mark.parametrize(
    ("elements", "query", "expected"),
    [
        ({}, (), {1, 30}),
        ({"priority": "stat"}, (), {1}),
        ({"priority": "asap"}, (), {1}),
        ({"priority": "stat"}, (("within", "31"),), {1, 30}),
        ({}, (("within", "1"),), set()),
        ({"occurrencePeriod": {"start": "2026-03-02T10:00:00+01:00"}}, (), {30}),
        ({"occurrencePeriod": {"end": "2026-03-02T12:00:00+01:00"}}, (), {1}),
        ({"occurrencePeriod": {"end": "2026-03-12"}}, (), {1, 30, 100}),
        ({"occurrenceDateTime": "2026-03-02"}, (), {1}),
        ({"occurrenceDateTime": "2026-03-03T00:00:00+01:00"}, (), {30}),
        ({"occurrencePeriod": {"start": "2026-03-06"}}, (), {100}),
    ],
)
def test_when_care_is_looked_for(territory: Territory, elements: Any, query: Any, expected: set[int]) -> None:
    made = {hours: territory.agenda(f"a{hours}", HERE, hours)[0] for hours in (1, 30, 100)}

    assert set(territory.found(territory.request(**elements), *query)) == {made[hours] for hours in expected}


def test_the_same_question_has_the_same_answer_and_changes_nothing(territory: Territory, clock: StandingClock) -> None:
    for number in range(4):
        territory.agenda(f"a{number}", HERE, 3)
    request = territory.request()

    first, second = territory.match(request), territory.match(request)

    assert first == second
    assert ids(first) == sorted(ids(first))
    assert {entry["resource"]["meta"]["versionId"] for entry in first["entry"][:-1]} == {"1"}
    assert clock.now_ms == NOW_MS


def test_a_request_may_come_with_the_question(territory: Territory) -> None:
    (slot,) = territory.agenda("a", HERE, 3)
    contained = builders.patient(id="p", address=[territory.address(HERE)])
    request = builders.service_request(subject={"reference": "#p"}, contained=[contained])
    parameters = [{"name": "resource", "resource": request}, {"name": "_count", "valueInteger": 1}]

    answer = territory.match(None, body={"resourceType": "Parameters", "parameter": parameters})

    assert (ids(answer), reasons(answer)["distance"]) == ([slot], "same-commune")


@pytest.mark.parametrize(
    ("elements", "query", "category", "expression"),
    [
        ({"status": "revoked"}, (), Category.BUSINESS_RULE, "ServiceRequest.status"),
        ({"doNotPerform": True}, (), Category.BUSINESS_RULE, "ServiceRequest.doNotPerform"),
        ({"occurrencePeriod": {"end": "2026-03-01"}}, (), Category.BUSINESS_RULE, "ServiceRequest.occurrence"),
        ({"occurrenceDateTime": "2026-05-01"}, (), Category.BUSINESS_RULE, "ServiceRequest.occurrence"),
        ({}, (("within", "0"),), Category.VALUE, "within"),
        ({}, (("within", "soon"),), Category.VALUE, "within"),
        ({}, (("_count", "51"),), Category.VALUE, "_count"),
        ({}, (("_count", "1"), ("_count", "2")), Category.VALUE, "_count"),
        ({}, (("maxDistance", "nan"),), Category.VALUE, "maxDistance"),
        ({}, (("teleconsultation", "yes"),), Category.VALUE, "teleconsultation"),
        ({}, (("speciality", "x"),), Category.VALUE, "speciality"),
        ({}, (("resource", "x"),), Category.VALUE, "resource"),
    ],
)
def test_what_cannot_be_looked_for(
    territory: Territory, elements: Any, query: Any, category: Category, expression: str
) -> None:
    request = territory.request(**elements)

    with pytest.raises(FhirError) as refused:
        territory.match(request, *query)

    assert (refused.value.category, refused.value.issues[0].expression) == (category, expression)


def test_a_request_that_is_not_there_or_not_given(territory: Territory) -> None:
    request = territory.request()
    patient = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": builders.patient()}]}

    for id_, actor, body, category in (
        (request, VENDOR, None, Category.NOT_FOUND),
        ("none", SAMU, None, Category.NOT_FOUND),
        (None, SAMU, None, Category.REQUIRED),
        (None, SAMU, patient, Category.VALUE),
        (None, SAMU, {"resourceType": "Parameters", "parameter": [{"valueCode": "x"}]}, Category.REQUIRED),
    ):
        with pytest.raises(FhirError) as refused:
            territory.match(id_, actor=actor, body=body)
        assert refused.value.category is category


def test_the_patient_of_another_is_not_looked_at(territory: Territory) -> None:
    territory.agenda("a", HERE, 3)
    theirs = create(territory.store, VENDOR, "Patient", builders.patient(address=[territory.address(HERE)]))
    request = territory.request(subject={"reference": f"Patient/{theirs.id}"})

    assert reasons(territory.match(request))["distance"] == "patient-place-unknown"
    assert reasons(territory.match(request, actor=SYSTEM))["distance"] == "same-commune"
