"""Access, as all processes share it: news of what changed, assertions used, secrets guessed at."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, delete, insert, select, text

from fhir_server.auth.changes import Change
from fhir_server.auth.throttle import Wrongs, counted
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage.ledgers import access_change, used_assertion, wrong_secret
from fhir_server.storage.statement import Prepared
from fhir_server.storage.unit_of_work import Store, UnitOfWork

#: How often what nobody needs any more is deleted, by each process.
_PURGE_MS = 60_000

_since = Prepared(
    select(access_change.c.pk, access_change.c.kind, access_change.c.subject, access_change.c.until_ms)
    .where(access_change.c.pk > bindparam("seen"))
    .order_by(access_change.c.pk)
)
_use = text(
    "INSERT INTO used_assertion (client_id, jti_hash, until_ms) VALUES (:client_id, :jti_hash, :until_ms)"
    " ON CONFLICT DO NOTHING"
)
_wrongs = Prepared(
    select(wrong_secret.c.count.label("so_far"), wrong_secret.c.until_ms).where(
        wrong_secret.c.client_id == bindparam("client_id")
    )
)


@dataclass(frozen=True, slots=True)
class ChangeTable:
    """What every process must know at once."""

    store: Store

    def since(self, pk: int) -> Sequence[Change]:
        """Everything told after that row, in the order of commit."""
        return [
            Change(row.pk, row.kind, row.subject, row.until_ms) for row in _since.run(self.store.read(), {"seen": pk})
        ]

    def add(self, kind: str, subject: str, until_ms: int) -> None:
        """Keep one piece of news; committed on return."""
        self.store.transact(SYSTEM, lambda uow: tell(uow, kind, subject, until_ms))


def tell(uow: UnitOfWork, kind: str, subject: str, until_ms: int) -> None:
    """As `ChangeTable.add`, inside a unit of work; what nobody needs to know any more goes."""
    # One at a time: numbers given in another order than that of the commits would let a process miss one.
    uow.lock("access-change")
    row = {"kind": kind, "subject": subject, "until_ms": until_ms}
    told = uow.connection.execute(insert(access_change).returning(access_change.c.pk), row).scalar_one()
    # The newest stays: SQLite would give its number again.
    past = (access_change.c.until_ms < uow.now_ms) & (access_change.c.pk < told)
    uow.connection.execute(delete(access_change).where(past))


@dataclass(slots=True)
class UsedAssertionTable:
    """Assertions that were shown."""

    store: Store
    _purged_ms: int = field(default=0, init=False)

    def use(self, client_id: str, jti_hash: str, until_ms: int) -> bool:
        """Note one, to be remembered until then; False when it was noted before."""
        row = {"client_id": client_id, "jti_hash": jti_hash, "until_ms": until_ms}

        def work(uow: UnitOfWork) -> bool:
            if uow.now_ms - self._purged_ms > _PURGE_MS:
                self._purged_ms = uow.now_ms
                uow.connection.execute(delete(used_assertion).where(used_assertion.c.until_ms < uow.now_ms))
            return uow.connection.execute(_use, row).rowcount == 1

        return self.store.transact(SYSTEM, work)


@dataclass(frozen=True, slots=True)
class WrongSecretTable:
    """Wrong secrets of each client."""

    store: Store

    def find(self, client_id: str) -> Wrongs | None:
        """What is counted against a client."""
        return _counted_against(self.store.read(), client_id)

    def note(self, client_id: str, now_ms: int) -> None:
        """Count one more."""

        def work(uow: UnitOfWork) -> None:
            uow.lock(f"wrong-secret|{client_id}")
            after = counted(_counted_against(uow.connection, client_id), now_ms)
            uow.connection.execute(delete(wrong_secret).where(wrong_secret.c.client_id == client_id))
            uow.connection.execute(
                insert(wrong_secret), {"client_id": client_id, "count": after.count, "until_ms": after.until_ms}
            )

        self.store.transact(SYSTEM, work)

    def clear(self, client_id: str) -> None:
        """Forget them: the right one was given."""
        remove = delete(wrong_secret).where(wrong_secret.c.client_id == client_id)
        self.store.transact(SYSTEM, lambda uow: uow.connection.execute(remove) and None)


def _counted_against(connection: Connection, client_id: str) -> Wrongs | None:
    row = _wrongs.run(connection, {"client_id": client_id}).first()
    return None if row is None else Wrongs(row.so_far, row.until_ms)
