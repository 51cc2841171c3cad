"""Who may take a slot now: the one answer that reads and bookings share.

Searches ask the same of the index (`storage.select_scope`), so that a slot seen is a slot that can be booked.
"""

from fhir_server.kernel.actor import Actor
from fhir_server.search import access
from fhir_server.storage.resources import Stored


def is_allowed(actor: Actor, slot: Stored, now_ms: int) -> bool:
    """Whether the actor may see and take a stored slot at that moment; its publisher and the territory always may."""
    return actor.is_territory or slot.owner == actor.owner or is_open_to(actor, slot, now_ms)


def is_open_to(actor: Actor, stored: Stored, now_ms: int) -> bool:
    """Whether a resource of any type is meant for the actor and not kept for others, whoever published it."""
    if stored.type != "Slot" or access.is_plain(stored.body):
        return True
    if stored.deleted:
        return access.was_open_to(actor, stored.body, now_ms)
    return access.is_open_to(actor, stored.content(), now_ms)
