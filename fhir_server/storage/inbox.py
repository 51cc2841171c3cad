"""Every message received, whatever became of it, with the answer it got."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fhir_server.storage import audit
from fhir_server.storage.keys import any_of, binds, listed, lists
from fhir_server.storage.ledgers import audit_pending
from fhir_server.storage.ledgers import inbox as table
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import UnitOfWork

#: States: applied (answered AA), refused (AE: the message is at fault), rejected (AR: try the same again later).
#: Waiting: a fragment, kept until the rest of its message comes.
APPLIED, REFUSED, REJECTED, WAITING = "applied", "refused", "rejected", "waiting"


#: Feed, control id, sender, content hash.
Key = tuple[str, str, str, str]


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

    @property
    def key(self) -> Key:
        """What makes it the same message."""
        return self.feed, self.control_id, self.sender, self.content_hash


#: A message with its outcome, and the event that tells of it.
Kept = tuple[Receipt, str | None]

_columns = tuple(table.c[name] for name in Receipt.__dataclass_fields__)
_key = ("feed", "control_id", "sender", "content_hash")
_outcome = ("received_ms", "state", "error", "answer", "effects")


_keys = [table.c[name] for name in _key]
_answers = select(*_keys, table.c.answer).where(table.c.state == APPLIED)
_listed_answers = Prepared(_answers.where(listed(_keys)))
_answer_of = Prepared(_answers.where(any_of(_keys, 1)))


def _upsert(dialect: type[postgresql.Insert] | type[sqlite.Insert]) -> postgresql.Insert | sqlite.Insert:
    """Keep a message; one that was refused before and comes again is the same row with a new outcome."""
    statement = dialect(table).values({name: bindparam(name) for name in (*_key, "message_type", "raw", *_outcome)})
    return statement.on_conflict_do_update(
        index_elements=list(_key), set_={name: statement.excluded[name] for name in _outcome}
    )


_keep = {True: Prepared(_upsert(sqlite.Insert)), False: Prepared(_upsert(postgresql.Insert))}
#: With the event that tells of the message, in one round trip.
_keep_told = Prepared(
    _upsert(postgresql.Insert).add_cte(insert(audit_pending).values(line=bindparam("line")).cte("told"))
)


def answers_given(uow: UnitOfWork, receipts: Sequence[Receipt]) -> dict[Key, bytes]:
    """By their `Receipt.key`, the answers that the same messages got when they were applied before."""
    keys = [receipt.key for receipt in receipts]
    if uow.database.is_sqlite:
        # Of several alternatives at once it would read the whole table.
        rows = [row for key in keys for row in _answer_of.run(uow.opened, binds([key]))]
    else:
        rows = list(_listed_answers.run(uow.opened, lists(keys)))
    return {tuple(row[:4]): row.answer for row in rows}


def keep(uow: UnitOfWork, *kept: Kept) -> None:
    """Store messages with their outcomes, each with the event that tells of it, if there is one."""
    rows = [
        {name: getattr(one, name) for name in (*_key, "message_type", "raw", *_outcome)} | {"line": line}
        for one, line in kept
    ]
    if not uow.database.is_sqlite and all(row["line"] is not None for row in rows):
        _keep_told.run_many(uow.opened, rows)
        return
    _keep[uow.database.is_sqlite].run_many(uow.opened, rows)
    for row in rows:
        if row["line"] is not None:
            audit.keep(uow.opened, row["line"])


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
