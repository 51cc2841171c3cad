"""Who may take a slot, and from when: read from the slot, and asked of it.

A slot's audience is its codes of R314. One kept for direct access names its holders and the moment when it is released
to the others. `storage.select_scope` asks the same of the index.
"""

from collections.abc import Iterator
from typing import Any

from fhir_server.kernel import dates, json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.audiences import ACT_CODES, EVERYONE, HOLDERS, KINDS, R314, bits
from fhir_server.kernel.errors import Category, Issue
from fhir_server.kernel.paths import read
from fhir_server.registry.extensions import DIRECT_ACCESS

#: Where a slot says how patients are seen.
_KIND_CODES = f"serviceType.coding[system={ACT_CODES}].code"
#: When a slot that is kept for nobody was released.
_ALWAYS = 0
#: Digits of the audience in what a deleted slot leaves.
LEFT_DIGITS = 6

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
    return _is_open(actor, audience(slot), open_ms(slot), now_ms)


def left_behind(body: str) -> str:
    """What a stored slot leaves when it is deleted: its audience in LEFT_DIGITS, then the moment from which it is open.

    Nothing of one that was for all. Whoever could not know of a slot does not learn of it by its end.
    """
    if is_plain(body):
        return ""
    slot: Json = json.load(body.encode())
    return f"{audience(slot):0{LEFT_DIGITS}}{open_ms(slot)}"


def was_open_to(actor: Actor, left: str, now_ms: int) -> bool:
    """As `is_open_to`, of a deleted slot, by what it left."""
    return not left or _is_open(actor, int(left[:LEFT_DIGITS]), int(left[LEFT_DIGITS:]), now_ms)


def _is_open(actor: Actor, codes: int, from_ms: int, now_ms: int) -> bool:
    if not codes & bits(actor.audiences):
        return False
    return from_ms <= now_ms or bool(codes & bits(actor.direct_access))


def is_plain(body: str) -> bool:
    """Whether a stored slot names neither an audience nor a holder, and left nothing, told without parsing it."""
    return not body[:1].isdigit() and R314 not in body and DIRECT_ACCESS not in body


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
