"""Figures of a period: counted from what was stored, the same whenever they are asked."""

from typing import Any

import pytest

from adapters import origins
from adapters.service import build_house
from fhir_server.bootstrap import Services
from fhir_server.figures import basis
from fhir_server.figures.evaluate import evaluate, evaluate_measure
from fhir_server.figures.period import Period, period
from fhir_server.figures.reading import Reading
from fhir_server.figures.tally import Counts
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.update import update
from fhir_server.kernel import dates
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.registry.extensions import CAPACITY, NO_FAMILY_DOCTOR
from fhir_server.registry.figures import HALF_DAYS, MEASURE, PARTITIONS
from fhir_server.registry.national import SAS_ACCOUNTS
from fhir_server.scheduling.regulation import SAS_OPERATOR
from fhir_server.settings import Settings
from fhir_server.storage import resources
from fhir_server.storage.figures import snapshot
from tests import builders
from tests.conftest import StandingClock
from tests.contract.siu import PID, Desk, sch

VENDOR, SAMU = Actor("vendor"), Actor("samu")
ORIGINS = {"vendor": "vendor", "samu": "samu"}
HOUR, DAY = 3_600_000, 24 * 3_600_000
VIDEO = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}]}
REFERRAL = "RF1|P|A|MED^Médecine|||R-1^SAMU-DEMO|20260302||20260302|O^Soins non programmés"


class World:
    """A territory to book in."""

    def __init__(self, services: Services, clock: StandingClock) -> None:
        self.store, self.clock = services.store, clock
        self._minutes = iter(range(0, 100_000, 15))

    def slot(self, day: str = "2026-03-03", **elements: Any) -> str:
        minutes = next(self._minutes)
        start, end = (f"{day}T{(8 + at // 60):02d}:{at % 60:02d}:00+01:00" for at in (minutes, minutes + 15))
        return create(self.store, SYSTEM, "Slot", builders.slot(start=start, end=end) | elements).id

    def patient(self, actor: Actor = VENDOR, **elements: Any) -> str:
        return create(self.store, actor, "Patient", builders.patient(**elements)).id

    def request(self, actor: Actor = SAMU, **elements: Any) -> str:
        return create(self.store, actor, "ServiceRequest", builders.service_request(**elements)).id

    def book(self, *slots: str, patient: str = "", actor: Actor = VENDOR, **elements: Any) -> str:
        person = [{"actor": {"reference": f"Patient/{patient or self.patient(actor)}"}, "status": "accepted"}]
        times: dict[str, Any] = {}
        for slot in slots[:1]:
            content = self.content("Slot", slot)
            times = {"start": content["start"], "end": content["end"]}
        return create(
            self.store, actor, "Appointment", builders.appointment(*slots, participant=person, **times) | elements
        ).id

    def content(self, type_name: str, id_: str) -> dict[str, Any]:
        stored = resources.load(self.store.read(), type_name, id_)
        assert stored is not None
        return stored.content()

    def change(self, type_name: str, id_: str, **elements: Any) -> None:
        content = self.content(type_name, id_)
        version = int(content["meta"]["versionId"])
        update(self.store, SYSTEM, type_name, id_, content | elements, version)

    def counts(self, asked: Period) -> Counts:
        with snapshot(self.store.database) as connection:
            return Reading(connection, asked, basis.load(connection, asked.as_of_ms)).counts()

    def cells(self, first: str = "2026-03-02", last: str = "2026-03-04") -> dict[str, int]:
        """Cells that are not zero, as of now."""
        self.clock.advance(1)
        return {name: number for name, number in self.counts(self.period(first, last)).cells.items() if number}

    def period(self, first: str = "2026-03-02", last: str = "2026-03-04") -> Period:
        return period(first, last, self.clock())


@pytest.fixture
def world(services: Services, settings: Settings, clock: StandingClock) -> World:
    basis.record(services.store, settings, ORIGINS)
    return World(services, clock)


def test_nothing_is_counted_where_nothing_is(world: World) -> None:
    assert {} == world.cells()


def test_a_slot_is_offered_booked_or_unused_and_makes_a_half_day(world: World) -> None:
    world.book(world.slot())
    world.slot()
    world.slot(status="busy-unavailable")
    world.slot(day="2026-03-09")
    world.slot(status="free", start="2026-03-03T13:00:00+01:00", end="2026-03-03T13:15:00+01:00")

    cells = world.cells()

    assert (3, 1, 2, 2) == tuple(cells[name] for name in ("offered", "booked", "unused", HALF_DAYS))


def test_places_of_a_slot_that_holds_several_are_counted_one_by_one(world: World) -> None:
    slot = world.slot(extension=[{"url": CAPACITY, "valueInteger": 4}])
    world.book(slot)
    world.book(slot)

    cells = world.cells()

    assert (4, 2, 2) == tuple(cells[name] for name in ("offered", "booked", "unused"))


