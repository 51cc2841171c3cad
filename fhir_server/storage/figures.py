"""What figures are counted from: resources as they stood at a moment, a page at a time.

A version stood at a moment if it was written before and its successor was not. What was written before a moment that
is past does not change any more, so neither do these answers. Rows come by keys that grow: memory holds one page.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, bindparam, exists, or_, select, tuple_

from fhir_server.storage.database import Database
from fhir_server.storage.keys import chunks
from fhir_server.storage.ledgers import inbox
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import appointment_index, resource, resource_version, slot_index

#: Rows of a page, and ids of one look-up.
_PAGE = 1000
_AT_ONCE = 200

_version = resource_version
_first = resource_version.alias("first")
_next = resource_version.alias("next")
_typed = {"Slot": slot_index, "Appointment": appointment_index}


class Standing(NamedTuple):
    """A resource as it stood. `first_ms` is when it was first stored, where that was asked for."""

    id: str
    owner: str
    body: str
    first_ms: int = 0


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """A connection whose statements all see what was committed when the first of them started; it takes no lock."""
    connection = database.read()
    begin = "BEGIN" if database.is_sqlite else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    connection.exec_driver_sql(begin)
    try:
        yield connection
    finally:
        connection.exec_driver_sql("ROLLBACK")


def planned(connection: Connection, type_name: str, low_ms: int, high_ms: int, as_of_ms: int) -> Iterator[Standing]:
    """The Slots or Appointments that may start in a period, as they stood: all that did, and some that did not.

    Those that did not change since are found by their start; those that did, by their change.
    """
    values = {"type": type_name, "high": high_ms, "as_of": as_of_ms}
    yield from _pages(connection, _unchanged(_typed[type_name]), values | {"key": low_ms})
    yield from _pages(connection, _changed, values | {"key": as_of_ms})


def written(connection: Connection, type_name: str, low_ms: int, as_of_ms: int) -> Iterator[Standing]:
    """The resources of a type whose last version was written from a moment on, as they stood at another."""
    values = {"type": type_name, "key": low_ms, "as_of": as_of_ms}
    yield from _pages(connection, _written, values)


def received(
    connection: Connection, type_name: str, low_ms: int, high_ms: int, as_of_ms: int
) -> Iterator[tuple[Standing, str]]:
    """The resources of a type first stored in a period, as they stood, each with its first body."""
    values = {"type": type_name, "key": low_ms, "high": high_ms, "as_of": as_of_ms}
    for row in _rows(connection, _received, values):
        yield Standing(row.id, row.owner, row.body, row.key), row.first_body


def of_ids(connection: Connection, type_name: str, ids: Sequence[str], as_of_ms: int) -> dict[str, Standing]:
    """By id, the resources as they stood; those that were not there are left out."""
    found: dict[str, Standing] = {}
    for some in chunks(sorted(set(ids))):
        values = {"type": type_name, "as_of": as_of_ms, **_named(some)}
        found |= {row.id: Standing(row.id, row.owner, row.body) for row in _of_ids().run(connection, values)}
    return found


def ever_booked(connection: Connection, ids: Sequence[str], as_of_ms: int) -> set[str]:
    """Which of these Appointments were booked at some time."""
    found: set[str] = set()
    for some in chunks(sorted(set(ids))):
        found |= set(_booked().run(connection, {"as_of": as_of_ms, **_named(some)}).scalars())
    return found


def message_types(connection: Connection, keys: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """Types of the messages received by feed and control id: `REF^I12`."""
    found: dict[tuple[str, str], str] = {}
    for some in chunks(sorted(set(keys))):
        values = {f"feed{place}": feed for place, (feed, _) in enumerate(_padded(some))}
        values |= {f"control{place}": control for place, (_, control) in enumerate(_padded(some))}
        found |= {(row.feed, row.control_id): row.message_type for row in _messages().run(connection, values)}
    return found


def _pages(connection: Connection, statement: Prepared, values: Mapping[str, Any]) -> Iterator[Standing]:
    for row in _rows(connection, statement, values):
        yield Standing(row.id, row.owner, row.body)


def _rows(connection: Connection, statement: Prepared, values: Mapping[str, Any]) -> Iterator[Any]:
    """Rows of every page. The first page begins at the key given, each other one after the last row."""
    after: Mapping[str, Any] = {"after": -1}
    while True:
        rows = statement.run(connection, {**values, **after, "count": _PAGE}).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        after = {"key": rows[-1].key, "after": rows[-1].place}


def _follows(key: ColumnElement[int], place: ColumnElement[int]) -> ColumnElement[bool]:
    return tuple_(key, place) > tuple_(bindparam("key"), bindparam("after"))


def _stood(table: Any) -> ColumnElement[bool]:
    """Whether a version is what stood at the moment."""
    is_followed = exists().where(
        _next.c.type == table.c.type,
        _next.c.id == table.c.id,
        _next.c.version == table.c.version + 1,
        _next.c.updated_ms < bindparam("as_of"),
    )
    return and_(table.c.updated_ms < bindparam("as_of"), table.c.method != "DELETE", ~is_followed)


@lru_cache(maxsize=2)
def _unchanged(typed: Table) -> Prepared:
    return Prepared(
        select(
            typed.c.start_ms.label("key"), typed.c.pk.label("place"), resource.c.id, resource.c.owner, resource.c.body
        )
        .join(resource, resource.c.pk == typed.c.pk)
        .where(
            _follows(typed.c.start_ms, typed.c.pk),
            typed.c.start_ms < bindparam("high"),
            resource.c.updated_ms < bindparam("as_of"),
        )
        .order_by(typed.c.start_ms, typed.c.pk)
        .limit(bindparam("count"))
    )


def _paged(first: Any, *more: Any) -> Any:
    return select(
        first.c.updated_ms.label("key"),
        first.c.pk.label("place"),
        _version.c.id,
        _version.c.owner,
        _version.c.body,
        *more,
    )


def _in_order(found: Any, first: Any) -> Prepared:
    return Prepared(found.order_by(first.c.updated_ms, first.c.pk).limit(bindparam("count")))


#: The version before each first change since the moment.
_changed = _in_order(
    _paged(_next)
    .select_from(_next)
    .join(
        _version,
        and_(_version.c.type == _next.c.type, _version.c.id == _next.c.id, _version.c.version == _next.c.version - 1),
    )
    .where(
        _next.c.type == bindparam("type"),
        _follows(_next.c.updated_ms, _next.c.pk),
        _next.c.version > 1,
        _version.c.updated_ms < bindparam("as_of"),
        _version.c.method != "DELETE",
    ),
    _next,
)
_written = _in_order(
    _paged(_version).where(
        _version.c.type == bindparam("type"), _follows(_version.c.updated_ms, _version.c.pk), _stood(_version)
    ),
    _version,
)
_received = _in_order(
    _paged(_first, _first.c.body.label("first_body"))
    .select_from(_first)
    .join(_version, and_(_version.c.type == _first.c.type, _version.c.id == _first.c.id))
    .where(
        _first.c.type == bindparam("type"),
        _first.c.version == 1,
        _follows(_first.c.updated_ms, _first.c.pk),
        _first.c.updated_ms < bindparam("high"),
        _stood(_version),
    ),
    _first,
)


@lru_cache(maxsize=1)
def _of_ids() -> Prepared:
    columns = (_version.c.id, _version.c.owner, _version.c.body)
    return Prepared(
        select(*columns).where(_version.c.type == bindparam("type"), _version.c.id.in_(_names()), _stood(_version))
    )


@lru_cache(maxsize=1)
def _booked() -> Prepared:
    # Texts are ours: a member and its value have nothing between them.
    is_booked = or_(
        *(_version.c.body.like(f'%"status":"{status}"%') for status in ("booked", "arrived", "checked-in", "fulfilled"))
    )
    return Prepared(
        select(_version.c.id)
        .distinct()
        .where(
            _version.c.type == "Appointment",
            _version.c.id.in_(_names()),
            _version.c.updated_ms < bindparam("as_of"),
            is_booked,
        )
    )


@lru_cache(maxsize=1)
def _messages() -> Prepared:
    keys = (
        and_(inbox.c.feed == bindparam(f"feed{place}"), inbox.c.control_id == bindparam(f"control{place}"))
        for place in range(_AT_ONCE)
    )
    return Prepared(select(inbox.c.feed, inbox.c.control_id, inbox.c.message_type).where(or_(*keys)))


def _names() -> list[Any]:
    return [bindparam(f"id{place}") for place in range(_AT_ONCE)]


def _named(ids: Sequence[str]) -> dict[str, str]:
    return {f"id{place}": id_ for place, id_ in enumerate(_padded(ids))}


def _padded(keys: Sequence[Any]) -> list[Any]:
    """As many keys as the one statement asks for, the last of them again and again."""
    return [*keys, *[keys[-1]] * (_AT_ONCE - len(keys))]
