"""Resources and their versions: every write is a new version, and the version table is the history."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.search import access
from fhir_server.storage import index, together
from fhir_server.storage.keys import any_of, binds, chunks
from fhir_server.storage.statement import Prepared
from fhir_server.storage.tables import resource as table
from fhir_server.storage.tables import resource_version as versions
from fhir_server.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of a resource as it stands in the store."""

    #: 0 for one that this unit of work made and that has no row yet.
    pk: int = field(compare=False)
    type: str
    id: str
    version: int
    updated_ms: int
    deleted: bool
    owner: str
    #: When its last change happened according to who sent it.
    happened_ms: int
    #: The JSON text that is answered; empty when deleted, but for what `access.left_behind` says of a slot.
    body: str
    #: When feeds told each of its elements, as JSON; None when its last change came by another way.
    told: str | None = None

    @property
    def reference(self) -> str:
        """`Type/id`."""
        return f"{self.type}/{self.id}"

    def content(self) -> dict[str, Any]:
        """The resource, parsed."""
        content: dict[str, Any] = json.load(self.body.encode())
        return content


#: Columns of a row that `read_row` reads.
COLUMNS = (
    table.c.pk,
    table.c.type,
    table.c.id,
    table.c.version,
    table.c.updated_ms,
    table.c.deleted,
    table.c.owner,
    table.c.happened_ms,
    table.c.body,
    table.c.told,
)
_of_id = select(*COLUMNS).where(table.c.type == bindparam("type"), table.c.id == bindparam("id"))
_by_id = Prepared(_of_id)
_lock_by_id = Prepared(_of_id.with_for_update())
_version = Prepared(
    select(versions).where(
        versions.c.type == bindparam("type"),
        versions.c.id == bindparam("id"),
        versions.c.version == bindparam("version"),
    )
)
_WRITTEN = ("type", "id", "version", "updated_ms", "deleted", "owner", "happened_ms", "body", "told")
_KEPT = ("type", "id", "version", "updated_ms", "method", "owner", "body")
_CHANGED = ("version", "updated_ms", "deleted", "happened_ms", "body", "told")
_insert = Prepared(insert(table).values({name: bindparam(name) for name in _WRITTEN}).returning(table.c.pk))
_insert_version = Prepared(insert(versions).values({name: bindparam(name) for name in _KEPT}))
_update = Prepared(
    update(table)
    .where(table.c.pk == bindparam("of_pk"), table.c.version == bindparam("of_version"))
    .values({name: bindparam(name) for name in _CHANGED})
)
_remember = Prepared(
    update(table)
    .where(table.c.pk == bindparam("of_pk"))
    .values(happened_ms=bindparam("happened_ms"), told=bindparam("told"))
)


def load(connection: Connection, type_name: str, id_: str) -> Stored | None:
    """The current version, deleted or not; None when the id was never used."""
    return _stored(_by_id.run(connection, {"type": type_name, "id": id_}).first())


def lock(uow: UnitOfWork, type_name: str, id_: str) -> Stored | None:
    """As `load`, and nobody else changes it until this unit of work ends."""
    return _stored(_lock_by_id.run(uow.connection_for(type_name), {"type": type_name, "id": id_}).first())


def lock_many(uow: UnitOfWork, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Stored]:
    """Lock several (type, id), always in the same order so that two units of work never wait for each other."""
    wanted = sorted(set(keys))
    connection = uow.connection_for(*{type_name for type_name, _ in wanted})
    rows = (row for some in chunks(wanted) for row in _lock_many(len(some)).run(connection, binds(some)))
    return {(row.type, row.id): read_row(row) for row in rows}


def load_version(connection: Connection, type_name: str, id_: str, version: int) -> Row[Any] | None:
    """One row of the history: version, updated_ms, method, owner, body."""
    return _version.run(connection, {"type": type_name, "id": id_, "version": version}).first()


def insert_first(
    uow: UnitOfWork,
    type_name: str,
    id_: str,
    content: dict[str, Any],
    *,
    method: str,
    happened_ms: int | None = None,
    told: str | None = None,
) -> Stored:
    """Store version 1 of a new id."""
    body = _stamp(content, id_, 1, uow.now_ms)
    happened = uow.now_ms if happened_ms is None else happened_ms
    draft = Stored(0, type_name, id_, 1, uow.now_ms, False, uow.actor.owner, happened, body, told)
    row = {name: getattr(draft, name) for name in _WRITTEN}
    if not uow.database.is_sqlite:
        uow.wait_with(together.New(row, method, index.rows(type_name, content)))
        return _noted(uow, draft)
    stored = dataclasses.replace(draft, pk=_insert.run(uow.opened, row).scalar_one())
    _keep_version(uow, stored, method)
    index.write(uow.opened, stored.pk, type_name, content)
    return _noted(uow, stored)


