"""Who may take a slot, and from when: read from the slot, and asked of it.

A slot's audience is its codes of R314. One kept for direct access names its holders and the moment when it is released
to the others. `storage.select_scope` asks the same of the index.
"""

from collections.abc import Iterator
from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.audiences import ACT_CODES, EVERYONE, HOLDERS, KINDS, R314, bits
from fhir_server.kernel.errors import Category, Issue
from fhir_server.kernel.paths import read
from fhir_server.registry.extensions import DIRECT_ACCESS

#: Where a slot says how patients are seen.
_KIND_CODES = f"serviceType.coding[system={ACT_CODES}].code"
#: When a slot that is kept for nobody was released.
_ALWAYS = 0

Json = dict[str, Any]


def audience(slot: Json) -> int:
    """Bits of those a slot is meant for, of those it is kept for, and of how patients are seen."""
    stated = {coding.get("code", "") for coding in slot.get("meta", {}).get("security", ()) if _is_of_r314(coding)}
    holders = [part.get("valueCode", "") for part in _parts(slot, "holder")]
    return bits(stated & EVERYONE or EVERYONE) | bits(holders) | bits(kinds(slot))


def kinds(content: Json) -> frozenset[str]:
    """How patients are seen in a Slot, or on a Schedule, as far as it says: AMB, HH, VR."""
    found = read(content, _KIND_CODES)
    return frozenset(code for code in found if isinstance(code, str)) & KINDS.keys()


def open_ms(slot: Json) -> int:
    """From when on others than its holders may take the slot, in epoch milliseconds."""
    if not any(_kept(slot)):
        return _ALWAYS
    texts = [part.get("valueInstant", "") for part in _parts(slot, "release")]
    try:
        return max((dates.interval(text).low for text in texts), default=dates.DUSK)
    except ValueError:
        return dates.DUSK


def is_open_to(actor: Actor, slot: Json, now_ms: int) -> bool:
    """Whether the actor may see and take the slot now; its publisher and the territory are asked elsewhere."""
    codes = audience(slot)
    if not codes & bits(actor.audiences):
        return False
    return open_ms(slot) <= now_ms or bool(codes & bits(actor.direct_access))


def is_plain(body: str) -> bool:
    """Whether a stored slot names neither an audience nor a holder, told without parsing it."""
    return R314 not in body and DIRECT_ACCESS not in body


def issues(slot: Json) -> Iterator[Issue]:
    """What is wrong with how a slot is kept."""
    for number, extension in enumerate(slot.get("extension", ())):
        if extension.get("url") != DIRECT_ACCESS:
            continue
        parts = extension.get("extension", ())
        where = f"Slot.extension[{number}]"
        if not any(part.get("url") == "holder" for part in parts):
            yield Issue(Category.BUSINESS_RULE, "A slot kept for direct access names its holder.", where)
        for place, part in enumerate(parts):
            yield from _issues(part, f"{where}.extension[{place}]")


def _issues(part: Json, where: str) -> Iterator[Issue]:
    if part.get("url") == "holder" and part.get("valueCode") not in HOLDERS:
        yield Issue(Category.BUSINESS_RULE, f"A holder is one of {', '.join(HOLDERS)}.", f"{where}.valueCode")
    if part.get("url") == "release" and "valueInstant" not in part:
        yield Issue(Category.BUSINESS_RULE, "The release is an instant.", where)
    if part.get("url") not in ("holder", "release"):
        yield Issue(Category.BUSINESS_RULE, "Only holder and release say how a slot is kept.", where)


def _kept(slot: Json) -> Iterator[Json]:
    return (one for one in slot.get("extension", ()) if one.get("url") == DIRECT_ACCESS)


def _parts(slot: Json, name: str) -> Iterator[Json]:
    return (part for one in _kept(slot) for part in one.get("extension", ()) if part.get("url") == name)


def _is_of_r314(coding: Any) -> bool:
    return isinstance(coding, dict) and coding.get("system") == R314
