"""Partners added or suspended by command, and the keys that sign tokens: small tables that every process shares.

What is changed here is told to every process in the same commit; `auth.changes` says when they all know.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select

from fhir_server.auth.changes import KEPT_MS, KEY, PARTNER
from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage.access import tell
from fhir_server.storage.ledgers import partner, partner_suspension, signing_key
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_find = select(partner.c.body).where(partner.c.client_id == bindparam("client_id"))
_all = select(partner.c.body).order_by(partner.c.client_id)
_suspended = select(partner_suspension.c.client_id)
_is_suspended = _suspended.where(partner_suspension.c.client_id == bindparam("client_id"))
_keys = select(signing_key.c.body).order_by(signing_key.c.created_ms.desc(), signing_key.c.kid)
_ages = select(signing_key.c.kid, signing_key.c.created_ms).order_by(signing_key.c.created_ms.desc(), signing_key.c.kid)


@dataclass(frozen=True, slots=True)
class PartnerTable:
    """Rows of partners added by command."""

    store: Store

    def find(self, client_id: str) -> str | None:
        """The partner's row as JSON; None when no command added it."""
        return self.store.read().execute(_find, {"client_id": client_id}).scalar()

    def load(self) -> Sequence[str]:
        """Every partner's row as JSON, by client id."""
        return self.store.read().execute(_all).scalars().all()

    def is_suspended(self, client_id: str) -> bool:
        """Whether a partner, of a row or a file, is let in no more."""
        return self.store.read().execute(_is_suspended, {"client_id": client_id}).first() is not None

    def suspended(self) -> frozenset[str]:
        """Every client id that was suspended by command."""
        return frozenset(self.store.read().execute(_suspended).scalars())

    def save(self, client_id: str, body: str) -> None:
        """Add the partner or replace its row."""

        def work(uow: UnitOfWork) -> None:
            uow.connection.execute(delete(partner).where(partner.c.client_id == client_id))
            row = {"client_id": client_id, "body": body, "updated_ms": uow.now_ms}
            uow.connection.execute(insert(partner), row)
            tell(uow, PARTNER, client_id, uow.now_ms + KEPT_MS)

        self.store.transact(SYSTEM, work)

    def suspend(self, client_id: str, *, is_suspended: bool) -> None:
        """Let a partner in no more, or again."""

        def work(uow: UnitOfWork) -> None:
            uow.connection.execute(delete(partner_suspension).where(partner_suspension.c.client_id == client_id))
            if is_suspended:
                row = {"client_id": client_id, "since_ms": uow.now_ms}
                uow.connection.execute(insert(partner_suspension), row)
            tell(uow, PARTNER, client_id, uow.now_ms + KEPT_MS)

        self.store.transact(SYSTEM, work)

    def remove(self, client_id: str) -> None:
        """Forget the partner; what it wrote stays its own."""

        def work(uow: UnitOfWork) -> None:
            uow.connection.execute(delete(partner).where(partner.c.client_id == client_id))
            uow.connection.execute(delete(partner_suspension).where(partner_suspension.c.client_id == client_id))
            tell(uow, PARTNER, client_id, uow.now_ms + KEPT_MS)

        self.store.transact(SYSTEM, work)


@dataclass(frozen=True, slots=True)
class KeyTable:
    """Private JWKs that sign access tokens."""

    store: Store

    def list(self) -> Sequence[str]:
        """Every key as a private JWK in JSON, newest first."""
        return self.store.read().execute(_keys).scalars().all()

    def add_first(self, kid: str, body: str) -> None:
        """Keep a key unless there is one already: the first of several starting processes wins."""

        def work(uow: UnitOfWork) -> None:
            uow.lock("signing-key")
            if uow.connection.execute(_keys).first() is None:
                uow.connection.execute(insert(signing_key), {"kid": kid, "body": body, "created_ms": uow.now_ms})

        self.store.transact(SYSTEM, work)

    def rotate(self, kid: str, body: str, keep_ms: int) -> Sequence[str]:
        """Add a key that signs from now on, and drop those that have not signed for that long; the ids dropped."""

        def work(uow: UnitOfWork) -> Sequence[str]:
            uow.lock("signing-key")
            rows = uow.connection.execute(_ages).all()
            # A key is out of use since the next one came: the newest of all has none yet.
            since = [uow.now_ms, *(row.created_ms for row in rows)]
            dropped = [row.kid for row, replaced in zip(rows, since, strict=False) if replaced <= uow.now_ms - keep_ms]
            uow.connection.execute(delete(signing_key).where(signing_key.c.kid.in_(dropped)))
            newest = max([uow.now_ms, *(row.created_ms + 1 for row in rows)])
            uow.connection.execute(insert(signing_key), {"kid": kid, "body": body, "created_ms": newest})
            tell(uow, KEY, kid, uow.now_ms + KEPT_MS)
            return dropped

        return self.store.transact(SYSTEM, work)

    def ages(self) -> Sequence[tuple[str, int]]:
        """Id and time of making of every key, newest first."""
        return [(row.kid, row.created_ms) for row in self.store.read().execute(_ages)]