def test_a_request_is_oriented_closed_or_unanswered(world: World) -> None:
    for status in ("active", "active", "completed", "entered-in-error"):
        world.request(status=status)
    answered = world.request()
    world.book(world.slot(), basedOn=[{"reference": f"ServiceRequest/{answered}"}])
    lost = world.request()
    booked = world.book(world.slot(), basedOn=[{"reference": f"ServiceRequest/{lost}"}])
    world.change("Appointment", booked, status="cancelled")

    cells = world.cells()

    assert (5, 1, 1, 3) == tuple(cells[name] for name in ("received", "oriented", "closed", "unanswered"))
    assert (1, 5) == (cells["cancelled"], cells["asked-samu"])


@pytest.mark.parametrize(
    ("start", "cell"),
    [
        ("2026-03-02T23:45:00+01:00", "same-day"),
        ("2026-03-03T20:00:00+01:00", "within-36h"),
        ("2026-03-03T20:01:00+01:00", "within-48h"),
        ("2026-03-04T08:00:00+01:00", "within-48h"),
        ("2026-03-04T08:01:00+01:00", "later"),
    ],
)
def test_the_delay_goes_from_the_request_to_the_earliest_appointment(world: World, start: str, cell: str) -> None:
    asked = world.request()
    based_on = [{"reference": f"ServiceRequest/{asked}"}]
    for when in (start, "2026-03-06T09:00:00+01:00"):
        slot = create(world.store, SYSTEM, "Slot", builders.slot(start=when, end=when[:-10] + "9:00+01:00")).id
        world.book(slot, basedOn=based_on)

    assert 1 == world.cells()[cell]


def test_the_delay_begins_when_the_request_says_so_but_never_after_it_came(world: World) -> None:
    for authored in ("2026-03-01T08:00:00+01:00", "2026-03-02T23:00:00+01:00"):
        based_on = [{"reference": f"ServiceRequest/{world.request(authoredOn=authored)}"}]
        slot = world.slot(start="2026-03-03T08:00:00+01:00", end="2026-03-03T08:15:00+01:00")
        world.book(slot, basedOn=based_on)
    world.clock.advance(1)

    assert 36 * HOUR == world.counts(world.period()).median_ms


def test_an_appointment_comes_from_where_its_request_did(world: World) -> None:
    asked = world.request(SAMU)
    world.book(world.slot(), basedOn=[{"reference": f"ServiceRequest/{asked}"}])
    world.book(world.slot())
    world.book(world.slot(), actor=Actor("unknown"))
    world.book(world.slot(), actor=SYSTEM)
    world.book(
        world.slot(),
        extension=[{"url": SAS_OPERATOR, "valueReference": {"identifier": {"system": SAS_ACCOUNTS, "value": "3"}}}],
    )

    cells = world.cells()

    assert [1] * 5 == [cells[f"from-{name}"] for name in ("samu", "vendor", "other", "cpts", "sas")]


def test_who_came_who_did_not_and_how(world: World) -> None:
    world.book(world.slot(), serviceType=[VIDEO])
    world.book(world.slot(serviceType=[VIDEO]))
    missed = world.book(world.slot())
    world.change("Appointment", missed, status="noshow")
    world.book(world.slot(), status="proposed")

    cells = world.cells()

    assert (3, 2, 1, 2, 1) == tuple(cells[name] for name in ("standing", "kept", "no-show", "remote", "on-site"))


def test_family_doctors_and_places_are_told_by_patients_and_requests(world: World) -> None:
    known = world.patient(
        generalPractitioner=[{"display": "Dr"}], address=[{"city": "Ambrelune", "postalCode": "75001"}]
    )
    insee = {"url": "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-address-insee-code"}
    local = world.patient(address=[{"extension": [insee | {"valueCoding": {"code": "96001"}}], "postalCode": "75001"}])
    asked = world.request(extension=[{"url": NO_FAMILY_DOCTOR, "valueBoolean": True}])
    world.book(world.slot(), patient=known)
    world.book(world.slot(), patient=local)
    world.book(world.slot(), basedOn=[{"reference": f"ServiceRequest/{asked}"}])

    cells = world.cells()

    assert [1, 1, 1] == [cells[f"doctor-{name}"] for name in ("known", "none", "untold")]
    assert [1, 1, 1] == [cells[f"place-{name}"] for name in ("inside", "outside", "untold")]


def test_a_hold_that_lapsed_or_was_given_up_is_no_cancellation(world: World) -> None:
    held = world.book(world.slot(), status="pending")
    world.change("Appointment", held, status="cancelled")

    assert "cancelled" not in world.cells()


def test_days_are_those_of_paris(world: World) -> None:
    world.slot(start="2026-03-29T00:30:00+01:00", end="2026-03-29T00:45:00+01:00")
    world.slot(start="2026-03-29T23:30:00+02:00", end="2026-03-29T23:45:00+02:00")
    world.slot(start="2026-03-30T00:00:00+02:00", end="2026-03-30T00:15:00+02:00")

    assert 2 == world.cells("2026-03-29", "2026-03-29")["offered"]


