"""The order of results: sort keys in SQL, and what comes after a given place. Missing values come last both ways.

Ties are broken by the row key, in the direction of the last sort key, so that one index can serve the whole order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, UnaryExpression, and_, func, or_, select

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.storage.index import KIND_TABLES
from fhir_server.storage.select_conditions import Take, unindexed
from fhir_server.storage.select_scope import Scope, literal
from fhir_server.storage.select_shape import Shape

#: Column of a kind's table whose least (ascending) or greatest (descending) value a resource is sorted by.
_SORTED_COLUMNS = {
    "date": "low_ms",
    "string": "folded",
    "token": "code",
    "uri": "value",
    "number": "value",
    "quantity": "value",
}


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One sort key of a statement."""

    #: Its label in the statement.
    name: str
    is_descending: bool
    is_nullable: bool
    expression: ColumnElement[Any]


def order_keys(
    scope: Scope, sort: tuple[tuple[str, bool], ...], criteria: Shape, *, is_indexed: bool
) -> tuple[OrderKey, ...]:
    """The keys of a query over `scope`.

    When `is_indexed` is false few rows are expected, and the planner is kept from walking an order to find them.
    """
    return tuple(
        _order_key(scope, f"k{number}", parameters(scope.type)[code], is_descending, criteria, is_indexed)
        for number, (code, is_descending) in enumerate(sort)
    )


def ordering(rows: FromClause, keys: Sequence[OrderKey]) -> list[UnaryExpression[Any]]:
    """The ORDER BY of rows that have `pk` and the keys as columns."""
    terms = [_directed(rows.c[key.name], key.is_descending) for key in keys]
    nulls_last = [term.nulls_last() if key.is_nullable else term for term, key in zip(terms, keys, strict=True)]
    return [*nulls_last, _directed(rows.c.pk, _is_descending(keys))]


def after(rows: FromClause, keys: Sequence[OrderKey], position: Shape | None, take: Take) -> list[ColumnElement[bool]]:
    """What comes after a place; `position` tells for each key whether it has a value there; None for a first page."""
    if position is None:
        return []
    values = [take() if has_value else None for has_value in position]
    pk = take()
    later: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for key, value in zip(keys, values, strict=True):
        column = rows.c[key.name]
        if value is not None:
            beyond = column < value if key.is_descending else column > value
            later.append(and_(*equal, or_(beyond, column.is_(None)) if key.is_nullable else beyond))
        equal.append(column.is_(None) if value is None else column == value)
    later.append(and_(*equal, rows.c.pk < pk if _is_descending(keys) else rows.c.pk > pk))
    return [*_bound(rows, keys, values), or_(*later)]


def _bound(rows: FromClause, keys: Sequence[OrderKey], values: list[Any]) -> list[ColumnElement[bool]]:
    """A plain comparison of the first key, which an index can start from."""
    if not keys or keys[0].is_nullable:
        return []
    column = rows.c[keys[0].name]
    return [column <= values[0] if keys[0].is_descending else column >= values[0]]


def _is_descending(keys: Sequence[OrderKey]) -> bool:
    return bool(keys) and keys[-1].is_descending


def _directed(column: ColumnElement[Any], is_descending: bool) -> UnaryExpression[Any]:
    return column.desc() if is_descending else column.asc()


def _order_key(
    scope: Scope, name: str, parameter: SearchParameter, is_descending: bool, criteria: Shape, is_indexed: bool
) -> OrderKey:
    if not parameter.column:
        return OrderKey(name, is_descending, True, _extreme(scope, parameter, is_descending))
    column = scope.parameter_column(parameter)
    is_asked_for = any(shape[0] == "criterion" and shape[2:4] == (parameter.code, "") for shape in criteria)
    is_nullable = getattr(column, "nullable", True) and not is_asked_for
    return OrderKey(name, is_descending, is_nullable, column if is_indexed else unindexed(parameter.kind, column))


def _extreme(scope: Scope, parameter: SearchParameter, is_descending: bool) -> ColumnElement[Any]:
    table = KIND_TABLES[parameter.kind][0].alias(f"s{scope.number}_{parameter.code.replace('-', '_')}")
    column = table.c[_SORTED_COLUMNS[parameter.kind]]
    extreme = func.max(column) if is_descending else func.min(column)
    name = literal(f"{scope.type}.{parameter.code}")
    return select(extreme).where(table.c.pk == scope.pk, table.c.parameter == name).scalar_subquery()
