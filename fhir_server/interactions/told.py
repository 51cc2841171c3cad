"""What a feed tells, element by element: of two words on one element the later wins, whichever arrives first.

Messages about one resource may come late, twice or out of order. Each element therefore remembers when its value was
told, and each item of a list that was changed alone does so too. The state reached does not depend on the order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.encounters import movements
from fhir_server.kernel import json
from fhir_server.kernel.upsert import Edit
from fhir_server.storage.resources import Stored
from fhir_server.validation.elements import elements

Json = dict[str, Any]

#: The time of every element that has none of its own: what was not told by a feed happened then.
_ALL = "*"
#: What is kept with a resource of which nothing was told yet.
NOTHING = "{}"


def _number(identifier: Json) -> str:
    return f"{identifier.get('system')}|{identifier.get('value')}"


def _other(link: Json) -> str:
    return str(link.get("other", {}).get("reference"))


def _role(participant: Json) -> str:
    codings = [coding for kind in participant.get("type", ()) for coding in kind.get("coding", ())]
    return str(codings[0].get("code")) if codings else ""


#: Lists that messages add to: the items of one key are told together, those of others stay. `*` is any type.
_UNITED: Mapping[tuple[str, str], Callable[[Json], str]] = {
    ("*", "identifier"): _number,
    ("*", "extension"): movements.key,
    ("Encounter", "participant"): _role,
    ("Patient", "link"): _other,
}
#: Elements whose members are told apart from each other.
_DIVIDED = frozenset({("Encounter", "hospitalization")})


@dataclass(slots=True)
class Ledger:
    """When each element of a resource was told, in epoch milliseconds."""

    times: dict[str, int]
    #: Whether something told was older than what is known.
    is_late: bool = False

    @classmethod
    def of(cls, stored: Stored | None) -> "Ledger":
        """The times kept with a resource; one changed otherwise since was told as a whole, when it was changed."""
        if stored is None or stored.deleted:
            return cls({})
        return cls(json.load(stored.told.encode()) if stored.told else {_ALL: stored.happened_ms})

    def text(self) -> str:
        """What is kept."""
        return json.encode(self.times).decode()

    def time_of(self, name: str) -> int | None:
        """When the element was told; None when it never was."""
        return self.times.get(name, self.times.get(_ALL))

    def time_of_part(self, name: str) -> int | None:
        """As `time_of` for `identifier[system|value]` or `hospitalization.admitSource`: also told with the whole."""
        return max((self.times[one] for one in _above(name) if one in self.times), default=self.times.get(_ALL))

    def has(self, name: str) -> bool:
        """Whether a feed told the part, be it that it is not so."""
        return any(one in self.times for one in _above(name))

    def admits_part(self, name: str, value: Any, known: Any, at_ms: int) -> bool:
        """As `admits` for a part; one that says the same again is not late."""
        last = self.time_of_part(name)
        if last is not None and at_ms < last:
            self.is_late |= value != known
            return False
        if at_ms == last and known is not None and _rank(value) < _rank(known):
            return False
        self.times[name] = at_ms
        return True

    def admits(self, name: str, at_ms: int) -> bool:
        """Whether a word of that time counts; if it does, it is noted."""
        known = self.time_of(name)
        if known is not None and at_ms < known:
            self.is_late = True
            return False
        self.times[name] = at_ms
        return True


def merge(
    stored: Json, given: Json, ledger: Ledger, at_ms: int, *, cleared: Sequence[str] = (), weak: Sequence[str] = ()
) -> Json:
    """The resource with what was told at that time. Elements in `weak` only stand in for what was never told."""
    merged = dict(stored)
    type_name = given["resourceType"]
    for name in cleared:
        _clear(merged, name, ledger, at_ms)
    for name, value in given.items():
        key = _UNITED.get((type_name, name)) or _UNITED.get(("*", name))
        if name == "resourceType":
            merged.setdefault(name, value)
        elif name in weak:
            if ledger.time_of(name) is None and not any(one.startswith(f"{name}[") for one in ledger.times):
                merged[name] = value
        elif key is not None:
            _unite(merged, name, _by_key(name, value, key), key, ledger, at_ms)
        elif (type_name, name) in _DIVIDED:
            _divide(merged, name, value, ledger, at_ms)
        elif isinstance(value, list):
            _snapshot(merged, name, value, ledger, at_ms)
        elif ledger.admits_part(_kind(type_name, name), value, merged.get(name), at_ms):
            _drop_other_kinds(merged, type_name, name)
            merged[name] = value
    return merged


def fill(stored: Json, given: Json, ledger: Ledger) -> Json:
    """The resource with what it lacks, but for what a feed removed. It is not noted: any word will stand against it."""
    filled = dict(stored)
    type_name = given["resourceType"]
    for name, value in given.items():
        key = _UNITED.get((type_name, name)) or _UNITED.get(("*", name))
        if key is not None:
            held = _by_key(name, filled.get(name, ()), key)
            missing = {part: items for part, items in _by_key(name, value, key).items() if part not in held}
            items = [item for part, items in missing.items() if not ledger.has(part) for item in items]
            if items:
                filled[name] = [*filled.get(name, ()), *items]
        elif not _has(filled, type_name, name) and not ledger.has(_kind(type_name, name)):
            filled[name] = value
    return filled


def edit(resource: Json, edits: Sequence[Edit], ledger: Ledger, at_ms: int) -> None:
    """Change single items in place: each remembers its own time, those taken out too."""
    for one in edits:
        name = _item_name(one.element, one.item)
        known = max(ledger.time_of(one.element) or 0, ledger.times.get(name, 0))
        if at_ms < known:
            ledger.is_late = True
            continue
        ledger.times[name] = at_ms
        items = [item for item in resource.get(one.element, ()) if _item_name(one.element, item) != name]
        resource[one.element] = items if one.is_removal else [*items, one.item]
        if not resource[one.element]:
            del resource[one.element]


def _kind(type_name: str, name: str) -> str:
    """The element of a property: `deceased` for `deceasedBoolean` and `deceasedDateTime`, which exclude each other."""
    element = elements(type_name).get(name)
    return element.name if element is not None else name


def _has(resource: Json, type_name: str, name: str) -> bool:
    return _kind(type_name, name) in {_kind(type_name, one) for one in resource}


def _drop_other_kinds(merged: Json, type_name: str, name: str) -> None:
    kind = _kind(type_name, name)
    if kind != name:
        for other in [one for one in merged if one != name and _kind(type_name, one) == kind]:
            del merged[other]


def _above(name: str) -> tuple[str, ...]:
    """The names under which a part may have been told: its own, that of its kind, its element's."""
    return name, name.rpartition("|")[0], name.partition("[")[0].partition(".")[0]


