"""Several slots of one appointment are one row of time: of one Schedule, of one service, each beginning where the last
ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from fhir_server.kernel.dates import interval
from fhir_server.kernel.errors import Category, Issue

Json = dict[str, Any]


def issues(order: Sequence[str], slots: Mapping[str, Json]) -> Iterator[Issue]:
    """What keeps slots (by id) from being one row; `order` is that in which an Appointment names them."""
    for one, other in pairwise(sorted(slots, key=lambda id_: (interval(slots[id_]["start"]).low, order.index(id_)))):
        reason = _reason(slots[one], slots[other])
        if reason:
            where = f"Appointment.slot[{order.index(other)}]"
            yield Issue(Category.BUSINESS_RULE, f"Slot/{other} {reason} Slot/{one}.", where)


def _reason(one: Json, other: Json) -> str:
    if one["schedule"] != other["schedule"]:
        return "is not of the same Schedule as"
    if _services(one) != _services(other):
        return "is not of the same service type as"
    if interval(one["end"]).low != interval(other["start"]).low:
        return "does not begin at the end of"
    return ""


def _services(slot: Json) -> set[tuple[str, ...]]:
    concepts = slot.get("serviceType", ())
    coded = {(one.get("system", ""), one.get("code", "")) for concept in concepts for one in concept.get("coding", ())}
    return coded | {(concept["text"],) for concept in concepts if "text" in concept and "coding" not in concept}
