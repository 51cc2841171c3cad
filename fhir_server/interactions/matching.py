"""Whether what a business key finds is really the resource that a message speaks of."""

from collections.abc import Sequence
from typing import Any

from fhir_server.kernel.upsert import Upsert
from fhir_server.storage.resources import Stored


def is_other(stored: Stored, upsert: Upsert) -> bool:
    """Whether what a weaker key finds has another number of a type of which there is one alone: another visit."""
    if not upsert.distinct:
        return False
    theirs, mine = (_numbers(one, upsert.distinct) for one in (stored.content(), upsert.resource))
    return any(kind in theirs and not theirs[kind] & values for kind, values in mine.items())


def _numbers(resource: dict[str, Any], kinds: Sequence[str]) -> dict[tuple[str, str], set[str]]:
    """Values of the identifiers of these types, by type and system."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in resource.get("identifier", ()):
        for coding in one.get("type", {}).get("coding", ()):
            if coding.get("code") in kinds:
                found.setdefault((coding["code"], one.get("system", "")), set()).add(one.get("value", ""))
    return found
