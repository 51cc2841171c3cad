"""Conditional create, update, patch and delete: the resource is named by a search instead of an id.

Search and write are one transaction, and two that ask by the same words or the same identifier wait for each other: of
two concurrent conditional creates comes one resource. https://www.hl7.org/fhir/R4/http.html#ccreate
"""

from typing import Any

from fhir_server.interactions import patch as patching
from fhir_server.interactions import write
from fhir_server.interactions.condition import condition, find, no_match, only_match
from fhir_server.interactions.create import add
from fhir_server.interactions.delete import remove
from fhir_server.interactions.idempotent import Key, Written, write_once
from fhir_server.interactions.patch import ResourceChange
from fhir_server.interactions.reach import AccessCheck
from fhir_server.interactions.update import check_absent, put
from fhir_server.interactions.visibility import is_visible
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.ids import new_id
from fhir_server.search import restriction
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

__all__ = ["create", "delete", "find", "patch", "put_where", "update"]


def create(
    store: Store,
    actor: Actor,
    type_name: str,
    content: dict[str, Any],
    if_none_exist: str,
    *,
    access_check: AccessCheck | None = None,
    base_url: str = "",
    key: Key | None = None,
) -> Written:
    """Create unless one meets the condition: then that one, untouched. Under a key, what was done before is told again.

    Raises FhirError: MULTIPLE_MATCHES for several, and as `interactions.create` and `interactions.idempotent`.
    """
    asked = condition(type_name, if_none_exist, access_check=access_check, base_url=base_url)

    def work(uow: UnitOfWork) -> tuple[Stored, bool]:
        uow.lock(*asked.names())
        found = only_match(uow, asked)
        return (found, False) if found else add(uow, type_name, dict(content))

    return write_once(store, actor, key, work)


def update(
    store: Store,
    actor: Actor,
    type_name: str,
    content: dict[str, Any],
    query_text: str,
    if_match: int | None = None,
    *,
    if_none_match: str | None = None,
    access_check: AccessCheck | None = None,
    base_url: str = "",
) -> tuple[Stored, bool]:
    """Update the one that meets the condition, or create. Says whether it was created.

    Raises FhirError: MULTIPLE_MATCHES for several, VERSION_CONFLICT when `if_none_match` is `*` and there is one,
    INVALID when the body's id is another than the match's, CONFLICT when it is that of a resource which does not meet
    the condition, and as `interactions.update`.
    """
    asked = condition(type_name, query_text, access_check=access_check, base_url=base_url)

    def work(uow: UnitOfWork) -> tuple[Stored, bool]:
        uow.lock(*asked.names())
        found = only_match(uow, asked)
        check_absent(found, if_none_match)
        if found is None and access_check is not None:
            access_check(type_name, "c")
        return put_where(uow, type_name, dict(content), found, if_match)

    return store.transact(actor, work)


def put_where(
    uow: UnitOfWork,
    type_name: str,
    content: dict[str, Any],
    found: Stored | None,
    if_match: int | None = None,
    *,
    id_: str | None = None,
) -> tuple[Stored, bool]:
    """As `update`, inside a unit of work that has found the match; `id_` is what a new resource is to be called."""
    named: str | None = content.get("id")
    if found is not None:
        if named not in (None, found.id):
            raise fault(Category.INVALID, "The id in the body is not that of the match.", f"{type_name}.id")
        # GAP updates appointments by their identifier, without If-Match: what is replaced is what was found, locked.
        return put(uow, type_name, found.id, content, found.version if if_match is None else if_match)
    if named is not None:
        there = resources.load(uow.connection, type_name, named)
        if there is not None and not there.deleted and is_visible(uow.actor, there, uow.now_ms):
            raise fault(Category.CONFLICT, "The id in the body is that of another resource.", f"{type_name}.id")
        return put(uow, type_name, named, content, if_match)
    if if_match is not None:
        raise fault(Category.VERSION_CONFLICT, f"No {type_name} meets the condition, so none has that version.")
    restriction.require(uow.actor, type_name, content, "c")
    return write.insert(uow, type_name, content, id_=id_ or new_id(), method="PUT"), True


def patch(
    store: Store,
    actor: Actor,
    type_name: str,
    query_text: str,
    change: ResourceChange,
    if_match: int | None = None,
    *,
    access_check: AccessCheck | None = None,
    base_url: str = "",
) -> Stored:
    """Patch the one that meets the condition. Raises FhirError: NOT_FOUND for none, MULTIPLE_MATCHES for several or
    without criteria, and as `interactions.patch`.
    """
    asked = condition(
        type_name, query_text, access_check=access_check, base_url=base_url, on_empty=Category.MULTIPLE_MATCHES
    )

    def work(uow: UnitOfWork) -> Stored:
        uow.lock(*asked.names())
        found = only_match(uow, asked)
        if found is None:
            raise no_match(type_name)
        return patching.apply(uow, type_name, found.id, change, if_match)

    return store.transact(actor, work)


def delete(
    store: Store,
    actor: Actor,
    type_name: str,
    query_text: str,
    if_match: int | None = None,
    *,
    access_check: AccessCheck | None = None,
    base_url: str = "",
) -> int:
    """Delete the one that meets the condition (`conditionalDelete` is `single`); how many were deleted.

    Raises FhirError: MULTIPLE_MATCHES for several or without criteria, and as `interactions.delete`.
    """
    asked = condition(
        type_name, query_text, access_check=access_check, base_url=base_url, on_empty=Category.MULTIPLE_MATCHES
    )

    def work(uow: UnitOfWork) -> int:
        uow.lock(*asked.names())
        found = only_match(uow, asked)
        if found is None:
            return 0
        remove(uow, type_name, found.id, if_match)
        return 1

    return store.transact(actor, work)
