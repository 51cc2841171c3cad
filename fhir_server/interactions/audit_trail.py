"""The audit trail as a FHIR type: its events are read and searched as AuditEvents, by auditors alone.

Every parameter of AuditEvent is answered by the matcher of `search.match`, from the events as they are told. Those that
the tables know narrow the look at the trail before.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from fhir_server.audit.render import audit_event
from fhir_server.interactions.visibility import absent
from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.search_params import parameters
from fhir_server.search import cursor
from fhir_server.search.match import matches
from fhir_server.search.model import AnyOf, Clause, Criterion, Position, Query, SortKey, Span, Target, Token
from fhir_server.search.query import query_identity
from fhir_server.storage import audit, seals
from fhir_server.storage.audit import Limits, Sealed
from fhir_server.storage.resources import Stored
from fhir_server.storage.select import Page
from fhir_server.storage.select_rows import Row
from fhir_server.storage.unit_of_work import Store

TYPE = "AuditEvent"
#: Events that one page looks through; one that finds fewer matches than asked for has a next page nevertheless.
STEPS = 10_000
#: Events that a search looks through which is asked for its number of matches.
_MOST_COUNTED = 200_000
_AT_ONCE = 500
_ORDER = SortKey(parameters(TYPE)["date"], is_descending=False)
#: What the order of the trail is: time.
_ORDERS = frozenset({"date", "_lastUpdated"})


class _Look(NamedTuple):
    """Matches along the trail."""

    rows: list[Row]
    #: Time and number of the last event looked at, when there are more.
    after: tuple[int, int] | None


def read(store: Store, actor: Actor, id_: str) -> Stored:
    """The event of that number. Raises FhirError (NOT_FOUND) for who is no auditor, and when there is none."""
    is_number = id_.isascii() and id_.isdigit() and id_[0] != "0" and len(id_) < len(str(1 << 63))
    row = audit.find(store.read(), int(id_)) if actor.is_auditor and is_number else None
    if row is None:
        raise absent(TYPE, id_)
    return Stored(0, TYPE, id_, 1, row.at_ms, False, "system", row.at_ms, _body(row))


def search(store: Store, actor: Actor, query: Query) -> Page:
    """One page of the events that the query asks for; nobody but an auditor finds any.

    Raises FhirError: INVALID for another order than by time, VALUE for a foreign cursor, TOO_COSTLY for a number of
    matches that takes too long to count.
    """
    if not actor.is_auditor:
        return Page([], [], None, 0)
    is_descending = _is_descending(query)
    connection = store.read()
    place = _opened(connection, actor, query)
    if query.count == 0:
        return Page([], [], None, _count(connection, query))
    look = _along(connection, query, place, is_descending, query.count, STEPS)
    following = None if look.after is None else _sealed(connection, actor, query, look.after)
    total = len(look.rows) if look.after is None and place is None else None
    if total is None and query.total == "accurate":
        total = _count(connection, query)
    return Page(look.rows, [], following, total)


def _count(connection: Connection, query: Query) -> int:
    look = _along(connection, query, None, False, _MOST_COUNTED, _MOST_COUNTED)
    if look.after is not None:
        raise fault(Category.TOO_COSTLY, "There are too many events to count: narrow the search by date.", "_total")
    return len(look.rows)


def _along(
    connection: Connection,
    query: Query,
    place: tuple[int, int] | None,
    is_descending: bool,
    count: int,
    steps: int,
) -> _Look:
    """The next matches behind a place, of so many events at most."""
    found: list[Row] = []
    limits = limits_of(query.criteria)
    for _ in range(0, steps, _AT_ONCE):
        rows = audit.page(connection, limits, place, _AT_ONCE + 1, is_descending=is_descending)
        for row in rows[:_AT_ONCE]:
            if len(found) == count:
                return _Look(found, place)
            place = row.at_ms, row.number
            event = audit_event(row.number, row.event)
            if matches(query, event, lambda _type, _id: None):
                found.append(Row(TYPE, str(row.number), 1, row.at_ms, json.encode(event).decode()))
        if len(rows) <= _AT_ONCE:
            return _Look(found, None)
    return _Look(found, place)


def limits_of(criteria: tuple[Clause, ...]) -> Limits:
    """What the tables can tell beforehand: never less than what meets all the criteria."""
    limits = Limits()
    for clause in criteria:
        if isinstance(clause, AnyOf) and len(clause.clauses) == 1:
            clause = clause.clauses[0]
        if isinstance(clause, Criterion) and not clause.modifier:
            limits = _narrowed(limits, clause)
    return limits


def _narrowed(limits: Limits, criterion: Criterion) -> Limits:
    code, values = criterion.parameter.code, criterion.values
    first = values[0]
    if code in _ORDERS and len(values) == 1 and isinstance(first, Span):
        return _during(limits, first)
    if code == "_id" and len(values) == 1 and isinstance(first, Token) and (first.code or "").isdigit():
        return replace(limits, number=min(int(first.code or 0), (1 << 63) - 1))
    if code == "altid" and len(values) == 1 and isinstance(first, Token) and first.code:
        return replace(limits, owner=first.code)
    if code in ("entity", "patient"):
        targets = tuple(_targets(criterion, code))
        return replace(limits, references=(*limits.references, targets)) if targets else limits
    return limits


def _targets(criterion: Criterion, code: str) -> Iterator[str]:
    """`Type/id` of what is asked for; none when one of them is known by its id alone."""
    found: list[str] = []
    for value in criterion.values:
        type_name = value.type if isinstance(value, Target) else None
        type_name = type_name or ("Patient" if code == "patient" else None)
        if not isinstance(value, Target) or not type_name:
            return
        found.append(f"{type_name}/{value.id}")
    yield from found


def _during(limits: Limits, span: Span) -> Limits:
    """Events are instants: they start and end in the same millisecond."""
    if span.prefix in ("eq", "ap"):
        return replace(limits, since_ms=max(limits.since_ms, span.low), until_ms=min(limits.until_ms, span.high))
    if span.prefix in ("gt", "ge", "sa"):
        return replace(limits, since_ms=max(limits.since_ms, span.low))
    if span.prefix in ("lt", "le", "eb"):
        return replace(limits, until_ms=min(limits.until_ms, span.high))
    return limits


def _is_descending(query: Query) -> bool:
    if not query.sort:
        return False
    if len(query.sort) > 1 or query.sort[0].parameter.code not in _ORDERS:
        raise fault(Category.INVALID, "The audit trail is sorted by date, or by -date.", "_sort")
    return query.sort[0].is_descending


def _body(row: Sealed) -> str:
    return json.encode(audit_event(row.number, row.event)).decode()


def _bound_to(actor: Actor, query: Query) -> str:
    return f"{actor.owner}\n{query_identity(query)}"


def _opened(connection: Connection, actor: Actor, query: Query) -> tuple[int, int] | None:
    if not query.cursor:
        return None
    position = cursor.read(seals.every(connection), _bound_to(actor, query), query.cursor, (_ORDER,))
    return int(position.keys[0] or 0), position.pk


def _sealed(connection: Connection, actor: Actor, query: Query, after: tuple[int, int]) -> str:
    return cursor.write(seals.newest(connection), _bound_to(actor, query), Position((after[0],), after[1]))
