"""No statement of the daily work reads a whole table, however few rows it has today."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from adapters.destinations import NoticeDestination
from adapters.notices import notices
from adapters.service import House, build_house
from adapters.sweeping import sweep
from fhir_server import settings as settings_module
from fhir_server.auth.secrets import hash_secret
from fhir_server.figures.evaluate import evaluate
from fhir_server.figures.period import period
from fhir_server.interactions import rota_conflicts
from fhir_server.interactions.create import create, create_once
from fhir_server.interactions.idempotent import key_of
from fhir_server.interactions.lapsed import end_all
from fhir_server.interactions.match_slots import match_slots
from fhir_server.interactions.read import read
from fhir_server.interactions.search import search
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import FhirError
from fhir_server.registry.model import Policy
from fhir_server.sas import regulators
from fhir_server.sas.asking import STRUCTURES
from fhir_server.scheduling.regulation import SAS_OPERATOR
from fhir_server.search.query import parse
from fhir_server.storage import outbox
from fhir_server.storage.unit_of_work import Store
from tests import builders
from tests.availability import MONDAYS, schedule
from tests.contract.oauth import Caller, add_partner, basic, jwks, new_key
from tests.contract.sas_doors import IDNPS, INTRN, UUID, identified, regulator
from tests.contract.sas_doors import RPPS as NUMBER
from tests.contract.test_receive import appointment
from tests.sas_world import (
    ACT,
    OF_CPTS,
    RPPS,
    belonging,
    concept,
    meant,
    platform_of,
    world_in,
)
from tests.scheduling_calls import Partner, held

VENDOR = Actor("vendor")
#: Values of the query itself, the page that was picked, what is read up to a limit, one after another what a tree
#: reaches (`t1`), and what the files of a few dozen partners said, and the few keys: short whatever the tables hold.
SMALL = (
    "CONSTANT ROW",
    "VIRTUAL TABLE",
    "SCAN picked",
    "SCAN some",
    "SCAN steps",
    "SCAN t1",
    "SCAN figure_basis",
    "SCAN signing_key",
)


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    built = build_house(settings_module.load({}, database_url=sqlite_url, demo=True))
    yield built
    built.services.close()


def _book(house: House) -> None:
    store = house.services.store
    day = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
    slot = create(store, SYSTEM, "Slot", builders.slot(**day))
    booked = create(store, VENDOR, "Appointment", builders.appointment(slot.id, **day))
    update(store, VENDOR, "Appointment", booked.id, booked.content() | builders.CANCELLED, 1)


def _receive(house: House) -> None:
    for _ in range(2):
        house.receiver("hospital").receive(appointment("SIU^S12^SIU_S12"))


def _dispatch(house: House) -> None:
    house.services.store.transact(SYSTEM, lambda uow: outbox.lease(uow, count=20, lease_ms=1))


def _search(house: House) -> None:
    for type_name, pairs in (
        (
            "Slot",
            [("schedule", "Schedule/a,Schedule/b"), ("start", "ge2099-03-03"), ("status", "free"), ("_sort", "start")],
        ),
        ("Slot", [("schedule.actor:Practitioner.identifier", "urn:x|1"), ("_include", "Slot:schedule")]),
        ("Appointment", [("patient", "Patient/p1"), ("date", "ge2099-03-03")]),
        ("Patient", [("identifier", "urn:x|1")]),
        ("Patient", [("family", "essai"), ("birthdate", "1979-03-28")]),
        ("Encounter", [("location:below", "Location/a")]),
        ("Location", [("partof:above", "Location/a,Location/b")]),
    ):
        search(house.services.store, VENDOR, parse(type_name, pairs), "http://x/fhir")


def _report(house: House) -> None:
    _book(house)
    referred = Actor("samu", is_territory=True, origin="feed:samu", request_id="1")
    create(house.services.store, referred, "ServiceRequest", builders.service_request())
    now_ms = house.services.store.database.clock()
    evaluate(house.services.store, period("2026-01-01", "2027-12-31", now_ms, "2099-12-31"))
    evaluate(house.services.store, period("2099-01-01", "2099-12-31", now_ms))


def _find_and_hold(house: House) -> None:
    services = house.services
    vendor = Partner(services, VENDOR)
    day = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(id="csnp"), None)
    create(services.store, SYSTEM, "Slot", builders.slot(**day))
    window = {"start": "2099-03-03", "end": "2099-03-04"}
    vendor.find(("practitioner", {"reference": "Practitioner/a"}), **window)
    vendor.find(("organization", {"identifier": {"system": "urn:x", "value": "1"}}), **window)
    vendor.find(("location-string", "Lyon"), ("specialty", "urn:x|1"), **window)
    [option] = vendor.options(**window)
    kept = held(vendor.hold(option["id"]))
    with suppress(FhirError):
        create(services.store, Actor("rival"), "Appointment", kept | {"status": "booked"})
    vendor.book_option(kept["id"])
    end_all(services.store)


def _aggregate(house: House) -> None:
    world, platform = world_in(house.services), platform_of(house.services)
    world.place("moulin")
    world.cpts("cpts", "960000016")
    world.doctor("brumeval", RPPS[0], "moulin")
    world.slot(
        "agenda-brumeval-moulin", meta=meant("CPTS"), serviceType=[concept(ACT, "AMB"), belonging("service-cpts")]
    )
    assert 1 == platform.slots(RPPS[0], more=OF_CPTS).content["total"]
    window = platform.window(0, 72).replace("start=", "_has:Slot:schedule:start=")
    assert 200 == platform.ask(f"/Schedule?{window}&_has:Slot:schedule:status=free&{STRUCTURES}=1").status


def _match(house: House) -> None:
    services = house.services
    request = create(services.store, VENDOR, "ServiceRequest", builders.service_request())
    role = {"resourceType": "PractitionerRole", "id": "r", "location": [{"reference": "Location/l"}]}
    update(services.store, SYSTEM, "PractitionerRole", "r", role, None)
    actors = [{"reference": name} for name in ("Practitioner/p", "PractitionerRole/r", "HealthcareService/h")]
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(id="csnp", actor=actors), None)
    start = datetime.now(UTC) + timedelta(hours=1)
    times = {"start": start.isoformat(), "end": (start + timedelta(minutes=15)).isoformat()}
    create(services.store, SYSTEM, "Slot", builders.slot(**times))
    match_slots(
        services.store,
        VENDOR,
        request.id,
        None,
        (),
        communes=services.communes,
        may_read=lambda _name: True,
        base_url="http://x/fhir",
    )


def _live(house: House) -> None:
    """A referral from its slot to its end, in a territory where a patient is at one place."""
    store = replace(house.services.store, policy=Policy(one_booking_at_a_time=True))
    day = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
    update(store, VENDOR, "Schedule", "a", schedule(MONDAYS) | {"id": "a"}, None)
    rota_conflicts.issues(store.read(), read(store, VENDOR, "Schedule", "a"), store.database.clock())
    slot = create(store, VENDOR, "Slot", builders.slot(**day))
    request = create(store, VENDOR, "ServiceRequest", builders.service_request())
    content = builders.appointment(slot.id, basedOn=[{"reference": request.reference}], **day)
    content["identifier"] = [{"system": "urn:x", "value": "1"}]
    booked = create_once(store, VENDOR, "Appointment", content, key_of("k", content)).stored
    answer = {"appointment": {"reference": booked.reference}, "actor": {"reference": "Patient/p1"}}
    answer |= {"resourceType": "AppointmentResponse", "participantStatus": "tentative"}
    create(store, VENDOR, "AppointmentResponse", answer)
    for status, version in (("arrived", 2), ("fulfilled", 3)):
        update(store, VENDOR, "Appointment", booked.id, _with_status(store, booked.id, status), version)
    other = create(store, VENDOR, "ServiceRequest", builders.service_request())
    update(store, VENDOR, "ServiceRequest", other.id, other.content() | {"status": "revoked"}, None)
    sweep(store, 1)


def _regulate(house: House) -> None:
    """A regulator's account, and the news of what it books."""
    told = notices("sas", {"url": "http://127.0.0.1:1/fhir", "identifier_system": "urn:oid:1.2.3"})
    store = replace(house.services.store, routes=[told.route()])
    account = regulator(identified(INTRN, UUID), identified(IDNPS, NUMBER))
    regulators.create(store, VENDOR, account)
    regulators.put(store, VENDOR, (INTRN, UUID), account)
    day = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
    taken = {"extension": [{"url": SAS_OPERATOR, "valueReference": {"identifier": identified(INTRN, UUID)}}]}
    booked = create(store, VENDOR, "Appointment", builders.appointment(**day, **taken))
    update(store, VENDOR, "Appointment", booked.id, booked.content() | builders.CANCELLED, 1)
    (delivery,) = store.transact(SYSTEM, lambda uow: outbox.lease(uow, count=20, lease_ms=1))
    NoticeDestination(told).render(store.read(), delivery)


