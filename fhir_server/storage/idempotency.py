"""Answers kept under the names that partners gave their requests."""

from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from fhir_server.storage.ledgers import idempotency as table
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import UnitOfWork

_NAMES = ("owner", "key", "fingerprint", "answer", "at_ms")
_values: dict[str, Any] = {name: bindparam(name) for name in _NAMES}
_begin = {
    True: Prepared(sqlite.insert(table).values(_values).on_conflict_do_nothing().returning(table.c.key)),
    False: Prepared(postgresql.insert(table).values(_values).on_conflict_do_nothing().returning(table.c.key)),
}
_is_it = (table.c.owner == bindparam("of_owner"), table.c.key == bindparam("of_key"))
_find = Prepared(select(table.c.fingerprint, table.c.answer).where(*_is_it))
_finish = Prepared(update(table).where(*_is_it).values(answer=bindparam("answer")))
_sweep = Prepared(delete(table).where(table.c.at_ms < bindparam("before_ms")))


def begin(uow: UnitOfWork, key: str, fingerprint: str) -> tuple[str, str] | None:
    """Take the actor's key for what this unit of work does; fingerprint and answer when it was taken before.

    One who takes the same key at the same time waits until this unit of work ends.
    """
    row = {"owner": uow.actor.owner, "key": key, "fingerprint": fingerprint, "answer": "", "at_ms": uow.now_ms}
    if _begin[uow.database.is_sqlite].run(uow.connection, row).first() is not None:
        return None
    found = _find.run(uow.connection, {"of_owner": uow.actor.owner, "of_key": key}).one()
    return str(found.fingerprint), str(found.answer)


def finish(uow: UnitOfWork, key: str, answer: str) -> None:
    """Keep the answer under the key that `begin` took."""
    _finish.run(uow.connection, {"of_owner": uow.actor.owner, "of_key": key, "answer": answer})


def sweep(uow: UnitOfWork, before_ms: int) -> int:
    """Forget the keys that were taken before a moment; how many."""
    return _sweep.run(uow.connection, {"before_ms": before_ms}).rowcount
