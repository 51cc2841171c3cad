"""Searches run: a Query and who asks become a page of stored resources. One over several types is a Query for each.

What the actor may not see is no match, no include, and no link of a chain (promise 7 of the architecture).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from fhir_server.kernel.actor import Actor
from fhir_server.search import cursor, restriction
from fhir_server.search.model import Position, Query
from fhir_server.search.query import query_identity
from fhir_server.storage import seals
from fhir_server.storage.select_build import Shaped, Way, count_statement, page_statement
from fhir_server.storage.select_clauses import is_selective
from fhir_server.storage.select_follow import follow
from fhir_server.storage.select_merge import merged
from fhir_server.storage.select_order import Sort
from fhir_server.storage.select_rows import BODY_COLUMNS, Row
from fhir_server.storage.select_scope import binds, visible
from fhir_server.storage.select_shape import Shape, describe, describe_position
from fhir_server.storage.select_start import start
from fhir_server.storage.select_walk import first_part, is_on_column, parts
from fhir_server.storage.tables import resource

#: Steps along an order that a search takes until it turns to gathering all matches.
STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """A page of matches with what comes along."""

    matches: list[Row]
    included: list[Row]
    #: Where the next page starts; None on the last.
    next_cursor: str | None
    #: Matches on all pages, when it was asked for or is known anyway.
    total: int | None
    #: More would have come along than MAX_INCLUDED or MAX_STEPS allow.
    is_cut: bool = False
    #: An include that is repeated led back to where it had been, and stopped there.
    is_circular: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A Query with what its statements need."""

    query: Query
    criteria: Shape
    values: dict[str, Any]
    sort: Sort
    actor: Actor


def run(connection: Connection, query: Query, actor: Actor) -> Page:
    """The page of matches that the query asks for, of what the actor may see. Raises FhirError for a foreign cursor."""
    return run_all(connection, (query,), actor)


def run_all(connection: Connection, queries: Sequence[Query], actor: Actor) -> Page:
    """As `run`, of queries for several types that are alike but for their criteria, merged in one order."""
    queries = [restriction.applied(query, actor) for query in queries]
    first = queries[0]
    asked = [_asked(query, actor) for query in queries]
    if first.count == 0:
        return Page([], [], None, sum(_count(connection, one) for one in asked))
    after = _opened(connection, first, actor) if first.cursor else None
    found = merged([_found(connection, one, after) for one in asked], first.sort, first.count + 1)
    matches, is_last = found[: first.count], len(found) <= first.count
    total = _total(connection, asked, len(found) if is_last and after is None else None)
    followed = follow(connection, queries, actor, matches)
    return Page(
        [Row(*row[:BODY_COLUMNS]) for row in matches],
        followed.rows,
        None if is_last else _sealed(connection, first, actor, matches[-1]),
        total,
        followed.is_cut,
        followed.is_circular,
    )


def _asked(query: Query, actor: Actor) -> _Asked:
    criteria, given = describe(query)
    values: dict[str, Any] = {f"p{number}": value for number, value in enumerate(given)}
    values |= binds(actor, query.asked_ms)
    sort = tuple((key.parameter.code, key.is_descending) for key in query.sort)
    return _Asked(query, criteria, values, sort, actor)


def _found(connection: Connection, asked: _Asked, after: Position | None) -> Sequence[Any]:
    """Rows of the page and one more, if there is one."""
    query, limit = asked.query, asked.query.count + 1
    if any(is_selective(shape) for shape in asked.criteria):
        return _part(connection, asked, after, {"limit": limit}, Way.GATHER)
    keys = start(connection, query, asked.actor)
    if keys is not None:
        return _part(connection, asked, after, {"limit": limit, "keys": keys}, Way.KEYS) if keys else []
    rows, is_cut = _walked(connection, asked, after, limit)
    # The matches are far along the order, or there are no more.
    return _part(connection, asked, after, {"limit": limit}, Way.SORT) if is_cut else rows


def _walked(connection: Connection, asked: _Asked, after: Position | None, limit: int) -> tuple[Sequence[Any], bool]:
    """The first rows along the order, and whether the search gave up with more of it left."""
    hiding = visible(resource, asked.query.type, asked.actor.is_territory)
    is_bounded = bool(hiding) or not all(is_on_column(shape) for shape in asked.criteria)
    count = parts(asked.query.type, asked.sort, asked.criteria)
    first = first_part(describe_position(after)[0], count)
    rows: list[Any] = []
    for part in range(first, count):
        given = {"limit": limit - len(rows), "steps": STEPS}
        rows += _part(connection, asked, after if part == first else None, given, Way.WALK, part)
        if len(rows) == limit or is_bounded:
            break
    return rows, is_bounded and len(rows) < limit


def _part(
    connection: Connection,
    asked: _Asked,
    after: Position | None,
    given: dict[str, Any],
    way: Way,
    part: int = 0,
) -> Sequence[Any]:
    position, place = describe_position(after)
    shaped = Shaped(asked.query.type, asked.criteria, asked.sort, position, asked.actor.is_territory, way, part)
    # Those of the place come after the numbered values of the criteria.
    start = sum(name.startswith("p") for name in asked.values)
    values = asked.values | {f"p{start + number}": value for number, value in enumerate(place)}
    return page_statement(shaped, connection.dialect).run(connection, values | given).all()


def _opened(connection: Connection, query: Query, actor: Actor) -> Position:
    return cursor.read(seals.every(connection), _bound_to(query, actor), query.cursor, query.sort)


def _sealed(connection: Connection, query: Query, actor: Actor, last: Any) -> str:
    pk, *keys = last[BODY_COLUMNS:]
    return cursor.write(seals.newest(connection), _bound_to(query, actor), Position(tuple(keys), pk))


def _bound_to(query: Query, actor: Actor) -> str:
    """What a cursor opens for."""
    return f"{actor.owner}\n{query_identity(query)}"


def _total(connection: Connection, asked: Sequence[_Asked], known: int | None) -> int | None:
    if known is not None or asked[0].query.total == "none":
        return known
    return sum(_count(connection, one) for one in asked)


def _count(connection: Connection, asked: _Asked) -> int:
    shaped = Shaped(asked.query.type, asked.criteria, (), None, asked.actor.is_territory)
    return int(count_statement(shaped, connection.dialect).run(connection, asked.values).scalar_one())
