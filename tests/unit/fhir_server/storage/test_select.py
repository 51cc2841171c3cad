"""What the property test cannot say of searches: visibility through links, plans, what a page tells of itself."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from sqlalchemy import Connection, insert, update

from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.search.query import parse
from fhir_server.storage import index, select, tables
from fhir_server.storage.database import Database
from fhir_server.storage.select import Page
from fhir_server.storage.select_build import Shaped, page_statement
from fhir_server.storage.select_follow import MAX_INCLUDED
from fhir_server.storage.select_shape import describe
from tests import builders

VENDOR, RIVAL = Actor("vendor"), Actor("rival")
STAMP = {"meta": {"lastUpdated": "2026-03-02T07:00:00.000Z"}}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    database = Database(database_url)
    yield database.read()
    database.close()


def put(connection: Connection, id_: str, resource: dict[str, Any], owner: str = "vendor") -> int:
    """Store and index one resource; its row key."""
    resource = {**resource, "id": id_, **STAMP}
    row = {
        "type": resource["resourceType"],
        "id": id_,
        "version": 1,
        "updated_ms": 1_772_434_800_000,
        "deleted": False,
        "owner": owner,
        "happened_ms": 0,
        "body": json.encode(resource).decode(),
    }
    pk: int = connection.execute(insert(tables.resource).returning(tables.resource.c.pk), row).scalar_one()
    index.write(connection, pk, resource["resourceType"], resource)
    return pk


def find(connection: Connection, text: str, actor: Actor = SYSTEM) -> Page:
    """The page that `Type?parameters` asks for."""
    type_name, _, parameters = text.partition("?")
    return select.run(connection, parse(type_name, parse_qsl(parameters)), actor)


def ids(page: Page) -> list[str]:
    return [row.id for row in page.matches]


def put_booking(connection: Connection) -> None:
    put(connection, "csnp", builders.schedule(actor=[{"reference": "Location/l"}]))
    put(connection, "l", {"resourceType": "Location", "name": "Centre"})
    put(connection, "s1", builders.slot(status="busy"))
    put(connection, "p1", builders.patient(), owner="vendor")
    put(connection, "a1", builders.appointment("s1"), owner="vendor")


LEAKS = [
    ("Appointment?", ["a1"], "another's appointment"),
    ("Appointment?_id=a1", ["a1"], "by its id"),
    ("Appointment?patient.family=ESSAI", ["a1"], "by its patient's name"),
    ("Slot?_has:Appointment:slot:status=booked", ["s1"], "a slot by another's appointment"),
    ("Slot?_has:Appointment:slot:patient.family=ESSAI", ["s1"], "a slot by another's patient"),
    ("Location?_has:Schedule:actor:_has:Slot:schedule:_has:Appointment:slot:patient=p1", ["l"], "a place by it all"),
]


@pytest.mark.parametrize(("text", "found", "reason"), LEAKS, ids=[case[2] for case in LEAKS])
def test_no_link_leads_through_what_another_partner_owns(
    connection: Connection, text: str, found: list[str], reason: str
) -> None:
    put_booking(connection)

    assert found == ids(find(connection, text, VENDOR)), reason
    assert [] == ids(find(connection, text, RIVAL)), reason
    assert found == ids(find(connection, text, SYSTEM)), reason


def test_a_count_tells_nothing_of_what_another_partner_owns(connection: Connection) -> None:
    put_booking(connection)

    assert (1, 0) == tuple(find(connection, "Appointment?_summary=count", who).total for who in (VENDOR, RIVAL))


def test_includes_leave_out_what_another_partner_owns(connection: Connection) -> None:
    put_booking(connection)
    text = "Slot?_revinclude=Appointment:slot&_include:iterate=Appointment:patient"

    assert ["a1", "p1"] == sorted(row.id for row in find(connection, text, VENDOR).included)
    assert [] == find(connection, text, RIVAL).included


def test_includes_iterate_from_include_to_include(connection: Connection) -> None:
    put_booking(connection)

    page = find(connection, "Slot?_include=Slot:schedule&_include=Schedule:actor")

    assert ["csnp", "l"] == [row.id for row in page.included]


def test_an_include_that_is_a_match_comes_once(connection: Connection) -> None:
    put(connection, "t1", {"resourceType": "Task", "status": "ready", "intent": "order"})
    put(connection, "t2", {"resourceType": "Task", "partOf": [{"reference": "Task/t1"}]})
    put(connection, "t3", {"resourceType": "Task", "partOf": [{"reference": "Task/t3"}]})

    assert [] == find(connection, "Task?_include:iterate=Task:part-of").included
    assert ["t1"] == [row.id for row in find(connection, "Task?_id=t2,t3&_include:iterate=Task:part-of").included]


def test_includes_beyond_the_limit_are_cut_and_said_so(connection: Connection) -> None:
    put(connection, "l", {"resourceType": "Location"})
    for number in range(MAX_INCLUDED + 1):
        put(connection, f"r{number}", {"resourceType": "PractitionerRole", "location": [{"reference": "Location/l"}]})

    page = find(connection, "Location?_revinclude=PractitionerRole:location")

    assert (MAX_INCLUDED, True) == (len(page.included), page.is_cut)


def test_what_was_removed_is_found_no_more(connection: Connection) -> None:
    pk = put(connection, "s1", builders.slot())
    index.remove(connection, pk, "Slot")
    connection.execute(update(tables.resource).where(tables.resource.c.pk == pk).values(deleted=True))

    assert [] == ids(find(connection, "Slot?"))
    assert [] == ids(find(connection, "Slot?_id=s1&_sort=_id"))
    assert [] == ids(find(connection, "Slot?status:not=busy"))


def test_pages_stay_stable_while_others_write(connection: Connection) -> None:
    for number in (2, 4, 6):
        put(connection, f"s{number}", builders.slot(start=f"2026-03-03T0{number}:00:00+01:00"))
    page = find(connection, "Slot?_count=2")
    put(connection, "s1", builders.slot(start="2026-03-03T01:00:00+01:00"))
    put(connection, "s5", builders.slot(start="2026-03-03T05:00:00+01:00"))

    rest = find(connection, f"Slot?_count=2&_cursor={page.next_cursor}")

    assert (["s2", "s4"], ["s5", "s6"]) == (ids(page), ids(rest))
    assert rest.next_cursor is None


TOTALS = [
    ("Slot?_count=2", None, "not asked for, not known"),
    ("Slot?_count=5", 3, "one page shows them all"),
    ("Slot?_count=2&_total=accurate", 3, "asked for"),
    ("Slot?_count=0", 3, "nothing else asked for"),
    ("Slot?_summary=count&status=busy", 0, "none"),
]


@pytest.mark.parametrize(("text", "total", "reason"), TOTALS, ids=[case[2] for case in TOTALS])
def test_the_total(connection: Connection, text: str, total: int | None, reason: str) -> None:
    for number in range(3):
        put(connection, f"s{number}", builders.slot())

    assert total == find(connection, text).total, reason


def test_many_values_are_one_list(connection: Connection) -> None:
    put(connection, "s1", builders.slot())
    codes = ",".join(f"urn:s{number}|{number}" for number in range(400))

    assert ["s1"] == ids(find(connection, "Slot?schedule=" + ",".join([*map(str, range(400)), "csnp"])))
    assert [] == ids(find(connection, f"Slot?service-type={codes}"))


def test_queries_of_one_shape_share_a_statement(connection: Connection) -> None:
    def statement(text: str) -> object:
        type_name, _, parameters = text.partition("?")
        query = parse(type_name, parse_qsl(parameters))
        shape, _ = describe(query)
        return page_statement(Shaped(type_name, shape, (("start", False),), None, True), connection.dialect)

    one = statement("Slot?schedule=a,b&start=ge2026&status=free")

    assert one is statement("Slot?schedule=c,d,e&start=ge2027-01-01&status=free")
    assert one is not statement("Slot?schedule=c&start=ge2027-01-01&status=free")


def test_free_slots_are_found_by_the_index_made_for_them(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    query = parse("Slot", [("schedule", "a,b"), ("start", "ge2026"), ("start", "lt2027"), ("status", "free")])
    shape, binds = describe(query)
    connection = database.read()
    statement = page_statement(Shaped("Slot", shape, (("start", False),), None, True), connection.dialect)
    values = {f"p{number}": value for number, value in enumerate(binds)} | {"limit": 51}

    plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement.text, statement.arguments(values)).all()

    assert any("ix_slot_index_schedule_free" in row[3] or "ix_slot_index_free" in row[3] for row in plan)
    assert not any(row[3].startswith("SCAN x0") and "ix_slot_index_free" not in row[3] for row in plan)
    database.close()
