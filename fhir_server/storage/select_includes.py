"""Resources that come along with the matches: one statement for each step from what was found to what it leads to."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Select, bindparam, literal_column, select, union

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.search.model import Include
from fhir_server.storage import tables
from fhir_server.storage.select_conditions import one_of
from fhir_server.storage.select_scope import Scope, literal, visible
from fhir_server.storage.statement import Statement, compiled


@dataclass(frozen=True, slots=True)
class Step:
    """All that the text of an include statement depends on."""

    includes: tuple[Include, ...]
    sees_all: bool


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
    found = union(*(_keys(include, number, dialect.name) for number, include in enumerate(step.includes)))
    bodies = (resource.c.type, resource.c.id, resource.c.version, resource.c.updated_ms, resource.c.body, resource.c.pk)
    statement = (
        select(*bodies)
        .where(
            resource.c.pk.in_(select(found.subquery("found").c.pk)),
            literal_column("NOT r.deleted"),
            *visible(resource, None, step.sees_all),
        )
        .order_by(resource.c.pk)
        .limit(bindparam("limit"))
    )
    return compiled(statement, dialect)


def _keys(include: Include, number: int, dialect: str) -> Select[Any]:
    """Row keys of what one directive leads to."""
    parameter = parameters(include.source)[include.code]
    entry, target_type, target_id, conditions = _references(include, parameter, number)
    pointed = tables.resource.alias(f"t{number}")
    asked, answer = (pointed.c.pk, entry.c.pk) if include.is_reverse else (entry.c.pk, pointed.c.pk)
    pks = one_of(asked, bindparam("pks"), dialect, are_keys=True)
    joined = select(answer.label("pk")).join_from(
        entry, pointed, (pointed.c.type == target_type) & (pointed.c.id == target_id)
    )
    return joined.where(pks, *conditions)


def _references(include: Include, parameter: SearchParameter, number: int) -> tuple[Any, Any, Any, list[Any]]:
    """Where the references of a parameter stand: rows, type and id pointed to, and what selects them."""
    if parameter.column:
        scope = Scope(include.source, number, True)
        assert scope.typed is not None
        return scope.typed, literal(parameter.targets[0]), scope.parameter_column(parameter), []
    entry = tables.reference_index.alias(f"i{number}")
    conditions = [entry.c.parameter == literal(f"{include.source}.{include.code}")]
    if include.target is not None:
        conditions.append(entry.c.target_type == literal(include.target))
    return entry, entry.c.target_type, entry.c.target_id, conditions
