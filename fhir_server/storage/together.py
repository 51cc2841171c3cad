"""PostgreSQL writes resources, their versions and their index rows in one statement, not in seven round trips each.

Each part is a common table expression that changes data (https://www.postgresql.org/docs/current/queries-with.html);
all see the store as it was before the statement, so what is deleted and what is inserted never meet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy import Sequence as Numbers
from sqlalchemy import any_ as any_of
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql.expression import delete, insert, update

from fhir_server.kernel import json
from fhir_server.storage.statement import Statement, compiled
from fhir_server.storage.tables import resource, resource_version

Row = Mapping[str, Any]
Tables = tuple[Table, ...]

#: What PostgreSQL numbers the rows of `resource` by.
_next_key = Numbers("resource_pk_seq", data_type=BigInteger)
_OF_VERSION = tuple(c.name for c in resource_version.columns if c.name != "pk")


@dataclass(frozen=True, slots=True)
class New:
    """The first version of a resource that waits to be written."""

    row: Row
    method: str
    #: By index table, its rows without the key.
    indexed: Mapping[Table, Sequence[Row]]


def insert_all(connection: Connection, found: Sequence[New]) -> None:
    """Store new resources with their index rows. Raises DBAPIError when an id of theirs is taken."""
    given = [{"n": n, "method": new.method, **new.row} for n, new in enumerate(found, 1)]
    rows: dict[Table, list[Row]] = {}
    for n, new in enumerate(found, 1):
        for table, indexed in new.indexed.items():
            if indexed:
                rows.setdefault(table, []).extend({"n": n, **row} for row in indexed)
    # The order of the tables is part of the statement, and there should be few statements.
    tables = tuple(sorted(rows, key=lambda table: table.name))
    values = {"given": _text(given), **{f"rows_{table.name}": _text(rows[table]) for table in tables}}
    _insertion(connection.dialect, tables).run(connection, values)


def replace_all(
    connection: Connection,
    pk: int,
    row: Row,
    method: str,
    rows: Mapping[Table, Sequence[Row]],
    stale: Mapping[Table, Sequence[str]],
) -> bool:
    """Store the next version; `rows` are those to add in the index tables that change, `stale` the parameters to empty.

    False when the version before it is not the current one any more.
    """
    gone = {f"stale_{table.name}": list(names) for table, names in stale.items()}
    values = {"method": method, "of_pk": pk, "of_version": row["version"] - 1, **row, **_indexed(rows), **gone}
    return _replacement(connection.dialect, tuple(rows), tuple(row)).run(connection, values).scalar() is not None


def _indexed(rows: Mapping[Table, Sequence[Row]]) -> dict[str, Any]:
    """The values of the index rows: of a type's own table one by one, of the others as one JSON text each."""
    values: dict[str, Any] = {}
    for table, found in rows.items():
        if _is_typed(table):
            values |= {f"{table.name}_{name}": value for name, value in found[0].items()}
        else:
            values[f"rows_{table.name}"] = _text(found)
    return values


def _is_typed(table: Table) -> bool:
    return table.c.pk.primary_key


def _text(rows: Sequence[Row]) -> str:
    return json.encode(rows).decode()


@cache
def _insertion(dialect: Dialect, tables: Tables) -> Statement:
    """Numbered resources get their keys first, and an array of the keys gives each index row its own."""
    names = [c.name for c in resource.columns if c.name != "pk"]
    members = [*(resource.c[name] for name in names), resource_version.c.method]
    row = _given("given", [column("n", Integer), *members])
    numbered = select(_next_key.next_value().label("pk"), *row.c)
    given = numbered.cte("given").prefix_with("MATERIALIZED", dialect="postgresql")
    in_order = aggregate_order_by(given.c.pk, given.c.n)
    keys = select(func.array_agg(in_order, type_=ARRAY(BigInteger)).label("pks")).cte("keys")
    made = insert(resource).from_select(["pk", *names], select(given.c.pk, *(given.c[name] for name in names)))
    version = insert(resource_version).from_select(_OF_VERSION, select(*(given.c[name] for name in _OF_VERSION)))
    parts = [made.cte("made"), version.cte("version"), *(_entries_of(table, keys) for table in tables)]
    return compiled(select(func.count()).select_from(given).add_cte(*parts), dialect)


def _entries_of(table: Table, keys: CTE) -> CTE:
    names = [c.name for c in table.columns if c.name != "pk"]
    row = _given(f"rows_{table.name}", [column("n", Integer), *(table.c[name] for name in names)])
    pk = select(keys.c.pks).scalar_subquery()[row.c.n]
    found = select(pk, *(row.c[name] for name in names))
    return insert(table).from_select(["pk", *names], found).cte(f"new_{table.name}")


def _given(name: str, members: Iterable[ColumnElement[Any]]) -> Any:
    """The rows of a JSON text as a table of these columns."""
    typed = [column(str(member.key), member.type) for member in members]
    text = cast(bindparam(name, type_=Text), JSON)
    return func.json_to_recordset(text).table_valued(*typed).render_derived(name=f"r_{name}", with_types=True)


@cache
def _replacement(dialect: Dialect, tables: Tables, names: tuple[str, ...]) -> Statement:
    changed = (
        update(resource)
        .where(resource.c.pk == bindparam("of_pk"), resource.c.version == bindparam("of_version"))
        .values({name: bindparam(name) for name in names if name not in ("type", "id", "owner")})
        .returning(resource.c.pk)
        .cte("made")
    )
    generic = [table for table in tables if not _is_typed(table)]
    gone = [_removal(table, changed) for table in generic]
    parts = [_version(changed), *gone, *(_entries(table, changed) for table in generic)]
    parts += [_update(table, changed) for table in tables if _is_typed(table)]
    return compiled(select(changed.c.pk).add_cte(*parts), dialect)


def _version(made: CTE) -> CTE:
    values = [cast(bindparam(name), resource_version.c[name].type) for name in _OF_VERSION]
    return insert(resource_version).from_select(_OF_VERSION, select(*values).select_from(made)).cte("version")


def _entries(table: Table, made: CTE) -> CTE:
    names = [c.name for c in table.columns if c.name != "pk"]
    if _is_typed(table):
        found = select(made.c.pk, *(cast(bindparam(f"{table.name}_{name}"), table.c[name].type) for name in names))
    else:
        row = _given(f"rows_{table.name}", [table.c[name] for name in names])
        found = select(made.c.pk, *row.c).select_from(made.join(row, made.c.pk.is_not(None)))
    return insert(table).from_select(["pk", *names], found).cte(f"new_{table.name}")


def _update(table: Table, made: CTE) -> CTE:
    values: dict[str, Any] = {c.name: bindparam(f"{table.name}_{c.name}") for c in table.columns if c.name != "pk"}
    return update(table).where(table.c.pk == made.c.pk).values(values).cte(f"new_{table.name}")


def _removal(table: Table, made: CTE) -> CTE:
    named = any_of(cast(bindparam(f"stale_{table.name}"), ARRAY(Text)))
    return delete(table).where(table.c.pk == made.c.pk, table.c.parameter == named).cte(f"old_{table.name}")
