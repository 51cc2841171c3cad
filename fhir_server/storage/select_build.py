"""From the shape of a query to its SQL.

The inner query picks sort keys and row keys of one page; only the outer one touches bodies. Statements are built once
for each shape, dialect and visibility, and kept.
"""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Dialect, bindparam, func, select

from fhir_server.registry.search_params import parameters
from fhir_server.storage import tables
from fhir_server.storage.select_clauses import SELECTIVE, Builder
from fhir_server.storage.select_conditions import unindexed
from fhir_server.storage.select_order import after, order_keys, ordering
from fhir_server.storage.select_shape import Shape
from fhir_server.storage.statement import Statement, compiled

#: Statements kept. One takes some kilobytes; partners use a few dozen shapes.
_CACHE_SIZE = 2048


@dataclass(frozen=True, slots=True)
class Shaped:
    """All that the text of a search statement depends on."""

    type: str
    criteria: Shape
    sort: tuple[tuple[str, bool], ...]
    #: None for a first page.
    position: Shape | None
    sees_all: bool


@lru_cache(maxsize=_CACHE_SIZE)
def page_statement(shaped: Shaped, dialect: Dialect) -> Statement:
    """At most `limit` matches after the position: type, id, version, updated_ms, body, pk, then the sort keys."""
    builder = Builder(dialect.name, shaped.sees_all)
    scope = builder.scope(shaped.type, shaped.criteria, *(code for code, _ in shaped.sort))
    conditions = [builder.clause(scope, shape) for shape in shaped.criteria]
    is_indexed = not any(_is_selective(shape) for shape in shaped.criteria)
    keys = order_keys(scope, shaped.sort, shaped.criteria, is_indexed=is_indexed)
    pk = scope.pk if is_indexed else unindexed("date", scope.pk)
    labelled = [key.expression.label(key.name) for key in keys]
    found = scope.select(pk.label("pk"), *labelled).where(*conditions).subquery("found")
    picked = (
        select(found)
        .where(*after(found, keys, shaped.position, builder.take))
        .order_by(*ordering(found, keys))
        .limit(bindparam("limit"))
        .subquery("picked")
    )
    resource = tables.resource.alias("r")
    bodies = (resource.c.type, resource.c.id, resource.c.version, resource.c.updated_ms, resource.c.body)
    page = select(*bodies, *picked.c).join_from(picked, resource, resource.c.pk == picked.c.pk)
    return compiled(page.order_by(*ordering(picked, keys)), dialect)


@lru_cache(maxsize=_CACHE_SIZE)
def count_statement(shaped: Shaped, dialect: Dialect) -> Statement:
    """The number of matches."""
    builder = Builder(dialect.name, shaped.sees_all)
    scope = builder.scope(shaped.type, shaped.criteria, *(code for code, _ in shaped.sort))
    conditions = [builder.clause(scope, shape) for shape in shaped.criteria]
    return compiled(scope.select(scope.pk).where(*conditions).with_only_columns(func.count()), dialect)


def _is_selective(shape: Shape) -> bool:
    """A criterion or chain that few resources meet, from which the database should start."""
    if shape[0] != "criterion":
        return True
    _, type_name, code, modifier, _ = shape
    return modifier in SELECTIVE or (parameters(type_name)[code].is_selective and not modifier)
