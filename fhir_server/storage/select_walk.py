"""An order walked along an index until a page is full, in parts: no rows are read but those up to the page's last.

An index has no place for what is missing. So the first part holds the rows with a value of the first key, in its order;
the next, read when that does not fill the page, those without one, in the order of the next key; and so on.
"""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, literal_column, not_, null, or_, select

from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.search.facets import FACETS
from fhir_server.storage import tables
from fhir_server.storage.index import KIND_TABLES
from fhir_server.storage.select_conditions import Condition
from fhir_server.storage.select_lookups import Lookups
from fhir_server.storage.select_order import SORTED_COLUMNS, Order, OrderKey, Sort, is_nullable, order_key
from fhir_server.storage.select_scope import Scope, is_own_column, literal
from fhir_server.storage.select_shape import Shape

#: Where a row stands in its table, as each database calls it: index rows have no key of their own.
_PLACES = {"sqlite": "rowid", "postgresql": "ctid"}


def parts(type_name: str, sort: Sort, criteria: Shape) -> int:
    """How many parts an order has: one more than its first keys that may be missing."""
    found = parameters(type_name)
    lacking = [is_nullable(found[code], criteria) for code, _ in sort]
    return (*lacking, False).index(False) + 1


def first_part(position: Shape | None, count: int) -> int:
    """The part that a place lies in: `position` tells which keys have a value there."""
    return 0 if position is None else (*position[: count - 1], True).index(True)


def walked_order(builder: Lookups, scope: Scope, sort: Sort, criteria: Shape, part: int) -> Order:
    """The order of one part. The rows of `scope` come from its index from then on."""
    found = [(parameters(scope.type)[code], is_descending) for code, is_descending in sort]
    absent, present = found[:part], found[part:]
    # Of rows without a value of an own column the same index gives the order.
    led_by = present[0][0] if present else next((key for key, _ in absent if is_own_column(key)), None)
    lead = _lead(scope, led_by)
    scope.walk(lead)
    conditions = [builder.criterion(scope, scope.type, parameter.code, "missing", (True,)) for parameter, _ in absent]
    keys = [
        OrderKey(f"k{number}", sort[-1][1], False, *_absent(scope, parameter), is_ordering=parameter is led_by)
        for number, (parameter, _) in enumerate(absent)
    ]
    for number, (parameter, is_descending) in enumerate(present, part):
        if number == part:
            column = lead.c[_column(parameter)]
            conditions += _led(builder, scope, parameter, is_descending, criteria)
            keys.append(OrderKey(f"k{number}", is_descending, False, column))
        else:
            keys.append(order_key(scope, number, parameter, is_descending, criteria, is_indexed=True))
    return Order(tuple(keys), scope.pk, (*conditions, *on_request(scope, led_by)))


def on_request(scope: Scope, parameter: SearchParameter | None) -> list[Condition]:
    """What opens the index of a column that is used only by those who ask for it (`tables.ON_REQUEST`)."""
    if parameter is None or parameter.column not in tables.ON_REQUEST:
        return []
    return [literal_column(f"x{scope.number}.{tables.REQUEST}")]


def is_on_column(shape: Shape) -> bool:
    """Whether a clause asks for columns of the rows themselves."""
    if shape[0] != "criterion":
        return False
    _, type_name, code, modifier, _ = shape
    return modifier not in FACETS and bool(parameters(type_name)[code].column)


def _lead(scope: Scope, parameter: SearchParameter | None) -> FromClause:
    """Whose index gives the order."""
    if parameter is None or (parameter.column and not is_own_column(parameter)):
        return scope.resource
    if parameter.column:
        assert scope.typed is not None
        return scope.typed
    return KIND_TABLES[parameter.kind][0].alias(f"w{scope.number}")


def _led(
    builder: Lookups, scope: Scope, parameter: SearchParameter, is_descending: bool, criteria: Shape
) -> list[Condition]:
    """What keeps to the rows that have a value: of index rows, the least or greatest of each resource."""
    if parameter.column:
        return [scope.parameter_column(parameter).is_not(None)] if is_nullable(parameter, criteria) else []
    lead: Any = scope.lead
    other, name = KIND_TABLES[parameter.kind][0].alias(f"o{scope.number}"), f"{scope.type}.{parameter.code}"
    mine, rival = lead.c[_column(parameter)], other.c[_column(parameter)]
    first: ColumnElement[bool] = literal_column(
        f"{other.name}.{_PLACES[builder.dialect]} < {lead.name}.{_PLACES[builder.dialect]}"
    )
    beats = or_(rival > mine if is_descending else rival < mine, and_(rival == mine, first))
    rivals = select(other.c.pk).where(other.c.pk == lead.c.pk, builder.named(other, name), beats)
    return [lead.c.parameter == literal(name), not_(builder.exists(rivals))]


def _column(parameter: SearchParameter) -> str:
    return parameter.column.partition(".")[2] or SORTED_COLUMNS[parameter.kind]


def _absent(scope: Scope, parameter: SearchParameter) -> tuple[ColumnElement[Any], bool]:
    """What stands for a key without values, which is no place in the order."""
    return (scope.parameter_column(parameter) if parameter.column else null()), True
