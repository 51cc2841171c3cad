"""PostgreSQL writes a resource, its version and its index rows in one statement: a round trip instead of seven.

Each part is a common table expression that changes data (https://www.postgresql.org/docs/current/queries-with.html);
all see the store as it was before the statement, so what is deleted and what is inserted never meet.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, CTE, JSON, Connection, Dialect, Table, Text, bindparam, cast, column, func, select
from sqlalchemy import any_ as any_of
from sqlalchemy.sql.expression import delete, insert, update

from fhir_server.storage.statement import Statement, compiled
from fhir_server.storage.tables import resource, resource_version

Row = Mapping[str, Any]
Tables = tuple[Table, ...]

_OF_VERSION = tuple(c.name for c in resource_version.columns if c.name != "pk")


def insert_all(connection: Connection, row: Row, method: str, rows: Mapping[Table, Sequence[Row]]) -> int:
    """Store the first version of a resource with its index rows; its row key."""
    values = {"method": method, **row, **_indexed(rows)}
    return int(_insertion(connection.dialect, tuple(rows), tuple(row)).run(connection, values).scalar_one())


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
            values[f"rows_{table.name}"] = json.dumps(found)
    return values


def _is_typed(table: Table) -> bool:
    return table.c.pk.primary_key


@cache
def _insertion(dialect: Dialect, tables: Tables, names: tuple[str, ...]) -> Statement:
    made = insert(resource).values({name: bindparam(name) for name in names}).returning(resource.c.pk).cte("made")
    parts = [_version(made), *(_entries(table, made) for table in tables)]
    return compiled(select(made.c.pk).add_cte(*parts), dialect)


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
    names = [c.name for c in table.columns if c.name not in ("row", "pk")]
    if _is_typed(table):
        found = select(made.c.pk, *(cast(bindparam(f"{table.name}_{name}"), table.c[name].type) for name in names))
    else:
        members = [column(name, table.c[name].type) for name in names]
        given = cast(bindparam(f"rows_{table.name}", type_=Text), JSON)
        row = func.json_to_recordset(given).table_valued(*members).render_derived(with_types=True)
        found = select(made.c.pk, *row.c).select_from(made.join(row, made.c.pk.is_not(None)))
    return insert(table).from_select(["pk", *names], found).cte(f"new_{table.name}")


def _update(table: Table, made: CTE) -> CTE:
    values: dict[str, Any] = {c.name: bindparam(f"{table.name}_{c.name}") for c in table.columns if c.name != "pk"}
    return update(table).where(table.c.pk == made.c.pk).values(values).cte(f"new_{table.name}")


def _removal(table: Table, made: CTE) -> CTE:
    named = any_of(cast(bindparam(f"stale_{table.name}"), ARRAY(Text)))
    return delete(table).where(table.c.pk == made.c.pk, table.c.parameter == named).cte(f"old_{table.name}")
