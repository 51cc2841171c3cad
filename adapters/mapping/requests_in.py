"""What a message wants the server to decide: the criteria of ARQ, APR, QRD that are no elements of a resource."""

from collections.abc import Callable
from typing import Any

from adapters.hl7v2.location import location
from adapters.mapping.cell import Scope
from adapters.mapping.plans import Request, Tables
from adapters.mapping.reading import Part, part, parts

#: The wishes of one message, in the words of the scheduling rules.
Wishes = Callable[[Scope], dict[str, Any]]


def wishes(tables: Tables, request: Request | None, trigger: str) -> Wishes | None:
    """What reads the wishes of messages of a trigger, None when they have none."""
    action = (request.action.get(trigger) or request.action.get("*")) if request is not None else None
    if request is None or action is None:
        return None
    paths = (request.preferences, request.limit, request.pointer, request.statuses)
    preferences, limit, pointer, statuses = (_reader(path) for path in paths)
    selections = [_reader(path) for path in request.selections.split()]
    known = tables.codes[request.codes].inward if request.codes else {}

    def read(scope: Scope) -> dict[str, Any]:
        pairs = [(part(one, 1), part(one, 2)) for one in preferences(scope)]
        asked = [known.get((part(one, 1) or "").casefold()) for one in statuses(scope)]
        number = next((text for one in limit(scope) if (text := part(one, 1))), "")
        return {
            "action": action,
            "preferences": tuple((code, value) for code, value in pairs if code and value),
            "selections": tuple(chosen for reader in selections if (chosen := _values(reader(scope)))),
            "statuses": tuple(dict.fromkeys(word for one in asked if one for word in one.code.split())),
            "limit": int(number) if number.isdigit() else 0,
            "pointer": next((text for one in pointer(scope) if (text := part(one, 1))), ""),
        }

    return read


def _values(told: list[Part]) -> tuple[str, ...]:
    """The values of SCV, folded."""
    return tuple(value.casefold() for one in told if (value := part(one, 2)))


def _reader(path: str) -> Callable[[Scope], list[Part]]:
    """Reads the repetitions of a field in every segment of the name; nothing for no path."""
    if not path:
        return lambda scope: []
    place = location(path)
    return lambda scope: [
        one for segment in scope.message.segments_named(place.segment) for one in parts(segment, place.field)
    ]
