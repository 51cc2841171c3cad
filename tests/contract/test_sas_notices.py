"""Appointments told to the SAS platform (INT_R03): real sockets, both stores. Items 24 to 26 of France's checklist."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from adapters.destinations import NoticeDestination
from adapters.dispatch import Dispatcher
from adapters.lines import Tls
from adapters.notices import Notices, notices
from fhir_server.bootstrap import build
from fhir_server.interactions.create import create
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.sas import regulators
from fhir_server.settings import Settings
from fhir_server.storage import outbox
from fhir_server.storage.outbox import Delivery
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store
from tests import builders
from tests.certificates import Authority
from tests.conftest import StandingClock
from tests.contract.sas_doors import IDNPS, INTRN, RPPS, UUID, identified, regulator
from tests.sas_platform import Platform, platform

Json = dict[str, Any]
VENDOR = Actor("vendor")
HOSPITAL = Actor("hospital", is_territory=True, origin="feed:hospital", request_id="4711")
HOUR_MS = 3_600_000
DOCTOR = "899700111111"
FIRST = "http://interopsante.org/fhir/StructureDefinition/FrAppointmentOperator"
SECOND = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-appointment-operator"
SYSTEM_OF_OURS = "urn:oid:1.2.250.1.999.77"


def operator(system: str = INTRN, value: str = UUID, url: str = FIRST) -> Json:
    return {"url": url, "valueReference": {"identifier": identified(system, value)}}


@dataclass
class Desk:
    """A territory whose SAS platform listens."""

    store: Store
    dispatcher: Dispatcher
    clock: StandingClock
    doctor: str = ""
    patient: str = ""

    def open(self) -> None:
        """A doctor, a patient and a regulator."""
        made = {"resourceType": "Practitioner", "identifier": [identified(IDNPS, DOCTOR[1:])]}
        self.doctor = create(self.store, SYSTEM, "Practitioner", made).reference
        self.patient = create(self.store, VENDOR, "Patient", builders.patient()).reference
        regulators.create(self.store, Actor("sas"), regulator(identified(INTRN, UUID), identified(IDNPS, RPPS)))

    def book(self, *operators: Json, actor: Actor = VENDOR, **elements: Any) -> Stored:
        """An appointment with the doctor, by these operators."""
        people = [self.doctor, self.patient]
        taking_part = [{"actor": {"reference": one}, "status": "accepted"} for one in people]
        made = {"participant": taking_part, "comment": "Camille ESSAI, douleur"} | elements
        return create(self.store, actor, "Appointment", builders.appointment(extension=list(operators), **made))

    def change(self, stored: Stored, actor: Actor = VENDOR, /, **elements: Any) -> Stored:
        """Its next version; an element set to None is left out."""
        content = {name: value for name, value in (stored.content() | elements).items() if value is not None}
        return update(self.store, actor, stored.type, stored.id, content, stored.version)[0]

    def cancel(self, stored: Stored, actor: Actor = VENDOR) -> Stored:
        return self.change(stored, actor, status="cancelled", cancelationReason={"text": "no longer needed"})

    def deliver(self) -> None:
        while self.dispatcher.deliver_due():
            pass

    def deliver_later(self) -> None:
        """After the longest pause between two tries."""
        self.clock.advance(HOUR_MS)
        self.deliver()

    @property
    def deliveries(self) -> list[Delivery]:
        return list(reversed(self.store.transact(SYSTEM, outbox.list_deliveries)))

    @property
    def states(self) -> list[str]:
        return [one.state for one in self.deliveries]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def sas(stack: ExitStack) -> Platform:
    return stack.enter_context(platform())


def desk_for(told: Notices, settings: Settings, clock: StandingClock, stack: ExitStack) -> Desk:
    services = build(settings, [told.route()], clock=clock, pool_size=4)
    dispatcher = Dispatcher(services.store, {}, {}, {told.channel: NoticeDestination(told)})
    stack.callback(services.close)
    stack.callback(dispatcher.close)
    desk = Desk(services.store, dispatcher, clock)
    desk.open()
    return desk


def told_at(url: str, **more: Any) -> Notices:
    return notices("production", {"url": url, "identifier_system": SYSTEM_OF_OURS, "timeout_seconds": 0.5} | more)


@pytest.fixture
def desk(sas: Platform, settings: Settings, clock: StandingClock, stack: ExitStack) -> Desk:
    return desk_for(told_at(sas.url), settings, clock, stack)


def test_item_24_a_booking_is_told_without_the_patient(desk: Desk, sas: Platform) -> None:
    desk.book(operator())
    desk.deliver()

    assert sas.told == [("POST", 201, "booked")]
    (body,) = sas.appointments.values()
    assert body | {"identifier": [], "created": ""} == {
        "resourceType": "Appointment",
        "meta": {"profile": ["http://sas.fr/fhir/StructureDefinition/FrAppointmentSAS"]},
        "extension": [operator()],
        "identifier": [],
        "status": "booked",
        "start": "2026-03-03T09:00:00.000+01:00",
        "end": "2026-03-03T09:15:00.000+01:00",
        "created": "",
        "participant": [{"actor": {"identifier": identified(IDNPS, DOCTOR)}, "status": "accepted"}],
    }
    assert desk.states == ["delivered"]


def test_item_24_what_is_not_taken_through_sas_is_not_told(desk: Desk) -> None:
    desk.book()
    desk.book(operator(value="11111111-2222-3333-4444-555555555555"))
    desk.book({"url": FIRST, "valueReference": {"reference": desk.patient}})
    desk.book(operator(IDNPS, RPPS, SECOND))

    assert desk.deliveries == []


OPERATORS: dict[str, tuple[list[Json], Json]] = {
    "an account of SAS": ([operator()], {}),
    "a national number": ([operator(IDNPS, RPPS)], {}),
    "a national number without its prefix": ([operator(IDNPS, RPPS[1:])], {}),
    "the second generation, an account of SAS": ([operator(INTRN, UUID, SECOND)], {}),
    "the second generation, with the profile": (
        [operator(IDNPS, RPPS, SECOND)],
        {"meta": {"profile": ["http://sas.fr/fhir/StructureDefinition/FrAppointmentSAS"]}},
    ),
    "the second generation, with the origin": (
        [operator(IDNPS, RPPS, SECOND)],
        {"meta": {"tag": [{"system": "urn:creneau:origin", "code": "sas", "display": "SAS"}]}},
    ),
}


@pytest.mark.parametrize(("operators", "elements"), OPERATORS.values(), ids=OPERATORS.keys())
def test_item_32_every_generation_of_the_operator_is_read(
    desk: Desk, sas: Platform, operators: list[Json], elements: Json
) -> None:
    """What is written is what the platform takes: the first generation."""
    desk.book(*operators, **elements)
    desk.deliver()

    assert sas.told == [("POST", 201, "booked")]


def test_item_32_the_operator_as_a_participant(desk: Desk, sas: Platform) -> None:
    enterer = {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "ENT"}
    taking_part = [
        {"type": [{"coding": [enterer]}], "actor": {"identifier": identified(INTRN, UUID)}, "status": "accepted"},
        {"actor": {"reference": desk.doctor}, "status": "accepted"},
    ]
    desk.book(participant=taking_part)
    desk.deliver()

    assert sas.told == [("POST", 201, "booked")]
    assert [one["extension"][0] for one in sas.appointments.values()] == [operator()]


def test_item_25_one_identifier_from_booking_to_the_end(desk: Desk, sas: Platform) -> None:
    kept = desk.book(operator())
    moved = desk.change(kept, start="2026-03-03T10:00:00+01:00", end="2026-03-03T10:15:00+01:00")
    arrived = desk.change(moved, status="arrived")
    desk.change(arrived, status="fulfilled")
    missed = desk.book(operator(), start="2026-03-03T11:00:00+01:00", end="2026-03-03T11:15:00+01:00")
    desk.change(missed, status="noshow")
    called_off = desk.book(operator(), start="2026-03-03T12:00:00+01:00", end="2026-03-03T12:15:00+01:00")
    desk.cancel(called_off)
    desk.deliver()

    assert sorted(one["status"] for one in sas.appointments.values()) == ["cancelled", "fulfilled", "noshow"]
    first = [one for one in sas.requests if one.body["identifier"] == sas.requests[0].body["identifier"]]
    assert [(one.method, one.status, one.body["status"], one.body["start"][11:16]) for one in first] == [
        ("POST", 201, "booked", "09:00"),
        ("PUT", 200, "booked", "10:00"),
        ("PUT", 200, "booked", "10:00"),
        ("PUT", 200, "fulfilled", "10:00"),
    ]


def test_item_25_who_changes_it_need_not_say_who_took_it(desk: Desk, sas: Platform) -> None:
    kept = desk.book(operator(), identifier=[{"system": "urn:oid:1.2.3", "value": "4711"}])
    changed = desk.change(kept, extension=None, priority=3)
    assert changed.content()["extension"][0]["url"] == FIRST

    desk.cancel(desk.change(changed, extension=None, description="changed"), HOSPITAL)
    desk.deliver()

    assert [one[2] for one in sas.told] == ["booked", "booked", "cancelled"]
    assert all(one.status in (200, 201) for one in sas.requests)


def test_item_25_what_was_lost_on_the_way_back_is_not_doubled(desk: Desk, sas: Platform) -> None:
    sas.faults = ["lost"]
    desk.book(operator())
    desk.deliver()
    assert (desk.states, len(sas.appointments)) == (["waiting"], 1)

    desk.deliver_later()

    assert (desk.states, len(sas.appointments)) == (["delivered"], 1)
    assert sas.told == [("POST", 201, "booked"), ("PUT", 200, "booked")]
    assert sas.requests[0].body == sas.requests[1].body


def test_item_24_an_outage_keeps_the_order(desk: Desk, sas: Platform) -> None:
    sas.faults = [503, "silent", 500]
    kept = desk.book(operator())
    desk.cancel(kept)
    other = desk.book(operator(), start="2026-03-03T11:00:00+01:00", end="2026-03-03T11:15:00+01:00")
    desk.deliver()
    assert desk.states == ["waiting"] * 3

    for _ in range(3):
        desk.deliver_later()

    assert desk.states == ["delivered"] * 3
    told = [one for one in sas.requests if one.status in (200, 201)]
    assert [one.body["status"] for one in told if one.body["start"][11:13] == "09"] == ["booked", "cancelled"]
    assert len(sas.appointments) == 2
    assert other.id


def test_item_24_a_silent_platform_keeps_nobody_else_waiting(desk: Desk, sas: Platform) -> None:
    """Of what goes there, one waits for its answer; the others are left for later, untried."""
    sas.faults = ["silent"]
    for hour in (9, 10, 11):
        desk.book(operator(), start=f"2026-03-03T{hour:02d}:00:00+01:00", end=f"2026-03-03T{hour:02d}:15:00+01:00")
    desk.deliver()
    assert [(one.state, one.attempts) for one in desk.deliveries] == [("waiting", 1), ("waiting", 0), ("waiting", 0)]

    desk.deliver_later()

    assert desk.states == ["delivered"] * 3


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_item_24_what_is_refused_is_kept_with_its_reason(desk: Desk, sas: Platform, status: int) -> None:
    """A dead letter holds what follows of its appointment until an operator has spoken (decision 4)."""
    sas.faults = [status]
    kept = desk.book(operator())
    desk.cancel(kept)
    desk.deliver()

    assert desk.states == ["dead", "waiting"]
    assert desk.deliveries[0].error == f"answered {status} business-rule Appointment fault"
    desk.deliver_later()
    assert len(sas.requests) == 1

    dead = desk.deliveries[0].pk
    desk.store.transact(SYSTEM, lambda uow: outbox.resolve(uow, [dead], outbox.WAITING))
    desk.deliver()

    assert desk.states == ["delivered", "delivered"]
    assert [one["status"] for one in sas.appointments.values()] == ["cancelled"]


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503])
def test_item_24_what_may_pass_is_tried_again(desk: Desk, sas: Platform, status: int) -> None:
    sas.faults = [status]
    desk.book(operator())
    desk.deliver()
    assert desk.states == ["waiting"]

    desk.deliver_later()

    assert desk.states == ["delivered"]


def test_item_25_a_platform_that_does_not_know_it_is_told_anew(desk: Desk, sas: Platform) -> None:
    sas.is_making = False
    kept = desk.book(operator())
    sas.faults = [503]
    desk.deliver()
    desk.cancel(kept)
    desk.deliver_later()

    assert desk.states == ["delivered", "delivered"]
    assert [one[:2] for one in sas.told] == [("POST", 503), ("PUT", 404), ("POST", 201), ("PUT", 200)]


def test_item_26_an_inactive_regulator_has_ordinary_rights(desk: Desk, sas: Platform) -> None:
    """The booking stands and nobody is told; what was told before is followed to its end."""
    told = desk.book(operator())
    gone = regulator(identified(INTRN, UUID), identified(IDNPS, RPPS), active=False)
    regulators.put(desk.store, Actor("sas"), (INTRN, UUID), gone)
    desk.book(operator(), start="2026-03-03T11:00:00+01:00", end="2026-03-03T11:15:00+01:00")
    desk.cancel(told)
    desk.deliver()

    assert [one[2] for one in sas.told] == ["booked", "cancelled"]


def test_a_doctor_is_found_by_the_agenda(desk: Desk, sas: Platform) -> None:
    role = {"resourceType": "PractitionerRole", "practitioner": {"reference": desk.doctor}}
    actor = {"reference": create(desk.store, SYSTEM, "PractitionerRole", role).reference}
    agenda = create(desk.store, SYSTEM, "Schedule", {"resourceType": "Schedule", "actor": [actor]})
    slot = create(desk.store, SYSTEM, "Slot", builders.slot(schedule={"reference": agenda.reference}))
    only_patient = [{"actor": {"reference": desk.patient}, "status": "accepted"}]
    desk.book(operator(), participant=only_patient, slot=[{"reference": slot.reference}])
    desk.deliver()

    (body,) = sas.appointments.values()
    assert body["participant"] == [{"actor": {"identifier": identified(IDNPS, DOCTOR)}, "status": "accepted"}]


def test_without_a_doctor_the_shape_is_that_of_sos(desk: Desk, sas: Platform) -> None:
    desk.book(operator(), participant=[{"actor": {"reference": desk.patient}, "status": "accepted"}])
    desk.deliver()

    (body,) = sas.appointments.values()
    assert body["meta"]["profile"] == [
        "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/sas-sos-appointment"
    ]
    assert body["participant"][0]["status"] == "needs-action"


def test_the_platform_knows_us_by_our_certificate(
    settings: Settings, clock: StandingClock, stack: ExitStack, tmp_path: Path
) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    (tmp_path / "leaves").mkdir()
    known, server = ours.leaf("creneau"), theirs.leaf("platform")

    def context() -> ssl.SSLContext:
        made = Tls(str(server.certificate), str(server.key), str(ours.certificate))
        return made.server_context()

    sas = stack.enter_context(platform(context))
    trusted = {"authorities": str(theirs.certificate)}
    stranger = told_at(sas.url, tls=trusted)
    friend = told_at(sas.url, tls={"certificate": str(known.certificate), "key": str(known.key)} | trusted)
    desk = desk_for(stranger, settings, clock, stack)
    desk.book(operator())
    desk.deliver()
    assert (desk.states, sas.requests) == (["waiting"], [])

    desk.dispatcher.close()
    desk.dispatcher = replace(desk.dispatcher, others={friend.channel: NoticeDestination(friend)}, _channels={})
    desk.deliver_later()
    desk.dispatcher.close()

    assert desk.states == ["delivered"]
