"""FHIR update. https://www.hl7.org/fhir/R4/http.html#update"""

from typing import Any

from fhir_server.interactions import write
from fhir_server.interactions.visibility import absent, is_visible, require_own
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry import ins
from fhir_server.registry.resources import RESOURCES
from fhir_server.search import restriction
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork


def update(
    store: Store,
    actor: Actor,
    type_name: str,
    id_: str,
    content: dict[str, Any],
    if_match: int | None,
    *,
    if_none_match: str | None = None,
) -> tuple[Stored, bool]:
    """Store the next version of a resource, or the first where the type lets clients choose ids.

    Returns it, and whether it was created. Raises FhirError: VERSION_CONFLICT when `if_match` is not the current
    version or `if_none_match` is `*` and there is one, NOT_FOUND when it is not the actor's to see, FORBIDDEN when
    another's to change, METHOD_NOT_ALLOWED when ids are the server's, and whatever a rule refuses.
    """
    return store.transact(actor, lambda uow: put(uow, type_name, id_, dict(content), if_match, if_none_match))


def put(
    uow: UnitOfWork,
    type_name: str,
    id_: str,
    content: dict[str, Any],
    if_match: int | None = None,
    if_none_match: str | None = None,
) -> tuple[Stored, bool]:
    """As `update`, inside a unit of work."""
    before = resources.lock(uow, type_name, id_)
    if before is not None and not is_visible(uow.actor, before, uow.now_ms):
        raise absent(type_name, id_)
    check_absent(before, if_none_match)
    if before is None:
        return _first(uow, type_name, id_, content, if_match), True
    require_own(uow.actor, before)
    check_version(before, if_match)
    if not uow.actor.reads_ins and type_name == "Patient" and not before.deleted:
        content = ins.kept(content, before.content())
    require_both(uow.actor, before, content)
    return write.replace(uow, before, content), before.deleted


def require_both(actor: Actor, before: Stored, after: dict[str, Any]) -> None:
    """Raise FhirError (FORBIDDEN) unless the scopes let the actor change what is there, and into what it becomes."""
    if actor.restrictions:
        if not before.deleted:
            restriction.require(actor, before.type, before.content(), "u")
        restriction.require(actor, before.type, after, "u")


def check_absent(before: Stored | None, if_none_match: str | None) -> None:
    """Raise when the client wants to write only what does not exist yet, and it does.

    `If-None-Match: *` is the one form that is understood (RFC 9110 section 13.1.2).
    """
    if if_none_match is not None and if_none_match.strip() != "*":
        raise fault(Category.INVALID, "If-None-Match on an update is understood as * only.")
    if if_none_match is not None and before is not None and not before.deleted:
        raise fault(Category.VERSION_CONFLICT, f"{before.reference} exists.", headers={"ETag": f'W/"{before.version}"'})


def check_version(before: Stored, if_match: int | None) -> None:
    """Raise unless `if_match` names the current version; it may be left out where the type allows."""
    if if_match is None and RESOURCES[before.type].versioning == "versioned-update" and not before.deleted:
        raise fault(Category.REQUIRED, f"A change of {before.type} needs If-Match with the version it replaces.")
    if if_match is not None and if_match != before.version:
        raise fault(
            Category.VERSION_CONFLICT,
            f"{before.reference} is at version {before.version}, not {if_match}.",
            headers={"ETag": f'W/"{before.version}"'},
        )


def _first(uow: UnitOfWork, type_name: str, id_: str, content: dict[str, Any], if_match: int | None) -> Stored:
    if not RESOURCES[type_name].is_created_by_update:
        raise fault(
            Category.METHOD_NOT_ALLOWED, f"Ids of {type_name} are given by the server.", headers={"Allow": "GET"}
        )
    if if_match is not None:
        raise fault(Category.VERSION_CONFLICT, f"{type_name}/{id_} does not exist, so has no version {if_match}.")
    restriction.require(uow.actor, type_name, content, "c")
    return write.insert(uow, type_name, content, id_=id_, method="PUT")
