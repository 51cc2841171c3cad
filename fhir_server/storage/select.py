"""Searches run: a Query and who asks become a page of stored resources.

What the actor may not see is no match, no include, and no link of a chain (promise 7 of the architecture).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from fhir_server.kernel.actor import Actor
from fhir_server.search import cursor
from fhir_server.search.model import Position, Query
from fhir_server.search.query import query_identity
from fhir_server.storage.select_build import Shaped, count_statement, page_statement
from fhir_server.storage.select_includes import Step, applies, include_statement
from fhir_server.storage.select_shape import describe, describe_position

#: Included resources a page may carry, and steps from a match to one of them.
MAX_INCLUDED, MAX_STEPS = 1000, 8

#: Columns of a row before its row key.
_BODY_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A resource as an answer shows it."""

    type: str
    id: str
    version: int
    updated_ms: int
    #: JSON text, ready to be spliced.
    body: str


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


def run(connection: Connection, query: Query, actor: Actor) -> Page:
    """The page of matches that the query asks for, of what the actor may see."""
    criteria, binds = describe(query)
    values: dict[str, Any] = {f"p{number}": value for number, value in enumerate(binds)}
    values["owner"] = actor.owner
    sort = tuple((key.parameter.code, key.is_descending) for key in query.sort)
    if query.count == 0:
        return Page(
            [], [], None, _count(connection, Shaped(query.type, criteria, (), None, actor.is_territory), values)
        )
    position, place = describe_position(query.after)
    shaped = Shaped(query.type, criteria, sort, position, actor.is_territory)
    page_values = values | {f"p{len(binds) + number}": value for number, value in enumerate(place)}
    found = page_statement(shaped, connection.dialect).run(connection, page_values | {"limit": query.count + 1}).all()
    matches = found[: query.count]
    total = _total(connection, query, shaped, values, found)
    included, is_cut = _included(connection, query, actor, matches)
    return Page([Row(*row[:_BODY_COLUMNS]) for row in matches], included, _next(query, found), total, is_cut)


def _next(query: Query, found: Sequence[Any]) -> str | None:
    if len(found) <= query.count:
        return None
    pk, *keys = found[query.count - 1][_BODY_COLUMNS:]
    return cursor.write(query_identity(query), Position(tuple(keys), pk))


def _total(
    connection: Connection, query: Query, shaped: Shaped, values: dict[str, Any], found: Sequence[Any]
) -> int | None:
    if query.after is None and len(found) <= query.count:
        return len(found)
    if query.total == "none":
        return None
    return _count(connection, Shaped(shaped.type, shaped.criteria, (), None, shaped.sees_all), values)


def _count(connection: Connection, shaped: Shaped, values: dict[str, Any]) -> int:
    return int(count_statement(shaped, connection.dialect).run(connection, values).scalar_one())


def _included(connection: Connection, query: Query, actor: Actor, matches: Sequence[Any]) -> tuple[list[Row], bool]:
    """What the includes lead to, step by step, each resource once; and whether more was left behind."""
    seen = {row[_BODY_COLUMNS] for row in matches}
    included: list[Row] = []
    front, types = sorted(seen), frozenset({query.type})
    for number in range(MAX_STEPS + 1):
        wanted = tuple(
            include for include in query.includes if (include.is_iterated or number == 0) and applies(include, types)
        )
        if not wanted or not front:
            return included, False
        room = MAX_INCLUDED - len(included) + len(seen)
        statement = include_statement(Step(wanted, actor.is_territory), connection.dialect)
        rows = statement.run(connection, {"pks": front, "owner": actor.owner, "limit": room + 1}).all()
        fresh = [row for row in rows if row[_BODY_COLUMNS] not in seen]
        if number == MAX_STEPS or len(included) + len(fresh) > MAX_INCLUDED:
            return included + [Row(*row[:_BODY_COLUMNS]) for row in fresh[: MAX_INCLUDED - len(included)]], True
        included.extend(Row(*row[:_BODY_COLUMNS]) for row in fresh)
        front = [row[_BODY_COLUMNS] for row in fresh]
        types = frozenset(row[0] for row in fresh)
        seen.update(front)
    raise AssertionError("unreachable: the last step returns")
