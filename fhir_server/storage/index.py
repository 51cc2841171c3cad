"""The index rows of a resource: what searches find it by. Written and removed with the resource, in its transaction.

A row's shape follows the registry: a parameter with a column of its own goes to its type's table, the others to the
table of their kind. Searches read them in `storage.select`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    Table,
    Text,
    bindparam,
    cast,
    column,
    delete,
    func,
    insert,
    select,
    update,
)

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.search import access
from fhir_server.search.extract import Entry, components, entries, entries_of, nodes
from fhir_server.search.facets import FACETS_BY_KIND, found_in
from fhir_server.storage import tables
from fhir_server.storage.statement import Statement, compiled

IndexRows = dict[Table, list[dict[str, Any]]]
#: Adds the rows of what was found at a parameter's paths.
Fill = Callable[[IndexRows, Sequence[Any]], None]

#: Index table of each kind of value, with the columns that an entry fills in order.
KIND_TABLES: dict[str, tuple[Table, tuple[str, ...]]] = {
    "token": (tables.token_index, ("system", "code")),
    "reference": (tables.reference_index, ("target_type", "target_id")),
    "date": (tables.date_index, ("low_ms", "high_ms")),
    "string": (tables.string_index, ("folded", "exact")),
    "uri": (tables.uri_index, ("value",)),
    "number": (tables.quantity_index, ("value", "system", "code", "unit")),
    "quantity": (tables.quantity_index, ("value", "system", "code", "unit")),
    "special": (tables.position_index, ("x", "y", "z")),
}
#: Which part of an entry a column of its own keeps: a token's code, a reference's id, a moment.
_COLUMN_PART = {"token": 1, "reference": 1, "date": 0}
#: Columns of a type's own table that no parameter searches, and what fills them.
_DERIVED: dict[str, dict[str, Callable[[dict[str, Any]], int]]] = {
    "Slot": {"audience": access.audience, "open_ms": access.open_ms}
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What to index of one type."""

    #: Its own table, and the parameters its columns hold.
    typed: Table | None
    columns: tuple[tuple[str, SearchParameter], ...]
    #: Its other columns, and what fills them.
    derived: tuple[tuple[str, Callable[[dict[str, Any]], int]], ...]
    #: What to add by the paths that hold its values, so that each path is read once. A path comes with its top element
    #: (empty for a function).
    generic: tuple[tuple[tuple[tuple[str, str], ...], tuple[Fill, ...]], ...]
    #: Tables that may hold rows of the type.
    touched: tuple[Table, ...]


def rows(type_name: str, resource: dict[str, Any]) -> IndexRows:
    """The rows of each table for a resource, without its key. Raises FhirError (VALUE) for a date that cannot be."""
    plan = _plan(type_name)
    found: IndexRows = {table: [] for table in plan.touched}
    if plan.typed is not None:
        row = {column: _column_value(held, resource) for column, held in plan.columns}
        found[plan.typed].append(row | {column: fill(resource) for column, fill in plan.derived})
    for paths, held in plan.generic:
        # Most elements are absent from most resources: a look at the first saves the walk.
        here = [node for path, top in paths if not top or top in resource for node in nodes(path, resource)]
        if here:
            for fill in held:
                fill(found, here)
    return found


def component_name(name: str, part: int, repetition: str) -> str:
    """Under which name a component of a composite is indexed. Repetitions are told apart by what follows the `#`."""
    return f"{name}.{part}#{repetition}"


def write(connection: Connection, pk: int, type_name: str, resource: dict[str, Any]) -> None:
    """Index a resource that has no rows yet."""
    inserts = _statements(connection.dialect).inserts
    typed = _plan(type_name).typed
    for table, found in rows(type_name, resource).items():
        if table is typed:
            inserts[table].run(connection, {"pk": pk, **found[0]})
        else:
            _insert(connection, inserts[table], pk, found)


