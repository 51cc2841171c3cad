"""SQL and memory answer every search alike, for whoever asks, and pages add up to the whole list in order."""

from urllib.parse import urlencode

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.registry.search_params import parameters
from fhir_server.search.across import compartment_types, parse_across
from fhir_server.search.query import parse
from fhir_server.storage import index, select
from tests.property.search_queries import Pairs, includes, mixed_searches, modifiers_of, searches, values_of
from tests.property.search_store import NOW_MS, Store
from tests.property.search_worlds import IDS, STORED, Placed

SAMU = Actor("samu", audiences=frozenset({"PRO", "SNP"}), direct_access=frozenset({"samu"}))
ACTORS = (SYSTEM, Actor("a"), Actor("b"), Actor("nobody"), SAMU, Actor("c", audiences=frozenset({"PUBLIC"})))
COMPARTMENTS = (None, "Patient", "Practitioner")


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


def test_every_parameter_with_every_modifier(store: Store) -> None:
    for type_name in STORED:
        for code, parameter in parameters(type_name).items():
            for modifier in ("", *modifiers_of(parameter)):
                _agree(store, type_name, f"{code}:{modifier}".removesuffix(":"), values_of(parameter, modifier))


def _agree(store: Store, type_name: str, name: str, values: st.SearchStrategy[str]) -> None:
    @settings(max_examples=2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(texts=st.lists(values, min_size=1, max_size=3))
    def check(texts: list[str]) -> None:
        pair = (name, ",".join(texts))
        query = parse(type_name, [pair, ("_sort", "_id")], now_ms=NOW_MS, strict=True)

        expected = [placed.resource["id"] for placed in store.expected(query, SYSTEM)]
        actual = [row.id for row in select.run(store.connection, query, SYSTEM).matches]
        assert expected == actual, f"{type_name} {pair}"

    check()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(search=includes(), actor=st.sampled_from(ACTORS))
@example(search=("Slot", [("_revinclude", "*"), ("_include", "*")]), actor=SYSTEM)
@example(search=("Task", [("_include:iterate", "Task:part-of"), ("_id", "1")]), actor=SYSTEM)
@example(search=("Patient", [("_revinclude:iterate", "*"), ("_include:iterate", "*"), ("_id", "1")]), actor=Actor("a"))
def test_includes_are_what_references_lead_to(store: Store, search: tuple[str, Pairs], actor: Actor) -> None:
    type_name, pairs = search
    query = parse(type_name, pairs, now_ms=NOW_MS)
    found = {(type_name, placed.resource["id"]) for placed in store.expected(query, actor)}

    page = select.run(store.connection, query, actor)

    actual = [(row.type, row.id) for row in page.included]
    assert page.is_cut or store.led_to(query, found, actor) == set(actual)
    assert len(actual) == len(set(actual))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    search=mixed_searches(), compartment=st.sampled_from((None, "Patient", "Practitioner")), id_=st.sampled_from(IDS)
)
@example(search=("", [("_sort", "-_lastUpdated"), ("_count", "3")]), compartment=None, id_="1")
def test_pages_over_several_types_hold_what_memory_finds_in_order(
    store: Store, search: tuple[str, Pairs], compartment: str | None, id_: str
) -> None:
    _, pairs = search
    types = STORED if compartment is None else compartment_types(compartment)
    within = None if compartment is None else (compartment, id_)

    actual, cursor = [], ""
    while True:
        queries = parse_across(types, [*pairs, ("_cursor", cursor)], now_ms=NOW_MS, compartment=within)
        page = select.run_all(store.connection, queries, ACTORS[1])
        actual += [(row.type, row.id) for row in page.matches]
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert [found.key for found in store.expected_across(queries, ACTORS[1])] == actual, urlencode(pairs)


def test_an_update_leaves_the_rows_a_fresh_write_would(store: Store) -> None:
    by_type: dict[str, list[Placed]] = {}
    for placed in store.placed:
        by_type.setdefault(placed.resource["resourceType"], []).append(placed)
    for type_name, (first, second, *_) in by_type.items():
        expected = index.rows(type_name, second.resource)

        index.replace(store.connection, first.pk, type_name, second.resource, first.resource)

        for table, rows in expected.items():
            names = [column.name for column in table.columns if column.name != "pk"]
            found = store.connection.execute(table.select().where(table.c.pk == first.pk)).mappings()
            kept = [{name: row[name] for name in names} for row in found]
            assert sorted(map(str, rows)) == sorted(str({name: row[name] for name in rows[0]}) for row in kept)
