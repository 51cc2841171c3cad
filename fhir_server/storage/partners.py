"""Partners added by command, and the keys that sign tokens: small tables that every process shares."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select

from fhir_server.kernel.actor import SYSTEM
from fhir_server.storage.ledgers import partner, signing_key
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_find = select(partner.c.body).where(partner.c.client_id == bindparam("client_id"))
_all = select(partner.c.body).order_by(partner.c.client_id)
_keys = select(signing_key.c.body).order_by(signing_key.c.created_ms.desc(), signing_key.c.kid)


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

    def save(self, client_id: str, body: str) -> None:
        """Add the partner or replace its row."""

        def work(uow: UnitOfWork) -> None:
            uow.connection.execute(delete(partner).where(partner.c.client_id == client_id))
            row = {"client_id": client_id, "body": body, "updated_ms": uow.now_ms}
            uow.connection.execute(insert(partner), row)

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