def replace(
    connection: Connection, pk: int, type_name: str, resource: dict[str, Any], before: dict[str, Any] | None
) -> None:
    """Index a resource's next version, touching only what differs from `before`; None when nothing is indexed."""
    if before is None:
        write(connection, pk, type_name, resource)
        return
    statements = _statements(connection.dialect)
    added, gone = difference(type_name, resource, before)
    for table, found in added.items():
        if table not in gone:
            statements.updates[table].run(connection, {"of_pk": pk, **found[0]})
            continue
        statements.deletes[table].run_many(connection, [{"pk": pk, "parameter": name} for name in gone[table]])
        _insert(connection, statements.inserts[table], pk, found)


def difference(
    type_name: str, resource: dict[str, Any], before: dict[str, Any]
) -> tuple[IndexRows, dict[Table, list[str]]]:
    """Of each index table that differs, the rows to add and the parameters whose rows go; a type's own row whole."""
    typed, old = _plan(type_name).typed, rows(type_name, before)
    added: IndexRows = {}
    gone: dict[Table, list[str]] = {}
    for table, found in rows(type_name, resource).items():
        if found == old[table]:
            continue
        if table is typed:
            added[table] = found
            continue
        stale, added[table] = _difference(old[table], found)
        gone[table] = sorted(stale)
    return added, gone


def remove(connection: Connection, pk: int, type_name: str) -> None:
    """Forget a resource: no search finds it any more."""
    statements = _statements(connection.dialect)
    for table in _plan(type_name).touched:
        statements.removals[table].run(connection, {"pk": pk})


def typed_table(type_name: str) -> Table | None:
    """The table that holds one row for each resource of the type, if it has one."""
    return _plan(type_name).typed


def _insert(connection: Connection, statement: Statement, pk: int, found: Sequence[dict[str, Any]]) -> None:
    """PostgreSQL takes all rows as one JSON text, in one round trip; SQLite, which has none, is quickest row by row."""
    if not found:
        return
    if statement.is_sqlite:
        statement.run_many(connection, [{"pk": pk, **row} for row in found])
    else:
        statement.run(connection, {"pk": pk, "rows": json.dumps(found)})


