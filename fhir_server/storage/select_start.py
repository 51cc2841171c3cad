"""Where a search starts: from the few rows that meet one of its criteria, or along its order.

Nothing is known beforehand of how many rows share a value: SQLite keeps no such statistics, PostgreSQL's may be missing
or old. So it is asked: the rows that meet a criterion are read from its index, up to a limit. A criterion that no more
meet gives the row keys to start from; where all have more, a walk along the order soon fills a page.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    BindParameter,
    Connection,
    Dialect,
    Select,
    bindparam,
    case,
    func,
    literal_column,
    select,
    union_all,
)

from fhir_server.kernel.actor import Actor
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.search.facets import FACETS
from fhir_server.search.model import Absence, Chain, Clause, Criterion, Query, ReverseChain
from fhir_server.storage import tables
from fhir_server.storage.index import KIND_TABLES
from fhir_server.storage.select_clauses import Builder
from fhir_server.storage.select_conditions import one_of
from fhir_server.storage.select_scope import literal, visible
from fhir_server.storage.select_shape import Shape, describe_clauses
from fhir_server.storage.select_walk import on_request
from fhir_server.storage.statement import Statement, compiled

#: Rows from which a search starts at most. When each criterion is met by more of a million, a page of 20 is found after
#: some thousand steps along the order; more rows than this would take longer to sort.
MOST = 2000

#: Row keys as they are bound: JSON text on SQLite.
Keys = list[int] | str


def start(connection: Connection, query: Query, actor: Actor) -> Keys | None:
    """Row keys among which all matches are; None when no criterion is met by as few as `MOST` rows."""
    for clauses in _candidates(query):
        found = _keys(connection, query.type, clauses)
        if found is not None:
            return found
    is_seen = not visible(tables.resource, query.type, actor.is_territory)
    return None if is_seen else _read(connection, _owned(query.type, connection.dialect), {"owner": actor.owner})


def _candidates(query: Query) -> Iterator[Sequence[Clause]]:
    """What to start from, if few rows meet it: a criterion, or all those on moments and references of one table."""
    windows: dict[str, list[Criterion]] = {}
    others: list[Clause] = []
    for clause in query.criteria:
        if isinstance(clause, Criterion) and _is_window(clause):
            windows.setdefault(clause.parameter.column.partition(".")[0], []).append(clause)
        elif _has_index(clause):
            others.append(clause)
    lead = query.sort[0].parameter.column if query.sort else ""
    yield from (group for group in windows.values() if not _is_along(group, lead))
    # Of a part of a string no index knows where it stands: all strings of the parameter are read.
    yield from ((clause,) for clause in sorted(others, key=lambda it: getattr(it, "modifier", "") == "contains"))


def _is_window(criterion: Criterion) -> bool:
    return bool(criterion.parameter.column) and criterion.parameter.kind != "token" and not criterion.modifier


def _is_along(group: Sequence[Criterion], lead: str) -> bool:
    """Whether the criteria keep to a stretch of the order by the column `lead`, or to references that each have it."""
    table = lead.partition(".")[0]
    columns = [it.parameter.column for it in group]
    has_stretch = any(it.parameter.column == lead or it.parameter.kind == "reference" for it in group)
    return columns[0].partition(".")[0] == table and has_stretch


def _has_index(clause: Clause) -> bool:
    """Whether an index leads to what meets the clause, rather than to what does not."""
    if not isinstance(clause, Criterion):
        return True
    if clause.parameter.kind == "composite" or clause.modifier == "not":
        return False
    if clause.modifier == "missing":
        return len(clause.values) == 1 and (bool(clause.parameter.column) or clause.values == (Absence(False),))
    # What partial indexes are made for has many rows.
    (shape,), _ = describe_clauses((clause,))
    return not any(group[0] == "literal" for group in shape[4])


def _keys(connection: Connection, type_name: str, clauses: Sequence[Clause]) -> Keys | None:
    """Row keys of all that meets the clauses, whoever may see it; None when they are more than `MOST`."""
    clause = clauses[0]
    if not isinstance(clause, Chain | ReverseChain):
        shapes, binds = describe_clauses(clauses)
        values = {f"p{number}": value for number, value in enumerate(binds)}
        return _read(connection, _meeting(type_name, shapes, connection.dialect), values)
    if not _has_index(clause.clause):
        return None
    is_reverse = isinstance(clause, ReverseChain)
    near, far = (clause.source, type_name) if isinstance(clause, ReverseChain) else (type_name, clause.target)
    inner = _keys(connection, near if is_reverse else far, (clause.clause,))
    if not inner:
        return inner
    statement = _linked(near, clause.parameter.code, far, is_reverse, connection.dialect)
    return _read(connection, statement, {"keys": inner})


def _read(connection: Connection, statement: Statement, values: dict[str, Any]) -> Keys | None:
    found: Any = statement.run(connection, values | {"most": MOST, "limit": MOST + 1}).one()
    if found[0] > MOST:
        return None
    return cast(Keys, found[1]) if found[0] else []


@lru_cache(maxsize=1024)
def _meeting(type_name: str, shapes: Shape, dialect: Dialect) -> Statement:
    """Row keys of what meets clauses, read from one index."""
    builder = Builder(dialect.name, True)
    (_, _, code, modifier, groups), *_ = shapes
    parameter = parameters(type_name)[code]
    if shapes[0][0] == "tree" or (parameter.column and modifier not in FACETS):
        return _some(_by_columns(builder, type_name, shapes), dialect)
    if modifier == "missing":
        return _some(_present(type_name, parameter), dialect)
    pk, conditions = builder.entries(type_name, parameter, modifier, groups)
    return _some(select(pk).where(*conditions), dialect)


def _by_columns(builder: Builder, type_name: str, shapes: Shape) -> Select[Any]:
    there = builder.scope(type_name, shapes)
    met = [builder.clause(there, shape) for shape in shapes]
    found = parameters(type_name)
    asked = [on_request(there, found[shape[2]]) for shape in shapes if shape[0] == "criterion"]
    if asked and all(asked):
        met += asked[0]
    return there.select(there.pk).where(*met)


def _present(type_name: str, parameter: SearchParameter) -> Select[Any]:
    """What has a value: an identifier is one of a reference."""
    name = f"{type_name}.{parameter.code}"
    table = KIND_TABLES[parameter.kind][0]
    values = select(table.c.pk).where(table.c.parameter == literal(name))
    if parameter.kind != "reference":
        return values
    identifiers = tables.token_index
    named = select(identifiers.c.pk).where(identifiers.c.parameter == literal(f"{name}:identifier"))
    both = union_all(values, named).subquery("present")
    return select(both.c.pk)


@lru_cache(maxsize=256)
def _linked(source: str, code: str, target: str, is_reverse: bool, dialect: Dialect) -> Statement:
    """Row keys of what a reference joins to the rows `keys`: what refers to them, or (`is_reverse`) they refer to."""
    builder, parameter = Builder(dialect.name, True), parameters(source)[code]
    keys: BindParameter[Any] = bindparam("keys")
    there = builder.scope(target, ())
    id_ = there.column("resource.id")
    table, _, column = parameter.column.partition(".")
    entry: Any = tables.metadata.tables[table] if table else tables.reference_index
    pointed = entry.c[column] if table else entry.c.target_id
    named = [] if table else [entry.c.parameter == literal(f"{source}.{code}"), entry.c.target_type == literal(target)]
    if is_reverse:
        ids = select(pointed).where(one_of(entry.c.pk, keys, dialect.name, are_keys=True), *named)
        return _some(there.select(there.pk).where(id_.in_(ids)), dialect)
    ids = there.select(id_).where(one_of(there.pk, keys, dialect.name, are_keys=True))
    return _some(select(entry.c.pk).where(pointed.in_(ids), *named), dialect)


@lru_cache(maxsize=256)
def _owned(type_name: str, dialect: Dialect) -> Statement:
    """Row keys of the resources of one owner."""
    resource = tables.resource.alias("r")
    mine = select(resource.c.pk).where(
        resource.c.type == literal(type_name),
        resource.c.owner == bindparam("owner"),
        literal_column("NOT r.deleted"),
    )
    return _some(mine, dialect)


def _some(found: Select[Any], dialect: Dialect) -> Statement:
    """How many rows are found, one too many at most, and their keys as one value."""
    some = found.limit(bindparam("limit")).subquery("some")
    pk, count = some.c[0], func.count()
    listed = func.json_group_array(pk) if dialect.name == "sqlite" else func.array_agg(pk)
    return compiled(select(count, case((count <= bindparam("most"), listed))), dialect)
