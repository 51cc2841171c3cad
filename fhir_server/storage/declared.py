"""Keeps what the server declares of itself in the store, as the system's own resources that every partner may read."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from fhir_server.kernel.actor import SYSTEM
from fhir_server.registry.declared import DECLARED_TYPES, declared
from fhir_server.storage import resources
from fhir_server.storage.database import Database
from fhir_server.storage.resources import Stored
from fhir_server.storage.tables import resource as table
from fhir_server.storage.unit_of_work import Store, UnitOfWork

_stored_keys = select(table.c.type, table.c.id).where(table.c.type.in_(DECLARED_TYPES), table.c.deleted.is_(False))


def bring_up_to_date(database: Database, also: Iterable[dict[str, Any]] = ()) -> None:
    """Store each declaration that is new or says something else than before, and delete what is declared no more.

    `also` are resources of the declared types that what uses the server declares: its code tables.
    """
    contents = [*declared(), *also]
    Store(database).transact(SYSTEM, lambda uow: _write(uow, contents))


def _write(uow: UnitOfWork, contents: Iterable[dict[str, Any]]) -> None:
    uow.lock("declared")
    wanted = {(content["resourceType"], content["id"]): content for content in contents}
    kept = {(row.type, row.id) for row in uow.connection.execute(_stored_keys)}
    before = resources.lock_many(uow, kept | set(wanted))
    for key in sorted(kept - set(wanted)):
        resources.remove(uow, before[key])
    for key, content in wanted.items():
        _put(uow, before.get(key), content)


def _put(uow: UnitOfWork, before: Stored | None, content: dict[str, Any]) -> None:
    if before is None:
        resources.insert_first(uow, content["resourceType"], content["id"], content, method="PUT")
    elif before.deleted or _without_meta(before.content()) != content:
        resources.replace(uow, before, content)


def _without_meta(content: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name != "meta"}
