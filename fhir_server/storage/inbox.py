"""Every message received, whatever became of it, with the answer it got."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fhir_server.storage.ledgers import inbox as table
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import UnitOfWork

#: States: applied (answered AA), refused (AE: the message is at fault), rejected (AR: try the same again later).
#: Waiting: a fragment, kept until the rest of its message comes.
APPLIED, REFUSED, REJECTED, WAITING = "applied", "refused", "rejected", "waiting"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One message received: who sent it, what became of it, what was answered."""

    feed: str
    #: MSH-3 and MSH-4 as sent.
    sender: str
    #: MSH-10.
    control_id: str
    #: SHA-256 of the message without MSH-7, in hexadecimal.
    content_hash: str
    #: `SIU^S12`.
    message_type: str
    received_ms: int
    state: str
    error: str | None
    raw: bytes
    answer: bytes
    #: `Type/id/_history/version` of each resource written, one a line.
    effects: str
    pk: int = 0


_columns = tuple(table.c[name] for name in Receipt.__dataclass_fields__)
_answered = Prepared(
    select(table.c.answer).where(
        table.c.feed == bindparam("feed"),
        table.c.sender == bindparam("sender"),
        table.c.control_id == bindparam("control_id"),
        table.c.content_hash == bindparam("content_hash"),
        table.c.state == APPLIED,
    )
)
_key = ("feed", "control_id", "sender", "content_hash")
_outcome = ("received_ms", "state", "error", "answer", "effects")


def _upsert(dialect: type[postgresql.Insert] | type[sqlite.Insert]) -> postgresql.Insert | sqlite.Insert:
    """Keep a message; one that was refused before and comes again is the same row with a new outcome."""
    statement = dialect(table).values({name: bindparam(name) for name in (*_key, "message_type", "raw", *_outcome)})
    return statement.on_conflict_do_update(
        index_elements=list(_key), set_={name: statement.excluded[name] for name in _outcome}
    )


_keep = {True: Prepared(_upsert(sqlite.Insert)), False: Prepared(_upsert(postgresql.Insert))}


def answer_given(uow: UnitOfWork, feed: str, sender: str, control_id: str, content_hash: str) -> bytes | None:
    """The answer that the same message got when it was applied before; None when it never was."""
    key = {"feed": feed, "sender": sender, "control_id": control_id, "content_hash": content_hash}
    return _answered.run(uow.connection, key).scalar()


def keep(uow: UnitOfWork, receipt: Receipt) -> None:
    """Store the message with its outcome."""
    row = {name: getattr(receipt, name) for name in (*_key, "message_type", "raw", *_outcome)}
    _keep[uow.database.is_sqlite].run(uow.connection, row)


def find(uow: UnitOfWork, pk: int) -> Receipt | None:
    """One message by its number."""
    row = uow.connection.execute(select(*_columns).where(table.c.pk == pk)).first()
    return None if row is None else Receipt(*tuple(row))


def named(uow: UnitOfWork, feed: str, control_id: str) -> Sequence[Receipt]:
    """The messages of a feed with that MSH-10, in the order they came; senders use some more than once."""
    statement = select(*_columns).where(table.c.feed == feed, table.c.control_id == control_id).order_by(table.c.pk)
    return [Receipt(*tuple(row)) for row in uow.connection.execute(statement)]


def waiting(uow: UnitOfWork, feed: str, sender: str, pointer: str, since_ms: int) -> Receipt | None:
    """The newest fragment of that sender that waits for the one its `effects`, the pointer, name."""
    statement = (
        select(*_columns)
        .where(table.c.state == WAITING, table.c.feed == feed, table.c.sender == sender, table.c.effects == pointer)
        .where(table.c.received_ms >= since_ms)
        .order_by(table.c.pk.desc())
        .limit(1)
    )
    row = uow.connection.execute(statement).first()
    return None if row is None else Receipt(*tuple(row))


def settle(uow: UnitOfWork, numbers: Sequence[int], effects: str) -> None:
    """Fragments whose message was applied: what it wrote was theirs too."""
    uow.connection.execute(update(table).where(table.c.pk.in_(numbers)).values(state=APPLIED, effects=effects))


def list_receipts(uow: UnitOfWork, *, state: str | None = None, count: int = 100) -> Sequence[Receipt]:
    """The newest messages, of one state if named."""
    statement = select(*_columns).order_by(table.c.pk.desc()).limit(count)
    if state is not None:
        statement = statement.where(table.c.state == state)
    return [Receipt(*tuple(row)) for row in uow.connection.execute(statement)]
