"""A page costs the rows it shows, however many the tables hold: no search reads most of them to answer with ten."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import Connection, event, insert

from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.dates import to_instant
from fhir_server.search.query import parse
from fhir_server.storage import history, index, select, select_start, tables
from fhir_server.storage.database import Database
from tests import builders
from tests.conftest import NOW_MS

#: Patients, and as many appointments and slots.
COUNT = 1000
#: Rows that the statements of a page of ten may read together.
MOST_READ = 300
HOUR_MS = 3_600_000
SOMEBODY, NOBODY = Actor("somebody"), Actor("nobody")
Statements = list[tuple[str, Any]]

#: Searches, each with who asks and how many pages are read before.
SEARCHES: tuple[tuple[str, Actor, int], ...] = (
    ("Patient?", SYSTEM, 30),
    ("Patient?", NOBODY, 0),
    ("Patient?_sort=family", SYSTEM, 0),
    ("Patient?_sort=family", SYSTEM, 30),
    ("Patient?_sort=-family", SOMEBODY, 30),
    ("Patient?_sort=-birthdate", SYSTEM, 0),
    ("Patient?_sort=gender", SYSTEM, 30),
    ("Patient?_sort=death-date", SYSTEM, 30),
    ("Patient?_sort=-_lastUpdated", SYSTEM, 30),
    ("Patient?gender=female", SYSTEM, 0),
    ("Patient?gender=female&_sort=family", SOMEBODY, 0),
    ("Patient?gender=female&family=ordinaire&_sort=-birthdate", SYSTEM, 0),
    ("Patient?family=rare&gender=female", SYSTEM, 0),
    ("Patient?birthdate=1979-03-28", SYSTEM, 0),
    ("Patient?birthdate=ge2100", SYSTEM, 0),
    ("Patient?gender:not=male&_sort=family", SYSTEM, 0),
    ("Patient?_lastUpdated=ge2020&_sort=family", SYSTEM, 0),
    ("Patient?_has:Appointment:patient:status=booked", SYSTEM, 0),
    ("Patient?_has:Appointment:patient:status=waitlist", SYSTEM, 0),
    ("Appointment?_sort=-date", SYSTEM, 0),
    ("Appointment?_sort=-date", SYSTEM, 30),
    ("Appointment?_sort=-date", NOBODY, 0),
    ("Appointment?_sort=-end", SYSTEM, 30),
    ("Appointment?_sort=status", SYSTEM, 30),
    ("Appointment?status=booked", SYSTEM, 10),
    ("Appointment?status=waitlist", SYSTEM, 0),
    ("Appointment?status=booked&_sort=-_lastUpdated", SOMEBODY, 0),
    ("Appointment?date=ge2020&_sort=-_lastUpdated", SYSTEM, 0),
    ("Appointment?date:missing=true", SYSTEM, 0),
    ("Appointment?location=Location/l1", SYSTEM, 0),
    ("Appointment?patient.gender=female", SYSTEM, 0),
    ("Appointment?patient.gender=female&_sort=-date", SOMEBODY, 10),
    ("Appointment?patient.family=rare", SYSTEM, 0),
    ("Appointment?patient._has:Appointment:patient:status=booked", SYSTEM, 0),
    ("Slot?status=busy", SYSTEM, 10),
    ("Slot?status=busy&_sort=-_lastUpdated", SYSTEM, 0),
    ("Slot?status=entered-in-error", SYSTEM, 0),
    ("Slot?service-type=general", SYSTEM, 10),
    ("Slot?_sort=end", SYSTEM, 30),
    ("Slot?end=gt2100", SYSTEM, 0),
)


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Of each thing many, and what counts as few in proportion."""
    monkeypatch.setattr(select_start, "MOST", 40)
    opened = Database(database_url)
    with opened.begin() as connection:
        for number in range(COUNT):
            for place, resource in enumerate((_patient(number), _appointment(number), _slot(number))):
                _put(connection, 10_000 + 3 * number + place, f"{number}", resource)
    yield opened
    opened.close()