def _let_in(house: House) -> None:
    """A partner that signs, guesses, comes in and goes out again."""
    services = house.services
    key = new_key()
    add_partner(services, "signer", jwks=jwks(key), secret_hash=hash_secret("right"))
    caller = Caller(services)
    for _ in range(2):
        caller.prove(caller.assertion(key, jti="once"))
    for secret in ("wrong", "right"):
        caller.ask(headers=basic("signer", secret))
    token = caller.token("demo-vendor", "creneau-demo", "system/Slot.rs?status=free")
    caller.get("Slot?schedule=Schedule/a&start=ge2099-03-03", token)
    caller.ask({"token": token}, path="revoke", headers=basic("demo-vendor", "creneau-demo"))
    caller.get("Slot/absent", token)


def _with_status(store: Store, id_: str, status: str) -> dict[str, Any]:
    return read(store, VENDOR, "Appointment", id_).content() | {"status": status}


WORK: dict[str, Callable[[House], None]] = {
    "booking and cancelling": _book,
    "an SIU, twice": _receive,
    "dispatching": _dispatch,
    "searching": _search,
    "SAS": _aggregate,
    "matching": _match,
    "finding, holding, booking": _find_and_hold,
    "reporting": _report,
    "the life of an appointment": _live,
    "SAS accounts and notices": _regulate,
    "letting in": _let_in,
}


@pytest.mark.parametrize("name", WORK)
def test_every_statement_finds_its_rows_by_an_index(house: House, name: str) -> None:
    database = house.services.store.database
    statements: dict[str, Any] = {}

    def remember(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:
        if not statement.startswith(("BEGIN", "ROLLBACK", "PRAGMA", "EXPLAIN")):
            statements.setdefault(statement, values[0] if is_many else values)

    event.listen(database.engine, "before_cursor_execute", remember)
    event.listen(database.read().engine, "before_cursor_execute", remember)
    WORK[name](house)
    read = list(statements.items())

    scans = [
        (row[3], statement)
        for statement, values in read
        for row in database.read().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        if row[3].startswith("SCAN") and not any(word in row[3] for word in SMALL)
    ]
    assert read
    assert scans == []