def _unite(merged: Json, element: str, given: Json, key: Callable[[Json], str], ledger: Ledger, at_ms: int) -> None:
    """Those items of a list that were told replace the ones of the same key."""
    held = _by_key(element, merged.get(element, ()), key)
    for name, items in given.items():
        if ledger.admits_part(name, items, held.get(name), at_ms):
            held[name] = items
    if held:
        merged[element] = [item for items in held.values() for item in items]


def _by_key(element: str, items: Sequence[Json], key: Callable[[Json], str]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for item in items:
        found.setdefault(f"{element}[{key(item)}]", []).append(item)
    return found


def _divide(merged: Json, element: str, given: Json, ledger: Ledger, at_ms: int) -> None:
    """Those members of an element that were told replace the ones known."""
    held = dict(merged.get(element, {}))
    for member, value in given.items():
        if ledger.admits_part(f"{element}.{member}", value, held.get(member), at_ms):
            held[member] = value
    if held:
        merged[element] = held


def _clear(merged: Json, name: str, ledger: Ledger, at_ms: int) -> None:
    """Take out an element, or the items of a list whose key begins so (`identifier[<system>`), unless told later."""
    element, _, start = name.partition("[")
    key = _UNITED.get((merged.get("resourceType", ""), element)) or _UNITED.get(("*", element))
    if key is None:
        if ledger.admits(_kind(merged.get("resourceType", ""), name), at_ms):
            merged.pop(name, None)
        return
    held = _by_key(element, merged.get(element, ()), key)
    gone = [part for part in held if part.startswith(f"{name}|" if start else f"{element}[")]
    later = [part for part in gone if (ledger.time_of_part(part) or 0) > at_ms]
    ledger.is_late |= bool(later)
    ledger.times[name] = max(at_ms, ledger.times.get(name, at_ms))
    kept = [item for part, items in held.items() if part in later or part not in gone for item in items]
    merged.pop(element, None)
    if kept:
        merged[element] = kept


def _rank(items: Any) -> int:
    """Of words on one movement at the same time, which stands."""
    return movements.rank(items[-1]) if isinstance(items, list) and movements.is_movement(items[-1]) else 0


def _snapshot(merged: Json, element: str, items: list[Any], ledger: Ledger, at_ms: int) -> None:
    """The whole list as told, but for items that were changed alone later than that."""
    if not ledger.admits_part(element, items, merged.get(element), at_ms):
        return
    later = {name for name, time in ledger.times.items() if name.startswith(f"{element}[") and time > at_ms}
    kept = [item for item in merged.get(element, ()) if _item_name(element, item) in later]
    merged[element] = [item for item in items if _item_name(element, item) not in later] + kept
    for name in [name for name in ledger.times if name.startswith(f"{element}[") and name not in later]:
        del ledger.times[name]


def _item_name(element: str, item: Mapping[str, Any]) -> str:
    """`participant[Practitioner/1]`: who an item is about, or its first code."""
    if not isinstance(item, dict):
        return f"{element}[{item}]"
    actor = item.get("actor", {})
    coding: Mapping[str, Any] = next(iter(item.get("coding", ())), {})
    told = actor.get("reference") or actor.get("display") or coding.get("code") or item.get("text", "")
    return f"{element}[{told}]"
