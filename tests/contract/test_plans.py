"""No statement of the daily work reads a whole table, however few rows it has today."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event

from adapters.service import House, build_house
from fhir_server import settings as settings_module
from fhir_server.interactions.create import create
from fhir_server.interactions.search import search
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.search.query import parse
from fhir_server.storage import outbox
from tests import builders
from tests.contract.test_receive import appointment

VENDOR = Actor("vendor")
#: Values of the query itself, the page that was picked, what is read up to a limit, and one after another what a tree
#: reaches (`t1`): short whatever the tables hold.
SMALL = ("CONSTANT ROW", "VIRTUAL TABLE", "SCAN picked", "SCAN some", "SCAN steps", "SCAN t1")


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    built = build_house(settings_module.load({}, database_url=sqlite_url))
    yield built
    built.services.close()


def _book(house: House) -> None:
    store = house.services.store
    day = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
    slot = create(store, SYSTEM, "Slot", builders.slot(**day))
    booked = create(store, VENDOR, "Appointment", builders.appointment(slot.id, **day))
    update(store, VENDOR, "Appointment", booked.id, booked.content() | {"status": "cancelled"}, 1)


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


WORK: dict[str, Callable[[House], None]] = {
    "booking and cancelling": _book,
    "an SIU, twice": _receive,
    "dispatching": _dispatch,
    "searching": _search,
}


@pytest.mark.parametrize("name", WORK)
def test_every_statement_finds_its_rows_by_an_index(house: House, name: str) -> None:
    database = house.services.store.database
    statements: dict[str, Any] = {}

    def remember(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA", "EXPLAIN")):
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
