"""The order of results: sort keys in SQL, and what comes after a given place. Missing values come last both ways.

Ties are broken by the row key, in the direction of the last sort key, so that one index can serve the whole order.
Here is what all statements share, and the order of few rows, which are sorted; `storage.select_walk` has that of many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, UnaryExpression, and_, func, or_, select, tuple_

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.storage import tables
from fhir_server.storage.index import KIND_TABLES
from fhir_server.storage.select_conditions import Condition, Take, unindexed
from fhir_server.storage.select_scope import Scope, literal
from fhir_server.storage.select_shape import Shape

#: Codes of the parameters to sort by, and whether in descending order.
Sort = tuple[tuple[str, bool], ...]

#: Column of a kind's table whose least (ascending) or greatest (descending) value a resource is sorted by.
SORTED_COLUMNS = {
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
    #: No row of the statement has a value: it stands in the answer, and no place is after another by it.
    is_absent: bool = False
    #: It is part of the ORDER BY.
    is_ordering: bool = True


@dataclass(frozen=True, slots=True)
class Order:
    """How the rows of a statement are ordered."""

    keys: tuple[OrderKey, ...]
    pk: ColumnElement[int]
    #: What keeps to the rows that are ordered so.
    conditions: tuple[Condition, ...] = ()


def sorted_order(scope: Scope, sort: Sort, criteria: Shape) -> Order:
    """The order of few rows: the planner is kept from walking an index to find them."""
    keys = tuple(
        order_key(scope, number, parameters(scope.type)[code], is_descending, criteria, is_indexed=False)
        for number, (code, is_descending) in enumerate(sort)
    )
    return Order(keys, unindexed("date", scope.pk))


def order_key(
    scope: Scope, number: int, parameter: SearchParameter, is_descending: bool, criteria: Shape, *, is_indexed: bool
) -> OrderKey:
    """A key looked up for each row; `is_indexed` when an index may give it."""
    may_lack = is_nullable(parameter, criteria)
    if not parameter.column:
        return OrderKey(f"k{number}", is_descending, may_lack, _extreme(scope, parameter, is_descending))
    column = scope.parameter_column(parameter)
    return OrderKey(f"k{number}", is_descending, may_lack, column if is_indexed else unindexed(parameter.kind, column))


def is_nullable(parameter: SearchParameter, criteria: Shape) -> bool:
    """Whether resources that meet the criteria may have no value of a parameter."""
    if any(shape[0] == "criterion" and shape[2:4] == (parameter.code, "") for shape in criteria):
        return False
    table, _, column = parameter.column.partition(".")
    return not table or bool(tables.metadata.tables[table].c[column].nullable)


def ordering(rows: FromClause, order: Order) -> list[UnaryExpression[Any]]:
    """The ORDER BY of rows that have `pk` and the keys as columns."""
    keys = [key for key in order.keys if key.is_ordering]
    terms = [_directed(rows.c[key.name], key.is_descending) for key in keys]
    nulls_last = [term.nulls_last() if key.is_nullable else term for term, key in zip(terms, keys, strict=True)]
    return [*nulls_last, _directed(rows.c.pk, _is_descending(order.keys))]


def after(rows: FromClause, order: Order, position: Shape | None, take: Take) -> list[ColumnElement[bool]]:
    """What comes after a place; `position` tells for each key whether it has a value there; None for a first page."""
    if position is None:
        return []
    places = [(key, take() if has_value else None) for key, has_value in zip(order.keys, position, strict=True)]
    pk, is_descending = take(), _is_descending(order.keys)
    places = [(key, value) for key, value in places if not key.is_absent]
    if len(places) == 1 and not places[0][0].is_nullable:
        # Rows that share the key need not be read again: one range of an index on both.
        (key, value), here = places[0], tuple_(rows.c[places[0][0].name], rows.c.pk)
        return [here < tuple_(value, pk) if is_descending else here > tuple_(value, pk)]
    later: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for key, value in places:
        column = rows.c[key.name]
        if value is not None:
            beyond = column < value if key.is_descending else column > value
            later.append(and_(*equal, or_(beyond, column.is_(None)) if key.is_nullable else beyond))
        equal.append(column.is_(None) if value is None else column == value)
    later.append(and_(*equal, rows.c.pk < pk if is_descending else rows.c.pk > pk))
    return [*_bound(rows, places), or_(*later)]


def _bound(rows: FromClause, places: Sequence[tuple[OrderKey, Any]]) -> list[ColumnElement[bool]]:
    """A plain comparison of the first key, which an index can start from."""
    if not places or places[0][0].is_nullable:
        return []
    key, value = places[0]
    return [rows.c[key.name] <= value if key.is_descending else rows.c[key.name] >= value]


def _is_descending(keys: Sequence[OrderKey]) -> bool:
    return bool(keys) and keys[-1].is_descending


def _directed(column: ColumnElement[Any], is_descending: bool) -> UnaryExpression[Any]:
    return column.desc() if is_descending else column.asc()


def _extreme(scope: Scope, parameter: SearchParameter, is_descending: bool) -> ColumnElement[Any]:
    table = KIND_TABLES[parameter.kind][0].alias(f"s{scope.number}_{parameter.code.replace('-', '_')}")
    column = table.c[SORTED_COLUMNS[parameter.kind]]
    extreme = func.max(column) if is_descending else func.min(column)
    name = literal(f"{scope.type}.{parameter.code}")
    return select(extreme).where(table.c.pk == scope.pk, table.c.parameter == name).scalar_subquery()
