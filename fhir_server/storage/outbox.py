"""What must leave the house: written with the change that caused it, claimed later by dispatchers, in order per
stream.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, insert, select, update

from fhir_server.storage.ledgers import outbox as table
from fhir_server.storage.resources import Stored
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import UnitOfWork

#: States of a delivery.
WAITING, DELIVERED, DEAD, DROPPED = "waiting", "delivered", "dead", "dropped"
#: The event of a message's own answer, told in an exchange of ours.
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One thing to tell one destination."""

    pk: int
    destination: str
    stream: str
    event: str
    type: str
    id: str
    version: int
    state: str
    attempts: int
    due_ms: int
    payload: bytes | None
    error: str | None
    created_ms: int
    updated_ms: int


_columns = tuple(table.c[name] for name in Delivery.__dataclass_fields__)
_earlier = table.alias("earlier")
#: A delivery waits while an older one of its stream to its destination has not left: `dead` ones keep the order too.
_is_first = ~exists().where(
    and_(
        _earlier.c.destination == table.c.destination,
        _earlier.c.stream == table.c.stream,
        _earlier.c.pk < table.c.pk,
        _earlier.c.state.in_((WAITING, DEAD)),
    )
)
_due = (
    select(*_columns)
    .where(
        table.c.state == WAITING,
        table.c.due_ms <= bindparam("now"),
        table.c.leased_until_ms <= bindparam("now"),
        _is_first,
    )
    .order_by(table.c.due_ms, table.c.pk)
    .limit(bindparam("count"))
    .with_for_update(skip_locked=True, of=table)
)
_lease = update(table).where(table.c.pk == bindparam("of_pk")).values(leased_until_ms=bindparam("until"))
_release = update(table).where(table.c.pk.in_(bindparam("pks", expanding=True))).values(leased_until_ms=0)
_postpone = (
    update(table)
    .where(table.c.pk.in_(bindparam("pks", expanding=True)))
    .values(leased_until_ms=0, due_ms=bindparam("due"))
)
_keep_payload = update(table).where(table.c.pk == bindparam("of_pk")).values(payload=bindparam("bytes"))
_finish = (
    update(table)
    .where(table.c.pk == bindparam("of_pk"))
    .values(
        state=bindparam("to_state"),
        attempts=bindparam("tried"),
        due_ms=bindparam("due"),
        leased_until_ms=0,
        error=bindparam("why"),
        updated_ms=bindparam("now"),
    )
)
_OWED = ("destination", "stream", "event", "type", "id", "version", "state", "attempts", "due_ms", "leased_until_ms")
_TIMES = ("created_ms", "updated_ms")
#: Above every number of a delivery.
_LAST = 2**62
_earlier_of = Prepared(
    select(table.c.pk)
    .where(table.c.destination == bindparam("to"), table.c.stream == bindparam("of"), table.c.pk < bindparam("before"))
    .limit(1)
)
_insert = Prepared(insert(table).values({name: bindparam(name) for name in (*_OWED, *_TIMES)}))
_insert_payload = Prepared(insert(table).values({name: bindparam(name) for name in (*_OWED, *_TIMES, "payload")}))


def add(uow: UnitOfWork, destination: str, event: str, stored: Stored, *, stream: str = "") -> None:
    """Owe `destination` the news of `event` about this version of a resource, in order with its `stream`.

    Without a stream that is the resource's own.
    """
    owed = {"stream": stream or stored.reference, "type": stored.type, "id": stored.id, "version": stored.version}
    _insert.run(uow.opened, _waiting(uow, destination, event) | owed)


def add_answer(uow: UnitOfWork, destination: str, control_id: str, payload: bytes) -> None:
    """Owe `destination` the answer to its message of that control id, in these very bytes."""
    owed = {"stream": f"Message/{control_id}", "type": "Message", "id": control_id[:64], "version": 0}
    row = _waiting(uow, destination, ANSWER) | owed | {"payload": payload}
    _insert_payload.run(uow.opened, row)


def _waiting(uow: UnitOfWork, destination: str, event: str) -> dict[str, Any]:
    return {
        "destination": destination,
        "event": event,
        "state": WAITING,
        "attempts": 0,
        "due_ms": uow.now_ms,
        "leased_until_ms": 0,
        "created_ms": uow.now_ms,
        "updated_ms": uow.now_ms,
    }


def has_earlier(connection: Connection, destination: str, stream: str, before: int | None = None) -> bool:
    """Whether the destination was owed news of that stream, be it given up: ever, or before delivery `before`."""
    asked = {"to": destination, "of": stream, "before": _LAST if before is None else before}
    return _earlier_of.run(connection, asked).first() is not None


def lease(uow: UnitOfWork, *, count: int, lease_ms: int) -> list[Delivery]:
    """Take at most `count` due deliveries, the first of their streams, for `lease_ms` milliseconds."""
    deliveries = [Delivery(*tuple(row)) for row in uow.connection.execute(_due, {"now": uow.now_ms, "count": count})]
    if deliveries:
        rows = [{"of_pk": delivery.pk, "until": uow.now_ms + lease_ms} for delivery in deliveries]
        uow.connection.execute(_lease, rows)
    return deliveries


def release(uow: UnitOfWork, pks: Sequence[int]) -> None:
    """Give leased deliveries back untried."""
    uow.connection.execute(_release, {"pks": list(pks)})


def postpone(uow: UnitOfWork, pks: Sequence[int], due_ms: int) -> None:
    """Give leased deliveries back untried, for a later moment."""
    uow.connection.execute(_postpone, {"pks": list(pks), "due": due_ms})


def keep_payload(uow: UnitOfWork, pk: int, payload: bytes) -> None:
    """Remember the bytes that are about to be sent, so that every resend repeats them."""
    uow.connection.execute(_keep_payload, {"of_pk": pk, "bytes": payload})


def finish(uow: UnitOfWork, delivery: Delivery, state: str, *, due_ms: int = 0, error: str | None = None) -> None:
    """Record the outcome of one attempt: delivered, waiting for another at `due_ms`, or dead."""
    uow.connection.execute(
        _finish,
        {
            "of_pk": delivery.pk,
            "to_state": state,
            "tried": delivery.attempts + 1,
            "due": due_ms,
            "why": error,
            "now": uow.now_ms,
        },
    )


def list_deliveries(uow: UnitOfWork, *, state: str | None = None, count: int = 100) -> Sequence[Delivery]:
    """The newest deliveries, of one state if named."""
    statement = select(*_columns).order_by(table.c.pk.desc()).limit(count)
    if state is not None:
        statement = statement.where(table.c.state == state)
    return [Delivery(*tuple(row)) for row in uow.connection.execute(statement)]


def resolve(uow: UnitOfWork, pks: Sequence[int], state: str) -> int:
    """An operator's word on dead or waiting deliveries: try again now (`waiting`) or never (`dropped`). How many
    changed.
    """
    statement = (
        update(table)
        .where(table.c.pk.in_(pks), table.c.state.in_((WAITING, DEAD)))
        .values(state=state, due_ms=uow.now_ms, leased_until_ms=0, attempts=0, updated_ms=uow.now_ms)
    )
    return uow.connection.execute(statement).rowcount
