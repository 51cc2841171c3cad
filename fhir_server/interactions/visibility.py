"""Who may see and change one stored resource: the same predicate that `storage.select` joins into searches (promise
7).
"""

from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.resources import RESOURCES
from fhir_server.scheduling import allocation
from fhir_server.search import restriction
from fhir_server.storage.resources import Stored


def is_visible(actor: Actor, stored: Stored, now_ms: int) -> bool:
    """Whether the actor may know at that moment that this resource exists."""
    if actor.restrictions and not _is_in_scope(actor, stored):
        return False
    if stored.owner == RESOURCES[stored.type].kept_apart:
        return stored.owner == actor.owner
    if actor.is_territory or stored.owner == actor.owner:
        return True
    return RESOURCES[stored.type].audience == "catalogue" and allocation.is_open_to(actor, stored, now_ms)


def _is_in_scope(actor: Actor, stored: Stored) -> bool:
    if stored.deleted:
        # What it was cannot be told any more.
        return restriction.is_whole(actor, stored.type, "r")
    return restriction.shows(actor, stored.type, stored.content())


def require_own(actor: Actor, stored: Stored) -> None:
    """Raise FORBIDDEN when the actor sees the resource but it is another's to change."""
    if not actor.is_territory and stored.owner != actor.owner:
        raise fault(Category.FORBIDDEN, f"{stored.reference} belongs to another partner.")


def absent(type_name: str, id_: str) -> Exception:
    """The answer for what does not exist, and for what the actor may not know of."""
    return fault(Category.NOT_FOUND, f"{type_name}/{id_} does not exist.")