def replace(
    uow: UnitOfWork,
    before: Stored,
    content: dict[str, Any],
    *,
    method: str = "PUT",
    happened_ms: int | None = None,
    told: str | None = None,
) -> Stored:
    """Store the version after `before`, which this unit of work has locked."""
    before = before if before.pk else _with_key(uow, before)
    body = _stamp(content, before.id, before.version + 1, uow.now_ms)
    happened = uow.now_ms if happened_ms is None else happened_ms
    after = _successor(uow, before, deleted=False, happened_ms=happened, body=body, told=told)
    if uow.database.is_sqlite or before.deleted:
        _succeed(uow, after, method)
        index.replace(uow.opened, before.pk, before.type, content, None if before.deleted else before.content())
        return _noted(uow, after)
    row = {name: getattr(after, name) for name in _WRITTEN}
    added, gone = index.difference(before.type, content, before.content())
    if not together.replace_all(uow.opened, before.pk, row, method, added, gone):
        raise _changed(before)
    return _noted(uow, after)


def remember(uow: UnitOfWork, before: Stored, *, happened_ms: int, told: str | None) -> Stored:
    """Note when its elements were told anew, without a version: nothing about it changed."""
    before = before if before.pk else _with_key(uow, before)
    _remember.run(uow.opened, {"of_pk": before.pk, "happened_ms": happened_ms, "told": told})
    return dataclasses.replace(before, happened_ms=happened_ms, told=told)


def remove(uow: UnitOfWork, before: Stored) -> Stored:
    """Store the deletion of `before`: a version without body, found by no search."""
    before = before if before.pk else _with_key(uow, before)
    after = _successor(uow, before, deleted=True, happened_ms=uow.now_ms, body=_left_behind(before), told=None)
    _succeed(uow, after, "DELETE")
    index.remove(uow.opened, before.pk, before.type)
    return _noted(uow, after, before.body)


def _left_behind(before: Stored) -> str:
    return access.left_behind(before.body) if before.type == "Slot" else ""


@lru_cache(maxsize=64)
def _lock_many(count: int) -> Prepared:
    keys = any_of((table.c.type, table.c.id), count)
    return Prepared(select(*COLUMNS).where(keys).order_by(table.c.type, table.c.id).with_for_update())


def _with_key(uow: UnitOfWork, made: Stored) -> Stored:
    """What this unit of work made, written."""
    return load(uow.connection, made.type, made.id) or made


def _successor(
    uow: UnitOfWork, before: Stored, *, deleted: bool, happened_ms: int, body: str, told: str | None
) -> Stored:
    return dataclasses.replace(
        before,
        version=before.version + 1,
        updated_ms=uow.now_ms,
        deleted=deleted,
        happened_ms=happened_ms,
        body=body,
        told=told,
    )


def _succeed(uow: UnitOfWork, after: Stored, method: str) -> None:
    row = {name: getattr(after, name) for name in _CHANGED}
    result = _update.run(uow.opened, row | {"of_pk": after.pk, "of_version": after.version - 1})
    if result.rowcount != 1:
        raise _changed(after)
    _keep_version(uow, after, method)


def _noted(uow: UnitOfWork, stored: Stored, body: str | None = None) -> Stored:
    uow.note(f"{stored.reference}/_history/{stored.version}", stored.body if body is None else body)
    return stored


def _changed(stored: Stored) -> FhirError:
    return fault(Category.CONFLICT, f"{stored.reference} changed meanwhile.")


def _keep_version(uow: UnitOfWork, stored: Stored, method: str) -> None:
    row = {name: getattr(stored, name) for name in _KEPT if name != "method"}
    _insert_version.run(uow.opened, row | {"method": method})


def _stamp(content: dict[str, Any], id_: str, version: int, now_ms: int) -> str:
    """Give the resource its id and meta, in place, and return its text: `resourceType`, `id` and `meta` first."""
    meta = {**content.get("meta", {}), "versionId": str(version), "lastUpdated": to_instant(now_ms)}
    rest = {name: value for name, value in content.items() if name not in ("resourceType", "id", "meta")}
    stamped = {"resourceType": content["resourceType"], "id": id_, "meta": meta, **rest}
    content.clear()
    content.update(stamped)
    return json.encode(content).decode()


def _stored(row: Any) -> Stored | None:
    return None if row is None else read_row(row)


def read_row(row: Any) -> Stored:
    """The version that a row of `COLUMNS` holds."""
    pk, type_name, id_, version, updated_ms, deleted, owner, happened_ms, body, told = row
    return Stored(pk, type_name, id_, version, updated_ms, bool(deleted), owner, happened_ms, body, told)
