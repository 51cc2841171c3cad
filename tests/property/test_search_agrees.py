"""SQL and memory answer every search alike, for whoever asks, and pages add up to the whole list in order."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.clauses import MODIFIERS
from fhir_server.search.extract import entries
from fhir_server.search.match import matches
from fhir_server.search.model import Query, SortKey
from fhir_server.search.query import SORTABLE, parse
from fhir_server.storage import index, select, tables
from fhir_server.storage.database import Database
from tests.property.search_worlds import CODES, DATES, IDS, NUMBERS, SYSTEMS, TEXTS, URIS, Placed, world

ACTORS = (SYSTEM, Actor("a"), Actor("b"), Actor("nobody"))
NOW_MS = 1_772_434_800_000
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

Pairs = list[tuple[str, str]]


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in ",|$\\" else character for character in text)


def _tokens(code: str) -> st.SearchStrategy[str]:
    codes = {"_id": IDS, "status": ("free", "booked", "busy")}.get(code, ())
    code_text = st.sampled_from((*codes, *CODES, "true", "false", "+33 1")).map(_escaped)
    system = st.sampled_from((*SYSTEMS, "", "http://hl7.org/fhir/slotstatus"))
    return st.one_of(
        code_text, st.builds("{}|{}".format, system, code_text), st.sampled_from(SYSTEMS).map("{}|".format)
    )


def _targets(_code: str) -> st.SearchStrategy[str]:
    ids, types = st.sampled_from(IDS), st.sampled_from(tuple(RESOURCES))
    elsewhere = st.sampled_from(
        ("https://other.example/fhir/Patient/1", "urn:uuid:1", *(_escaped(uri) for uri in URIS))
    )
    return st.one_of(ids, st.builds("{}/{}".format, types, ids), elsewhere)


def _amounts(_code: str) -> st.SearchStrategy[str]:
    units = st.sampled_from(("", "||min", f"|{SYSTEMS[0]}|min", f"|{SYSTEMS[0]}|"))
    return st.builds("{}{}{}".format, st.sampled_from(PREFIXES), st.sampled_from((*NUMBERS, "5.0", "1e2")), units)


VALUES = {
    "token": _tokens,
    "reference": _targets,
    "date": lambda _code: st.builds("{}{}".format, st.sampled_from(PREFIXES), st.sampled_from(DATES)),
    "string": lambda _code: st.sampled_from((*TEXTS, "le", "fevre", "%", "ros", "HAY les", "-")).map(_escaped),
    "uri": lambda _code: st.sampled_from((*URIS, "urn:u:3")).map(_escaped),
    "quantity": _amounts,
}


@st.composite
def criteria(draw: st.DrawFn, type_name: str, depth: int = 0) -> tuple[str, str]:
    """Name and value of a criterion on any parameter of the type, chained now and then."""
    if depth < 2 and draw(st.integers(0, 7)) == 0:
        return draw(reverse_chains(type_name, depth))
    code = draw(st.sampled_from(sorted(parameters(type_name))))
    parameter = parameters(type_name)[code]
    served = [target for target in parameter.targets or RESOURCES if target in RESOURCES]
    if parameter.kind == "reference" and served and depth < 2 and draw(st.booleans()):
        target = draw(st.sampled_from(served))
        name, text = draw(criteria(target, depth + 1))
        return f"{code}:{target}.{name}", text
    modifier = draw(st.sampled_from(("", "", *sorted(MODIFIERS[parameter.kind]))))
    if modifier == "missing":
        return f"{code}:missing", draw(st.sampled_from(("true", "false")))
    values = VALUES["token" if modifier == "identifier" else parameter.kind](code)
    text = ",".join(draw(st.lists(values, min_size=1, max_size=3)))
    return f"{code}:{modifier}" if modifier else code, text


@st.composite
def reverse_chains(draw: st.DrawFn, type_name: str, depth: int) -> tuple[str, str]:
    """`_has` through any reference that may point to the type."""
    source, code = draw(st.sampled_from(_referrers(type_name)))
    name, text = draw(criteria(source, depth + 1))
    return f"_has:{source}:{code}:{name}", text


@cache
def _referrers(type_name: str) -> list[tuple[str, str]]:
    return [
        (source, code)
        for source in RESOURCES
        for code, parameter in parameters(source).items()
        if parameter.kind == "reference" and (not parameter.targets or type_name in parameter.targets)
    ]


@st.composite
def searches(draw: st.DrawFn) -> tuple[str, Pairs]:
    """A type with criteria, an order and a page size."""
    type_name = draw(st.sampled_from(sorted(RESOURCES)))
    pairs = draw(st.lists(criteria(type_name), max_size=3))
    sortable = sorted(code for code, parameter in parameters(type_name).items() if parameter.kind in SORTABLE)
    keys = draw(st.lists(st.builds("{}{}".format, st.sampled_from(("", "-")), st.sampled_from(sortable)), max_size=2))
    if keys:
        pairs = [*pairs, ("_sort", ",".join(keys))]
    return type_name, [*pairs, ("_count", str(draw(st.integers(1, 4))))]


class Store:
    """A world, and the database that holds it."""

    def __init__(self, connection: Connection, placed: list[Placed]) -> None:
        self.connection = connection
        self.placed = placed

    def seen(self, actor: Actor) -> dict[tuple[str, str], Placed]:
        return {
            (found.resource["resourceType"], found.resource["id"]): found
            for found in self.placed
            if actor.is_territory
            or RESOURCES[found.resource["resourceType"]].audience == "catalogue"
            or found.owner == actor.owner
        }

    def expected(self, query: Query, actor: Actor) -> list[Placed]:
        """What the query must find, in order."""
        seen = self.seen(actor)

        def resolve(type_name: str, id_: str) -> dict[str, Any] | None:
            found = seen.get((type_name, id_))
            return None if found is None else found.resource

        def every(type_name: str) -> list[dict[str, Any]]:
            return [found.resource for key, found in seen.items() if key[0] == type_name]

        found = [placed for key, placed in seen.items() if key[0] == query.type]
        found = [placed for placed in found if matches(query, placed.resource, resolve, every)]
        found.sort(key=lambda placed: placed.pk, reverse=bool(query.sort) and query.sort[-1].is_descending)
        for key in reversed(query.sort):
            found = _sorted(found, key)
        return found


def _sorted(placed: list[Placed], key: SortKey) -> list[Placed]:
    """Stable, missing values last; of several values the least, or the greatest when descending."""
    part = {"date": 0, "token": 1, "string": 0, "uri": 0, "quantity": 0}[key.parameter.kind]

    def value(found: Placed) -> Any:
        values = [entry[part] for entry in entries(key.parameter, found.resource)]
        return (max(values) if key.is_descending else min(values)) if values else None

    known = [found for found in placed if value(found) is not None]
    known.sort(key=value, reverse=key.is_descending)
    return known + [found for found in placed if value(found) is None]


@pytest.fixture(params=[1, 2])
def store(database_url: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    database = Database(database_url)
    placed = world(request.param)
    with database.begin() as connection:
        for found in placed:
            _put(connection, found)
            if found.resource["resourceType"] in ("Slot", "Patient"):
                _put_deleted(connection, found)
    yield Store(database.read(), placed)
    database.close()


def _put(connection: Connection, found: Placed) -> None:
    type_name = found.resource["resourceType"]
    row = {
        "pk": found.pk,
        "type": type_name,
        "id": found.resource["id"],
        "version": 1,
        "updated_ms": found.updated_ms,
        "deleted": False,
        "owner": found.owner,
        "happened_ms": found.updated_ms,
        "body": json.encode(found.resource).decode(),
    }
    connection.execute(insert(tables.resource), row)
    index.write(connection, found.pk, type_name, found.resource)


def _put_deleted(connection: Connection, found: Placed) -> None:
    """The same resource under another id, deleted: nothing may find it."""
    pk, type_name = found.pk + 1000, found.resource["resourceType"]
    gone = Placed(pk, found.owner, found.updated_ms, found.resource | {"id": f"gone-{pk}"})
    _put(connection, gone)
    index.remove(connection, pk, type_name)
    connection.execute(tables.resource.update().where(tables.resource.c.pk == pk).values(deleted=True))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(search=searches(), actor=st.sampled_from(ACTORS))
@example(search=("Slot", [("_sort", "-status"), ("_count", "2")]), actor=SYSTEM)
@example(search=("Appointment", [("_sort", "date"), ("_count", "1")]), actor=SYSTEM)
@example(search=("Appointment", [("_sort", "-date"), ("_count", "1")]), actor=Actor("a"))
@example(search=("Patient", [("_sort", "family,-birthdate"), ("_count", "1")]), actor=Actor("b"))
@example(search=("Patient", [("_count", "1")]), actor=Actor("b"))
def test_pages_hold_what_memory_finds_in_order(store: Store, search: tuple[str, Pairs], actor: Actor) -> None:
    type_name, pairs = search
    query = parse(type_name, pairs, now_ms=NOW_MS, strict=True)
    expected = [placed.resource["id"] for placed in store.expected(query, actor)]

    actual: list[str] = []
    page = select.run(store.connection, query, actor)
    while True:
        actual += [row.id for row in page.matches]
        if page.next_cursor is None:
            break
        page = select.run(
            store.connection, parse(type_name, [*pairs, ("_cursor", page.next_cursor)], now_ms=NOW_MS), actor
        )

    assert expected == actual, f"{type_name}?{urlencode(pairs)}"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(search=searches(), actor=st.sampled_from(ACTORS))
def test_the_total_counts_what_memory_finds(store: Store, search: tuple[str, Pairs], actor: Actor) -> None:
    type_name, pairs = search
    query = parse(type_name, [*pairs[:-1], ("_summary", "count")], now_ms=NOW_MS)

    assert len(store.expected(query, actor)) == select.run(store.connection, query, actor).total


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), actor=st.sampled_from(ACTORS))
def test_includes_are_what_references_lead_to(store: Store, data: st.DataObject, actor: Actor) -> None:
    type_name = data.draw(st.sampled_from(sorted(RESOURCES)))
    is_reverse = data.draw(st.booleans())
    source, code = data.draw(
        st.sampled_from(
            _referrers(type_name)
            if is_reverse
            else [(type_name, code) for code, row in parameters(type_name).items() if row.kind == "reference"]
            or [("Slot", "schedule")]
        )
    )
    name = "_revinclude" if is_reverse else "_include"
    query = parse(type_name, [(name, f"{source}:{code}")], now_ms=NOW_MS)

    page = select.run(store.connection, query, actor)

    expected = _led_to(store.seen(actor), type_name, source, code, is_reverse)
    assert expected == {(row.type, row.id) for row in page.included}


def _led_to(
    seen: dict[tuple[str, str], Placed], type_name: str, source: str, code: str, is_reverse: bool
) -> set[tuple[str, str]]:
    links = {
        (key, target)
        for key, found in seen.items()
        if key[0] == source
        for target in entries(parameters(source)[code], found.resource)
        if target in seen
    }
    ends = {(to, start) if is_reverse else (start, to) for start, to in links}
    return {end for start, end in ends if start[0] == type_name and end[0] != type_name}


def test_an_update_leaves_the_rows_a_fresh_write_would(store: Store) -> None:
    by_type: dict[str, list[Placed]] = {}
    for placed in store.placed:
        by_type.setdefault(placed.resource["resourceType"], []).append(placed)
    for type_name, (first, second, *_) in by_type.items():
        expected = index.rows(type_name, second.resource)

        index.replace(store.connection, first.pk, type_name, second.resource, first.resource)

        for table, rows in expected.items():
            names = [column.name for column in table.columns if column.name not in ("row", "pk")]
            found = store.connection.execute(table.select().where(table.c.pk == first.pk)).mappings()
            kept = [{name: row[name] for name in names} for row in found]
            assert sorted(map(str, rows)) == sorted(str({name: row[name] for name in rows[0]}) for row in kept)