def test_a_closed_period_is_told_the_same_whatever_comes_later(world: World, settings: Settings) -> None:
    asked = world.request()
    patient = world.patient(address=[{"postalCode": "96000"}])
    slots = [world.slot() for _ in range(7)]
    booked = [
        world.book(slot, patient=patient, basedOn=[{"reference": f"ServiceRequest/{asked}"}]) for slot in slots[:6]
    ]
    world.change("Appointment", booked[1], status="cancelled")
    world.clock.advance(30 * DAY)
    before = world.counts(world.period())
    told = evaluate(world.store, world.period())

    _upset(world, patient, asked, booked, slots)
    basis.record(world.store, settings, {"vendor": "hospital", "samu": "cpts"})

    assert before == world.counts(world.period())
    assert told == evaluate(world.store, world.period())
    assert before != world.counts(period("2026-03-02", "2026-03-04", world.clock(), "2026-12-31"))


def _upset(world: World, patient: str, asked: str, booked: list[str], slots: list[str]) -> None:
    """Change everything that a report could be of."""
    world.clock.advance(DAY)
    world.change("Patient", patient, address=[{"postalCode": "75001"}], generalPractitioner=[{"display": "Dr"}])
    world.change("Appointment", booked[0], status="noshow")
    world.change("Appointment", booked[2], status="cancelled")
    world.change("Appointment", booked[3], status="entered-in-error")
    world.change("ServiceRequest", asked, status="revoked")
    world.change("Slot", slots[6], start="2026-05-03T09:00:00+02:00", end="2026-05-03T09:15:00+02:00")
    delete(world.store, SYSTEM, "Slot", slots[2], None)
    world.slot()
    world.book(basedOn=[{"reference": f"ServiceRequest/{asked}"}])
    world.clock.advance(DAY)


def test_an_order_to_a_department_asks_nothing_of_the_territory(settings: Settings) -> None:
    house = build_house(settings, pool_size=4)
    samu, hospital = Desk(house, "samu"), Desk(house, "hospital", sent=10)
    samu.raw("I12", REFERRAL, PID, kind="REF", structure="REF_I12")
    hospital.raw("O01", PID, "ORC|NW|A1^GAM", "OBR|1|||71020^Radiographie^L", kind="ORM", structure="ORM_O01")
    hospital.book("S12", sch(f26="A2^GAM"))
    origins.record(settings, house.services.store)
    days = period("2026-01-01", "2027-12-31", house.services.store.database.clock() + 1)

    with snapshot(house.services.store.database) as connection:
        counts = Reading(connection, days, basis.load(connection, days.as_of_ms)).counts()

    assert 3 == len(samu.current("ServiceRequest"))
    assert (1, 1) == (counts.cells["received"], counts.cells["asked-samu"])
    house.services.close()


def test_parts_add_up_to_their_totals(world: World) -> None:
    asked = [world.request() for _ in range(3)]
    for id_ in asked[:2]:
        world.book(world.slot(), basedOn=[{"reference": f"ServiceRequest/{id_}"}])
    world.clock.advance(1)

    cells = world.counts(world.period()).cells

    assert [cells[one.total] for one in PARTITIONS] == [sum(cells[part] for part in one.parts) for one in PARTITIONS]


def test_a_coordinator_gets_a_measure_report(world: World) -> None:
    for _ in range(6):
        world.book(world.slot())
    world.clock.advance(1)
    pairs = [("periodStart", "2026-03-02"), ("periodEnd", "2026-03-04")]

    report = evaluate_measure(world.store, SYSTEM, MEASURE, None, pairs)

    groups = {group["code"]["coding"][0]["code"]: group for group in report["group"]}
    assert ("MeasureReport", "summary") == (report["resourceType"], report["type"])
    assert dates.to_instant(world.clock(), "Europe/Paris") == report["date"]
    assert [6] == [one["count"] for one in groups["appointments"]["population"]]
    assert "100.0" == str(groups["slots-booked"]["measureScore"]["value"])


@pytest.mark.parametrize(
    ("actor", "pairs", "category"),
    [
        (VENDOR, [("periodStart", "2026-03-02"), ("periodEnd", "2026-03-04")], Category.FORBIDDEN),
        (SYSTEM, [("periodStart", "2026-03-02")], Category.REQUIRED),
        (SYSTEM, [("periodStart", "2026-03-02"), ("periodEnd", "2026-03-01")], Category.VALUE),
        (SYSTEM, [("periodStart", "2026-03"), ("periodEnd", "2026-03-31")], Category.VALUE),
        (SYSTEM, [("periodStart", "2026-03-02"), ("periodEnd", "2026-03-04"), ("asOf", "x")], Category.VALUE),
        (SYSTEM, [("periodStart", "2026-03-02"), ("periodEnd", "2026-03-04"), ("subject", "x")], Category.VALUE),
    ],
)
def test_what_cannot_be_told_is_refused(
    world: World, actor: Actor, pairs: list[tuple[str, str]], category: Category
) -> None:
    with pytest.raises(FhirError) as caught:
        evaluate_measure(world.store, actor, MEASURE, None, pairs)

    assert category is caught.value.category


def test_a_measure_that_is_not_there_is_not_found(world: World) -> None:
    with pytest.raises(FhirError) as caught:
        evaluate_measure(world.store, SYSTEM, "none", None, [])

    assert Category.NOT_FOUND is caught.value.category
