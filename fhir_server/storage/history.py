"""The history: versions of one resource, of one type or of all, newest first, a page at a time.

A page is found from a place in the order, so that a deep one costs what the first does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, tuple_

from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import Interval
from fhir_server.search.model import Position
from fhir_server.storage.select_scope import allowed, binds, buried, kept_apart, visible
from fhir_server.storage.tables import resource_version as versions

#: Versions of more than one resource that are counted: a total beyond is left out of the answer.
MAX_COUNTED = 1000

_successor = versions.alias("successor")


@dataclass(frozen=True, slots=True)
class Window:
    """Which versions are asked for."""

    #: None for every type of `types`.
    type: str | None
    id: str | None
    types: tuple[str, ...] = ()
    #: The first millisecond of `_since`.
    since_ms: int | None = None
    #: Versions that were current at some time of it.
    at: Interval | None = None
    #: When it is asked, in epoch milliseconds: what is kept until a later moment is not told.
    asked_ms: int = 0


def page(
    connection: Connection, window: Window, actor: Actor, after: Position | None, count: int
) -> Sequence[Row[Any]]:
    """At most `count` versions that the actor may see, newest first, older than the place `after`."""
    if window.type is None:
        found = [row for one in _of_each_type(window) for row in page(connection, one, actor, after, count)]
        return sorted(found, key=lambda row: (row.updated_ms, row.pk), reverse=True)[:count]
    key = order_column(window)
    conditions = _conditions(window, actor)
    if after is not None:
        conditions.append(tuple_(key, versions.c.pk) < tuple_(after.keys[0], after.pk))
    asked = select(versions).where(*conditions).order_by(key.desc(), versions.c.pk.desc()).limit(count)
    return connection.execute(asked, binds(actor, window.asked_ms)).all()


def total(connection: Connection, window: Window, actor: Actor) -> int | None:
    """How many versions there are; None when they are more than it is worth to count."""
    if window.type is None:
        return _sum_of(total(connection, one, actor) for one in _of_each_type(window))
    some = select(versions.c.pk).where(*_conditions(window, actor))
    if window.id is None:
        some = some.limit(MAX_COUNTED + 1)
    counted = select(func.count()).select_from(some.subquery())
    found: int = connection.execute(counted, binds(actor, window.asked_ms)).scalar_one()
    return found if found <= MAX_COUNTED or window.id is not None else None


def order_column(window: Window) -> ColumnElement[int]:
    """What orders the versions: of one resource their number, else their time."""
    return versions.c.updated_ms if window.id is None else versions.c.version


def _of_each_type(window: Window) -> list[Window]:
    """Many versions of one type never stand in the way of the few of another."""
    return [replace(window, type=name) for name in window.types]


def _sum_of(totals: Iterable[int | None]) -> int | None:
    found = 0
    for one in totals:
        if one is None or found + one > MAX_COUNTED:
            return None
        found += one
    return found


def _conditions(window: Window, actor: Actor) -> list[ColumnElement[bool]]:
    conditions = visible(versions, window.type, actor.is_territory) + kept_apart(versions, window.type)
    conditions += allowed(versions, window.type, actor.is_territory)
    conditions += buried(versions, window.type, actor.is_territory)
    conditions.append(versions.c.type == window.type)
    if window.id is not None:
        conditions.append(versions.c.id == window.id)
    if window.since_ms is not None:
        conditions.append(versions.c.updated_ms >= window.since_ms)
    if window.at is not None:
        conditions.append(_was_current(window.at))
    return conditions


def _was_current(at: Interval) -> ColumnElement[bool]:
    """Made before the period's end and not replaced before its start; of what was gone by then, nothing."""
    was_replaced = exists().where(
        _successor.c.type == versions.c.type,
        _successor.c.id == versions.c.id,
        _successor.c.version == versions.c.version + 1,
        _successor.c.updated_ms <= at.low,
    )
    was_there = or_(versions.c.method != "DELETE", versions.c.updated_ms >= at.low)
    return and_(versions.c.updated_ms < at.high, ~was_replaced, was_there)
