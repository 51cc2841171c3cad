"""Resources that come along with the matches: one statement for each step from what was found to what it leads to."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, FromClause, Select, bindparam, literal_column, select, tuple_, union

from fhir_server.registry.search_params import parameters
from fhir_server.search.model import Include
from fhir_server.storage import tables
from fhir_server.storage.select_conditions import one_of, unindexed
from fhir_server.storage.select_scope import allowed, is_gated, kept_apart, literal, visible
from fhir_server.storage.statement import Statement, compiled


@dataclass(frozen=True, slots=True)
class Step:
    """All that the text of an include statement depends on."""

    includes: tuple[Include, ...]
    sees_all: bool


@dataclass(frozen=True, slots=True)
class _References:
    """Where the references of a parameter stand: who refers, and the type and id referred to."""

    pk: ColumnElement[int]
    type: ColumnElement[str]
    id: ColumnElement[str]
    conditions: tuple[ColumnElement[bool], ...]


def applies(include: Include, types: frozenset[str]) -> bool:
    """Whether the directive can lead anywhere from resources of these types."""
    if not include.is_reverse:
        return include.source in types
    parameter = parameters(include.source)[include.code]
    able = types if include.target is None else types & {include.target}
    return bool(able) and (not parameter.targets or not able.isdisjoint(parameter.targets))


@lru_cache(maxsize=512)
def include_statement(step: Step, dialect: Dialect) -> Statement:
    """What the resources with the row keys `pks` lead to: type, id, version, updated_ms, body, pk. At most `limit`."""
    resource = tables.resource.alias("r")
    groups = _groups(step.includes)
    keys = [_enough(group, number, dialect.name, step.sees_all) for number, group in enumerate(groups)]
    found = keys[0] if len(keys) == 1 else union(*keys)
    bodies = (resource.c.type, resource.c.id, resource.c.version, resource.c.updated_ms, resource.c.body, resource.c.pk)
    some = (
        select(*bodies)
        .where(
            resource.c.pk.in_(select(found.subquery("found").c.pk)),
            literal_column("NOT r.deleted"),
            *visible(resource, None, step.sees_all),
            *kept_apart(resource, None),
            *allowed(resource, None, step.sees_all),
        )
        .limit(bindparam("limit"))
        .subquery("some")
    )
    # Sorted when there are no more than the limit: which ones come along of too many is left to the database.
    return compiled(select(some).order_by(some.c.pk), dialect)


def _groups(includes: tuple[Include, ...]) -> list[list[Include]]:
    """The directives that one list of row keys can answer: those of one direction and target in the generic index."""
    found: dict[Any, list[Include]] = {}
    for include in includes:
        has_column = bool(parameters(include.source)[include.code].column)
        key = (include.is_reverse, include.source, include.code) if has_column else (include.is_reverse, include.target)
        found.setdefault(key, []).append(include)
    return list(found.values())


def _enough(group: list[Include], number: int, dialect: str, sees_all: bool) -> Select[Any]:
    """As `_keys`; no more than may come along, where each key is one resource that is seen."""
    found = _keys(group, number, dialect)
    is_one_each = group[0].is_reverse and bool(parameters(group[0].source)[group[0].code].column)
    source = group[0].source
    if not is_one_each or visible(tables.resource, source, sees_all) or is_gated(source, sees_all):
        return found
    some = found.limit(bindparam("limit")).subquery(f"some{number}")
    return select(some.c.pk)


def _keys(group: list[Include], number: int, dialect: str) -> Select[Any]:
    """Row keys of what the directives of a group lead to.

    Written as nested lists rather than joins, so that SQLite, which knows no statistics, starts from the row keys.
    """
    there = tables.resource.alias(f"t{number}")
    found = _references(group, number, dialect)
    if group[0].is_reverse:
        pointed = select(there.c.id, there.c.type).where(one_of(there.c.pk, bindparam("pks"), dialect, are_keys=True))
        return select(found.pk.label("pk")).where(tuple_(found.id, found.type).in_(pointed), *found.conditions)
    keys = one_of(found.pk, bindparam("pks"), dialect, are_keys=True)
    referred = select(found.type, found.id).where(keys, *found.conditions)
    return select(there.c.pk.label("pk")).where(tuple_(there.c.type, there.c.id).in_(referred))


def _references(group: list[Include], number: int, dialect: str) -> _References:
    include = group[0]
    parameter = parameters(include.source)[include.code]
    table, _, column = parameter.column.partition(".")
    if table:
        rows: FromClause = tables.metadata.tables[table].alias(f"x{number}")
        return _References(rows.c.pk, literal(parameter.targets[0]), rows.c[column], ())
    entry = tables.reference_index.alias(f"i{number}")
    starts_from_keys = dialect == "sqlite" and not include.is_reverse
    name = unindexed("string", entry.c.parameter) if starts_from_keys else entry.c.parameter
    conditions: list[ColumnElement[bool]] = [name.in_([literal(f"{one.source}.{one.code}") for one in group])]
    if include.target is not None:
        conditions.append(entry.c.target_type == literal(include.target))
    return _References(entry.c.pk, entry.c.target_type, entry.c.target_id, tuple(conditions))