def test_a_page_reads_little_more_than_it_shows(database: Database) -> None:
    connection = database.read()
    if not database.is_sqlite:
        # As autovacuum does. So small a table is soonest read whole or in bunches; a large one is not.
        for setting in ("ANALYZE", "SET enable_seqscan = off", "SET enable_bitmapscan = off"):
            connection.exec_driver_sql(setting)
    ran: Statements = []
    event.listen(connection.engine, "before_cursor_execute", lambda *call: ran.append(call[2:4]))

    read = {search: _work(database, ran, *search) for search in SEARCHES}

    assert {} == {search: rows for search, rows in read.items() if rows > MOST_READ}


def test_a_page_of_history_reads_little_more_than_it_shows(database: Database) -> None:
    connection = database.read()
    ran: Statements = []
    event.listen(connection.engine, "before_cursor_execute", lambda *call: ran.append(call[2:4]))

    for window in (history.Window("Patient", None), history.Window(None, None, ("Patient", "Appointment"))):
        found = history.page(connection, window, NOBODY, None, 10)
        assert not found

    assert sum(_read(database, *statement) for statement in list(ran)) <= MOST_READ


def _work(database: Database, ran: Statements, search: str, actor: Actor, pages: int) -> int:
    """Rows read for a page, after others."""
    type_name, _, asked = search.partition("?")
    pairs = [*parse_qsl(asked), ("_count", "10")]
    page = select.run(database.read(), parse(type_name, pairs), actor)
    for _ in range(pages):
        assert page.next_cursor
        ran.clear()
        page = select.run(database.read(), parse(type_name, [*pairs, ("_cursor", page.next_cursor)]), actor)
    statements = [statement for statement in ran if "signing_key" not in statement[0]]
    ran.clear()
    rows = sum(_read(database, *statement) for statement in statements)
    ran.clear()
    return rows


def _read(database: Database, statement: str, values: Any) -> int:
    """Rows that a statement reads; on SQLite a number that grows with them."""
    connection = database.read()
    if database.is_sqlite:
        ticks: list[None] = []
        raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(lambda: ticks.append(None), 50)
        connection.exec_driver_sql(statement, values).all()
        raw.set_progress_handler(None, 0)
        return len(ticks)
    plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
    return int(_rows(plan[0]["Plan"]))


def _rows(node: dict[str, Any]) -> float:
    here = 0.0
    if node["Node Type"].startswith(("Index", "Bitmap", "Seq")):
        here = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return here + sum(map(_rows, node.get("Plans", ())))


def _patient(number: int) -> dict[str, Any]:
    name = {"family": "Rare" if number % 200 == 0 else f"Ordinaire{number * 7 % 100:03d}", "given": ["Camille"]}
    gender = "female" if number * 7 % 11 % 2 else "male"
    born = f"{1930 + number * 7 % 90}-03-{1 + number % 28:02d}"
    dead = {"deceasedDateTime": "2026-01-05"} if number % 5 == 0 else {}
    return builders.patient(name=[name, {"family": "Autrefois"}], gender=gender, birthDate=born, **dead)


def _appointment(number: int) -> dict[str, Any]:
    actors = (f"Patient/{number * 13 % COUNT}", f"Location/l{number * 7 % 11 % 3}")
    participants = [{"actor": {"reference": actor}, "status": "accepted"} for actor in actors]
    status = "waitlist" if number % 300 == 0 else ("booked", "fulfilled")[number * 7 % 11 % 2]
    found = builders.appointment(participant=participants, status=status, **_hours(number))
    if number % 100 == 50:
        del found["start"], found["end"]
    return found


def _slot(number: int) -> dict[str, Any]:
    kind = [{"coding": [{"code": "general"}]}]
    return builders.slot(status="busy" if number * 7 % 11 % 3 == 0 else "free", serviceType=kind, **_hours(number))


def _hours(number: int) -> dict[str, str]:
    return {
        "start": to_instant(NOW_MS + number * HOUR_MS),
        "end": to_instant(NOW_MS + (number + 1) * HOUR_MS),
    }


def _put(connection: Connection, pk: int, id_: str, resource: dict[str, Any]) -> None:
    type_name = resource["resourceType"]
    stamp = {"type": type_name, "id": id_, "version": 1, "updated_ms": NOW_MS + pk // 100, "owner": SOMEBODY.owner}
    row = {**stamp, "pk": pk, "deleted": False, "happened_ms": NOW_MS, "body": "{}"}
    connection.execute(insert(tables.resource), row)
    connection.execute(insert(tables.resource_version), {**stamp, "method": "POST", "body": "{}"})
    index.write(connection, pk, type_name, resource)
