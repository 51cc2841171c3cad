"""Composite parameters in SQL: the same repetition of an element must fit every component.

The values of component `k` in repetition `n` are indexed in the table of their kind under `Type.code.k#n`. Such
parameters belong to small types (value sets and their like); the database starts from the candidates, not from values.
https://www.hl7.org/fhir/R4/search.html#composite
"""

from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal_column

from fhir_server.registry.model import SearchParameter
from fhir_server.search.extract import components
from fhir_server.storage.index import KIND_TABLES, component_name
from fhir_server.storage.select_conditions import KINDS, Condition, Take
from fhir_server.storage.select_scope import Scope, literal
from fhir_server.storage.select_shape import Shape


def fits(
    scope: Scope, parameter: SearchParameter, group: Shape, aliases: "count[int]", take: Take, dialect: str
) -> Condition:
    """Whether one repetition fits a value; `group` holds the group of each component's value."""
    rows: list[tuple[Any, ColumnElement[str]]] = []
    conditions: list[Condition] = []
    for number, (component, asked) in enumerate(zip(components(parameter), group, strict=True)):
        entry = KIND_TABLES[component.kind][0].alias(f"i{next(aliases)}")
        prefix = component_name(f"{scope.type}.{parameter.code}", number, "")
        rows.append((entry, func.substr(entry.c.parameter, literal_column(str(len(prefix) + 1)))))
        conditions += [entry.c.pk == scope.pk, _starts_with(entry.c.parameter, prefix)]
        conditions += [KINDS[component.kind](entry.c, one, take, dialect) for one in asked]
    (_, first), *others = rows
    return exists().where(*conditions, *(first == repetition for _, repetition in others))


def is_present(scope: Scope, parameter: SearchParameter, aliases: "count[int]") -> Condition:
    """Whether there is any value: one with all components."""
    entry = KIND_TABLES[components(parameter)[0].kind][0].alias(f"i{next(aliases)}")
    prefix = component_name(f"{scope.type}.{parameter.code}", 0, "")
    return exists().where(and_(entry.c.pk == scope.pk, _starts_with(entry.c.parameter, prefix)))


def _starts_with(column: ColumnElement[str], prefix: str) -> Condition:
    return func.substr(column, literal_column("1"), literal_column(str(len(prefix)))) == literal(prefix)
