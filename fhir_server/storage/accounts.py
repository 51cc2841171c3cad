"""Accounts of SAS regulators: found by their identifiers and e-mail addresses, apart from every catalogue."""

from collections.abc import Iterable
from functools import lru_cache

from sqlalchemy import Connection, literal_column, select

from fhir_server.registry.resources import REGULATORS
from fhir_server.search.folding import fold_code
from fhir_server.storage import resources
from fhir_server.storage.keys import any_of, binds
from fhir_server.storage.resources import Stored
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import resource, token_index
from fhir_server.storage.unit_of_work import UnitOfWork

#: Parameter, code and system, as the token index has them.
Key = tuple[str, str, str]

TYPE = "Practitioner"

_is_account = resource.c.owner == literal_column(f"'{REGULATORS}'")
_all = Prepared(
    select(resource.c.id)
    .where(_is_account, resource.c.type == literal_column(f"'{TYPE}'"), resource.c.deleted.is_(False))
    .order_by(resource.c.pk)
)


def by_identifier(system: str, value: str) -> Key:
    """The key of who has that identifier."""
    return f"{TYPE}.identifier", value, system


def by_email(address: str) -> Key:
    """The key of who has that address, whatever its case."""
    return f"{TYPE}.email", fold_code(address), ""


def holders(uow: UnitOfWork, keys: Iterable[Key]) -> list[Stored]:
    """The accounts that carry one of the keys, active or not, locked, the oldest first.

    Call it under a lock of the keys' names: what others add meanwhile is not seen.
    """
    found = resources.lock_many(uow, [(TYPE, id_) for id_ in _ids(uow.connection, keys)])
    return sorted((one for one in found.values() if not one.deleted), key=lambda one: one.pk)


def is_active(connection: Connection, keys: Iterable[Key]) -> bool:
    """Whether an account that carries one of the keys is active now."""
    return any(one.content().get("active", False) for one in known(connection, keys))


def known(connection: Connection, keys: Iterable[Key]) -> list[Stored]:
    """The accounts that carry one of the keys, active or not, without locks."""
    rows = (resources.load(connection, TYPE, id_) for id_ in _ids(connection, keys))
    return [one for one in rows if one is not None and not one.deleted]


def every(connection: Connection) -> list[Stored]:
    """Every account, active or not, the oldest first."""
    found = [resources.load(connection, TYPE, id_) for id_ in _all.run(connection, {}).scalars()]
    return [one for one in found if one is not None and not one.deleted]


def _ids(connection: Connection, keys: Iterable[Key]) -> list[str]:
    wanted = sorted(set(keys))
    return list(_by_keys(len(wanted)).run(connection, binds(wanted)).scalars()) if wanted else []


@lru_cache(maxsize=32)
def _by_keys(count: int) -> Prepared:
    keys = any_of((token_index.c.parameter, token_index.c.code, token_index.c.system), count)
    found = select(resource.c.id).join(token_index, token_index.c.pk == resource.c.pk)
    return Prepared(found.where(keys, _is_account).distinct())