def _difference(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> tuple[set[str], list[dict[str, Any]]]:
    """The parameters whose rows changed, and the rows they have now."""
    before, after = (Counter(tuple(row.values()) for row in found) for found in (old, new))
    changed = {row[0] for row in (before - after) + (after - before)}
    return changed, [row for row in new if row["parameter"] in changed]


def _column_value(parameter: SearchParameter, resource: dict[str, Any]) -> Any:
    found = entries(parameter, resource)
    return found[0][_COLUMN_PART[parameter.kind]] if found else None


@cache
def _plan(type_name: str) -> _Plan:
    columns: list[tuple[str, SearchParameter]] = []
    generic: dict[tuple[str, ...], list[tuple[str, bool, SearchParameter]]] = {}
    typed: Table | None = None
    for code, parameter in parameters(type_name).items():
        table, _, column = parameter.column.partition(".")
        if table and table != tables.resource.name:
            typed = tables.metadata.tables[table]
            columns.append((column, parameter))
        if not table or parameter.kind == "reference":
            generic.setdefault(parameter.paths, []).append((f"{type_name}.{code}", not table, parameter))
    held = [(parameter, is_listed) for group in generic.values() for _, is_listed, parameter in group]
    kinds = [kind for parameter, is_listed in held for kind in _kinds(parameter, is_listed)]
    touched = tuple(dict.fromkeys(KIND_TABLES[kind][0] for kind in kinds))
    groups = tuple(
        (tuple((path, _top(path)) for path in paths), tuple(fill for one in held for fill in _fills(*one)))
        for paths, held in generic.items()
    )
    derived = tuple(_DERIVED.get(type_name, {}).items())
    return _Plan(typed, tuple(columns), derived, groups, touched if typed is None else (typed, *touched))


def _fills(name: str, is_listed: bool, parameter: SearchParameter) -> Iterator[Fill]:
    """What adds the rows of a parameter, and of its modifiers that have rows of their own."""
    if parameter.kind == "composite":
        yield partial(_fill_composite, name, parameter)
        return
    if is_listed:
        yield _fill(parameter.kind, name, partial(entries_of, parameter))
    for modifier, facet in FACETS_BY_KIND.get(parameter.kind, ()):
        yield _fill(facet.indexed_as, f"{name}:{modifier}", partial(found_in, facet, parameter))


def _fill(kind: str, name: str, take: Callable[[Sequence[Any]], Sequence[Entry]]) -> Fill:
    table, columns = KIND_TABLES[kind]
    row = partial(_row, name, columns)
    return lambda found, here: found[table].extend(map(row, take(here)))


def _fill_composite(name: str, parameter: SearchParameter, found: IndexRows, here: Sequence[Any]) -> None:
    for number, repetition in enumerate(entries_of(parameter, here)):
        for part, (component, held) in enumerate(zip(components(parameter), repetition, strict=True)):
            table, columns = KIND_TABLES[component.kind]
            found[table].extend(_row(component_name(name, part, str(number)), columns, entry) for entry in held)


def _row(name: str, columns: tuple[str, ...], entry: Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"parameter": name}
    row.update(zip(columns, entry, strict=True))
    return row


def _kinds(parameter: SearchParameter, is_listed: bool) -> list[str]:
    """Kinds of the rows that a parameter may have."""
    if parameter.kind == "composite":
        return [component.kind for component in components(parameter)]
    facets = [facet.indexed_as for _, facet in FACETS_BY_KIND.get(parameter.kind, ())]
    return [parameter.kind, *facets] if is_listed else facets


def _top(path: str) -> str:
    return "" if path.endswith("()") else path.partition(".")[0].partition("[")[0]


@dataclass(frozen=True, slots=True)
class _Statements:
    """What writes the index tables of one dialect."""

    inserts: dict[Table, Statement]
    updates: dict[Table, Statement]
    deletes: dict[Table, Statement]
    removals: dict[Table, Statement]


def _statements(dialect: Dialect) -> _Statements:
    found = _BY_DIALECT.get(dialect.name)
    if found is None:
        found = _BY_DIALECT[dialect.name] = _compile(dialect)
    return found


def _compile(dialect: Dialect) -> _Statements:
    generic = tuple(dict.fromkeys(table for table, _ in KIND_TABLES.values()))
    typed = (tables.slot_index, tables.appointment_index)
    return _Statements(
        {table: compiled(_insertion(table, dialect.name), dialect) for table in typed + generic},
        {table: compiled(_update(table), dialect) for table in typed},
        {table: compiled(_delete(table, "parameter"), dialect) for table in generic},
        {table: compiled(_delete(table), dialect) for table in typed + generic},
    )


def _insertion(table: Table, dialect: str) -> Any:
    names = [c.name for c in table.columns if c.name != "pk"]
    pk = bindparam("pk", type_=table.c.pk.type)
    if dialect == "sqlite" or table.c.pk.primary_key:
        return insert(table).values({"pk": pk, **{name: bindparam(name) for name in names}})
    members = [column(name, table.c[name].type) for name in names]
    given = cast(bindparam("rows", type_=Text), JSON)
    row = func.json_to_recordset(given).table_valued(*members).render_derived(with_types=True)
    return insert(table).from_select(["pk", *names], select(pk, *row.c))


def _update(table: Table) -> Any:
    values: dict[str, Any] = {c.name: bindparam(c.name) for c in table.columns if c.name != "pk"}
    # SQLAlchemy keeps the names of columns for what is set.
    return update(table).where(table.c.pk == bindparam("of_pk")).values(values)


def _delete(table: Table, *more: str) -> Any:
    return delete(table).where(*(table.c[name] == bindparam(name) for name in ("pk", *more)))


_BY_DIALECT: dict[str, _Statements] = {}
