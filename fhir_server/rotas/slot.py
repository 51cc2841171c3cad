"""The Slot that stands for an opening: the same opening always makes the same Slot, under the same id."""

import base64
import hashlib
from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.audiences import R314
from fhir_server.kernel.ids import is_id
from fhir_server.registry.extensions import CAPACITY, DIRECT_ACCESS, ROTA
from fhir_server.rotas.model import Offer, Opening

Json = dict[str, Any]


def slot_id(schedule_id: str, start_ms: int) -> str:
    """The logical id of the slot of a Schedule that begins at a moment: `csnp-20260105T0700Z`.

    A Schedule's id that leaves no room is shortened to a digest of it.

    >>> slot_id("csnp", 1767596400000)
    'csnp-20260105T0700Z'
    """
    named = f"{schedule_id}-{_stamp(start_ms)}"
    if is_id(named):
        return named
    digest = base64.b32encode(hashlib.sha256(schedule_id.encode()).digest()[:20]).decode().lower()
    return f"{digest}-{_stamp(start_ms)}"


def is_of_rota(slot: Json) -> bool:
    """Whether a slot was made by a rota, not published by hand."""
    return any(identifier.get("system") == ROTA for identifier in slot.get("identifier", ()))


def slot(schedule: Json, zone: str, opening: Opening) -> Json:
    """The Slot of an opening of a stored Schedule, free as if nobody had asked for it yet."""
    offer, id_ = opening.offer, slot_id(schedule["id"], opening.start_ms)
    stated = {
        "resourceType": "Slot",
        "meta": {"security": [{"system": R314, "code": code} for code in offer.audiences]} if offer.audiences else {},
        "extension": _extensions(opening, zone),
        "identifier": [{"system": ROTA, "value": f"{schedule['id']}|{_stamp(opening.start_ms)}"}],
        "serviceCategory": schedule.get("serviceCategory"),
        "serviceType": [dict(concept) for concept in offer.service_types],
        "specialty": schedule.get("specialty"),
        "appointmentType": offer.appointment_type,
        "schedule": {"reference": f"Schedule/{schedule['id']}"},
        "status": "free",
        "start": dates.to_instant(opening.start_ms, zone),
        "end": dates.to_instant(opening.end_ms, zone),
        "comment": offer.comment.replace("{id}", id_),
    }
    return {name: value for name, value in stated.items() if value}


def _extensions(opening: Opening, zone: str) -> list[Json]:
    offer = opening.offer
    seats = [{"url": CAPACITY, "valueInteger": offer.capacity}] if offer.capacity > 1 else []
    return seats + ([_direct_access(offer, opening.release_ms, zone)] if offer.holders else [])


def _direct_access(offer: Offer, release_ms: int | None, zone: str) -> Json:
    parts: list[Json] = [{"url": "holder", "valueCode": code} for code in offer.holders]
    if release_ms is not None:
        parts.append({"url": "release", "valueInstant": dates.to_instant(release_ms, zone)})
    return {"url": DIRECT_ACCESS, "extension": parts}


def _stamp(moment: int) -> str:
    """`20260105T0700Z`: shorter than an instant, and unique, since slots begin on the minute."""
    return dates.to_instant(moment)[:16].replace("-", "").replace(":", "") + "Z"
