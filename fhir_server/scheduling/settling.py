"""A slot's state after something about it changed: who takes a seat that came free, whether it is blocked, overbooked.

What a feed tells counts whether the slot was there or not: an appointment at the time of a slot takes the next seat
that is free, and a slot within a blocked time is not offered.
"""

from typing import Any

from fhir_server.scheduling import agendas, slots
from fhir_server.scheduling.agendas import FREE, WITHDRAWN, span
from fhir_server.scheduling.openings import Word
from fhir_server.storage import claims, resources
from fhir_server.storage.claims import Seats
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]

#: Says of a slot that it is withdrawn because a feed blocked its time, not by its publisher.
_BLOCKED = {"system": "urn:creneau:slot", "code": "blocked"}


def settle(
    uow: UnitOfWork, slot: Stored, *, leaving: str = "", unblocked: str = "", opening: Word | None = None
) -> None:
    """Write the state that follows for a locked slot.

    `leaving`: an appointment that no longer wants a seat; `unblocked`: a block that is being withdrawn or moved;
    `opening`: the time that it opens.
    """
    content = slot.content()
    after = settled(uow, slot.id, content, leaving=leaving, unblocked=unblocked, opening=opening)
    if after != content:
        resources.replace(uow, slot, after)


def settled(
    uow: UnitOfWork,
    slot_id: str,
    content: Json,
    *,
    leaving: str = "",
    unblocked: str = "",
    opening: Word | None = None,
) -> Json:
    """The slot as it must be, its open seats given to the appointments that feeds told of its time."""
    slot = _opened(content)
    if slot["status"] not in slots.COUNTED:
        return slot
    holders, owners = claims.holders(uow, slot_id), agendas.owners(uow, slot)
    waiting = [one for one in agendas.told_over(uow, slot, owners) if one.id not in holders and one.id != leaving]
    left = waiting if _is_over(uow, slot) else _seat(uow, slot_id, slot, waiting)
    seated = waiting[: len(waiting) - len(left)]
    held = sum(holders.values()) + sum(agendas.is_pending(one.content()) for one in seated)
    _count(slot, Seats(len(holders) + len(seated), held))
    if left:
        slot["overbooked"] = True
    if slot["status"] == FREE and agendas.is_blocked(uow, slot, owners, but=unblocked, opening=opening):
        return blocked(slot)
    return slot


def at_rest(content: Json) -> Json:
    """The slot as it must be when nobody holds it and no feed told anything of its time."""
    return _count(_opened(content), Seats(0))


def _count(slot: Json, seats: Seats) -> Json:
    slot["status"] = slots.status_by_claims(slot, seats)
    slot.pop("overbooked", None)
    return slot


def blocked(slot: Json) -> Json:
    """The slot withdrawn because its time is blocked."""
    meta = slot.get("meta", {})
    return slot | {"status": WITHDRAWN, "meta": {**meta, "tag": [*meta.get("tag", ()), _BLOCKED]}}


def is_blocked(slot: Json) -> bool:
    """Whether the slot was withdrawn because its time was blocked."""
    return _BLOCKED in slot.get("meta", {}).get("tag", ())


def overbook(uow: UnitOfWork, slot: Stored) -> None:
    """Note on a locked slot without a seat left that one more appointment is at its time."""
    content = slot.content()
    if not content.get("overbooked"):
        resources.replace(uow, slot, content | {"overbooked": True})


def _opened(content: Json) -> Json:
    """A copy of the slot as its publisher offered it."""
    if not is_blocked(content):
        return dict(content)
    meta = {**content["meta"], "tag": [tag for tag in content["meta"]["tag"] if tag != _BLOCKED]}
    if not meta["tag"]:
        del meta["tag"]
    return content | {"status": FREE, "meta": meta}


def _is_over(uow: UnitOfWork, slot: Json) -> bool:
    here = span(slot)
    return here is None or here.low < uow.now_ms


def _seat(uow: UnitOfWork, slot_id: str, slot: Json, waiting: list[Stored]) -> list[Stored]:
    """Give open seats to those who wait; who is left without."""
    for number, one in enumerate(waiting):
        is_pending = agendas.is_pending(one.content())
        if claims.take(uow, slot_id, slots.capacity(slot), one.id, is_tentative=is_pending) is None:
            return waiting[number:]
        _name_slot(uow, one, slot_id)
    return []


def _name_slot(uow: UnitOfWork, appointment: Stored, slot_id: str) -> None:
    locked = resources.lock(uow, "Appointment", appointment.id) or appointment
    content = locked.content()
    named = sorted([*(item["reference"] for item in content.get("slot", ())), f"Slot/{slot_id}"])
    content["slot"] = [{"reference": reference} for reference in named]
    resources.replace(uow, locked, content, happened_ms=locked.happened_ms, told=locked.told)
