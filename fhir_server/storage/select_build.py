"""From the shape of a query to its SQL.

The inner query picks sort keys and row keys of one page; only the outer one touches bodies. Statements are built once
for each shape, way, dialect and visibility, and kept.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Select, Subquery, and_, bindparam, func, select

from fhir_server.storage import tables
from fhir_server.storage.select_clauses import Builder
from fhir_server.storage.select_conditions import one_of
from fhir_server.storage.select_lookups import Gathering, Lookups
from fhir_server.storage.select_order import Order, Sort, after, ordering, sorted_order
from fhir_server.storage.select_shape import Shape
from fhir_server.storage.select_walk import is_on_column, walked_order
from fhir_server.storage.statement import Statement, compiled

#: Statements kept. One takes some kilobytes; partners use a few dozen shapes.
_CACHE_SIZE = 2048


class Way(Enum):
    """How a statement comes to its rows."""

    #: From the criteria that few rows meet, and then sorted.
    GATHER = 1
    #: From the row keys `keys`, among which all matches are, and then sorted.
    KEYS = 2
    #: Along the order, looking up for each row whether it meets the criteria.
    WALK = 3
    #: As the database likes, and then sorted.
    SORT = 4


@dataclass(frozen=True, slots=True)
class Shaped:
    """All that the text of a search statement depends on."""

    type: str
    criteria: Shape
    sort: Sort
    #: None for a first page.
    position: Shape | None
    sees_all: bool
    way: Way = Way.GATHER
    #: Which part of the order is walked.
    part: int = 0


@lru_cache(maxsize=_CACHE_SIZE)
def page_statement(shaped: Shaped, dialect: Dialect) -> Statement:
    """At most `limit` matches after the position: type, id, version, updated_ms, body, pk, then the sort keys."""
    order, picked = (_walked if shaped.way is Way.WALK else _gathered)(shaped, dialect)
    resource = tables.resource.alias("r")
    bodies = (resource.c.type, resource.c.id, resource.c.version, resource.c.updated_ms, resource.c.body)
    columns = [picked.c[name] for name in ("pk", *(key.name for key in order.keys))]
    page = select(*bodies, *columns).join_from(picked, resource, resource.c.pk == picked.c.pk)
    return compiled(page.order_by(*ordering(picked, order)), dialect)


def _gathered(shaped: Shaped, dialect: Dialect) -> tuple[Order, Subquery]:
    """The page's rows, sorted out of all matches."""
    builder = _BUILDERS[shaped.way](dialect.name, shaped.sees_all)
    scope = builder.scope(shaped.type, shaped.criteria, *(code for code, _ in shaped.sort))
    order = sorted_order(scope, shaped.sort, shaped.criteria)
    conditions = [builder.clause(scope, shape) for shape in shaped.criteria]
    if shaped.way is Way.SORT:
        # What one owner has is found by an index too.
        conditions += scope.unveil()
    if shaped.way is Way.KEYS:
        conditions.append(one_of(scope.pk, bindparam("keys"), dialect.name, are_keys=True))
    found = scope.select(*_columns(order)).where(*conditions).subquery("found")
    return order, _page(found, order, shaped, builder).limit(bindparam("limit")).subquery("picked")


def _walked(shaped: Shaped, dialect: Dialect) -> tuple[Order, Subquery]:
    """The page's rows, the first of an order that match; of those whose criteria must be looked up, `steps` at most."""
    builder = Lookups(dialect.name, shaped.sees_all)
    scope = builder.scope(shaped.type, shaped.criteria, *(code for code, _ in shaped.sort))
    order = walked_order(builder, scope, shaped.sort, shaped.criteria, shaped.part)
    met = [(is_on_column(shape), builder.clause(scope, shape)) for shape in shaped.criteria]
    here = [condition for is_column, condition in met if is_column]
    looked_up = [*scope.unveil(), *(condition for is_column, condition in met if not is_column)]
    columns = _columns(order)
    if looked_up:
        columns.append(and_(*looked_up).label("is_met"))
    found = scope.select(*columns).where(*order.conditions, *here).subquery("found")
    page = _page(found, order, shaped, builder)
    if looked_up:
        steps = page.limit(bindparam("steps")).subquery("steps")
        page = select(steps).where(steps.c.is_met)
    return order, page.limit(bindparam("limit")).subquery("picked")


def _columns(order: Order) -> list[Any]:
    return [order.pk.label("pk"), *(key.expression.label(key.name) for key in order.keys)]


def _page(found: Subquery, order: Order, shaped: Shaped, builder: Builder) -> Select[Any]:
    """The rows after the position, in order."""
    later = after(found, order, shaped.position, builder.take)
    return select(found).where(*later).order_by(*ordering(found, order))


@lru_cache(maxsize=_CACHE_SIZE)
def count_statement(shaped: Shaped, dialect: Dialect) -> Statement:
    """The number of matches."""
    builder = Builder(dialect.name, shaped.sees_all)
    scope = builder.scope(shaped.type, shaped.criteria, *(code for code, _ in shaped.sort))
    conditions = [builder.clause(scope, shape) for shape in shaped.criteria]
    return compiled(scope.select(scope.pk).where(*conditions).with_only_columns(func.count()), dialect)


_BUILDERS: dict[Way, type[Builder]] = {Way.GATHER: Gathering, Way.KEYS: Lookups, Way.SORT: Builder}
