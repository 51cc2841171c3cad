"""FHIR patch: a change of a resource, whatever language it is told in. https://www.hl7.org/fhir/R4/http.html#patch"""

from collections.abc import Callable
from typing import Any

from fhir_server.interactions import write
from fhir_server.interactions.read import gone
from fhir_server.interactions.update import check_version, require_both
from fhir_server.interactions.visibility import absent, is_visible, require_own
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.paths import first
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork
from fhir_server.validation import gates

#: From a resource to what the patch makes of it, without touching the one given: see `fhir_server.patching`.
ResourceChange = Callable[[dict[str, Any]], dict[str, Any]]

#: What the server says of a resource, and no patch.
_SERVERS = ("resourceType", "id", "meta.versionId", "meta.lastUpdated")


def patch(store: Store, actor: Actor, type_name: str, id_: str, change: ResourceChange, if_match: int | None) -> Stored:
    """Store what `change` makes of the current version; a patch that changes nothing makes no version.

    The result is validated as a whole. Raises FhirError: NOT_FOUND when unknown or not the actor's to see, DELETED when
    gone, FORBIDDEN when another's, VERSION_CONFLICT when `if_match` is not the current version, VALUE when id, type or
    version would change, and whatever `change`, validation or a rule refuses.
    """
    return store.transact(actor, lambda uow: apply(uow, type_name, id_, change, if_match))


def apply(uow: UnitOfWork, type_name: str, id_: str, change: ResourceChange, if_match: int | None = None) -> Stored:
    """As `patch`, inside a unit of work."""
    before = resources.lock(uow, type_name, id_)
    if before is None or not is_visible(uow.actor, before, uow.now_ms):
        raise absent(type_name, id_)
    if before.deleted:
        raise gone(before)
    require_own(uow.actor, before)
    check_version(before, if_match)
    old = before.content()
    after = change(old)
    _check_servers(old, after)
    gates.validate(after, type_name)
    require_both(uow.actor, before, after)
    return write.replace(uow, before, after)


def _check_servers(old: dict[str, Any], after: dict[str, Any]) -> None:
    for path in _SERVERS:
        if first(old, path) != first(after, path):
            raise fault(Category.VALUE, f"A patch does not change {path}.", f"{old['resourceType']}.{path}")
