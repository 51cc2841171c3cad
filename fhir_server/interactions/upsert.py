"""Make or change the resources a feed's message speaks of, found by their business keys, in one unit of work.

It is a conditional update (https://www.hl7.org/fhir/R4/http.html#cond-update) that merges: HL7 v2 says nothing about
what it leaves out, so what is stored stays.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from fhir_server.interactions import write
from fhir_server.kernel.errors import Category, Issue, fault
from fhir_server.kernel.ids import new_id
from fhir_server.kernel.upsert import Upsert
from fhir_server.registry.resources import RESOURCES
from fhir_server.scheduling import rules
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork
from fhir_server.validation import gates

#: Identifier system of the server's own ids: such a key names the resource by its id.
OWN_ID_SYSTEM = "urn:creneau:id"

TypeAndId = tuple[str, str]
#: Type, identifier system and value.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a message's upserts."""

    #: `Type/id/_history/version` of the versions written; unchanged resources are left out.
    written: tuple[str, ...]
    #: A warning for each that spoke of a time before the state we have, and so was passed over.
    late: tuple[Issue, ...]
    #: By label, what each upsert's resource is now.
    stored: Mapping[str, Stored]


def apply(uow: UnitOfWork, upserts: Sequence[Upsert]) -> Applied:
    """Apply a message's upserts in their order.

    Two units of work that would make the same resource, or change it, wait for each other. Raises FhirError:
    UNKNOWN_REFERENCE for a key that must exist and does not, whatever validation or a rule refuses.
    """
    known = _known(uow, upserts)
    places = _places(upserts, known)
    current = {(stored.type, stored.id): stored for stored in known.values()}
    changing = {places[upsert.label] for upsert in upserts if upsert.mode == "merge"}
    current |= resources.lock_many(uow, changing & current.keys())
    written: dict[TypeAndId, Stored] = {}
    late: list[Issue] = []
    references = {label: f"{type_name}/{id_}" for label, (type_name, id_) in places.items()}
    for upsert in upserts:
        place = places[upsert.label]
        before = current.get(place)
        if before is not None and _is_late(upsert, before):
            late.append(_told_late(upsert))
            continue
        after = _apply_one(uow, upsert, place, before, references)
        if after is not before:
            current[place] = written[place] = after
    return Applied(
        written=tuple(f"{one.reference}/_history/{one.version}" for one in written.values()),
        late=tuple(late),
        stored={label: current[place] for label, place in places.items()},
    )


def _known(uow: UnitOfWork, upserts: Sequence[Upsert]) -> dict[Key, Stored]:
    """What the keys find. What may have to be made is locked by name before it is looked for.

    Persons and their appointments are locked at once, being new as often as not. Places and doctors are named by every
    message, which would queue for them: they are locked, and looked for again, only when they are not there.
    """
    keys = {upsert.label: [(upsert.type, *key) for key in upsert.keys] for upsert in upserts}
    own = {key for named in keys.values() for key in named if RESOURCES[key[0]].audience == "own"}
    _lock(uow, own)
    found = _find(uow, {key for named in keys.values() for key in named})
    fresh = {key for named in keys.values() if any(key not in found for key in named) for key in named} - own
    if fresh:
        _lock(uow, fresh)
        found |= _find(uow, fresh)
    return found


def _lock(uow: UnitOfWork, keys: AbstractSet[Key]) -> None:
    if keys:
        uow.lock(*("|".join(key) for key in keys))


def _find(uow: UnitOfWork, keys: AbstractSet[Key]) -> dict[Key, Stored]:
    found = resources.find_by_identifiers(uow.connection, sorted(keys))
    for key in keys:
        if key[1] == OWN_ID_SYSTEM:
            stored = resources.load(uow.connection, key[0], key[2])
            if stored is not None and not stored.deleted:
                found[key] = stored
    return found


def _places(upserts: Sequence[Upsert], found: Mapping[Key, Stored]) -> dict[str, TypeAndId]:
    """Type and id of each upsert: of the resource its keys find, or fresh. One key of a batch is one resource."""
    known = {key: stored.id for key, stored in found.items()}
    places: dict[str, TypeAndId] = {}
    for upsert in upserts:
        keys = [(upsert.type, system, value) for system, value in upsert.keys]
        id_ = next((known[key] for key in keys if key in known), None)
        if id_ is None and upsert.on_missing == "error":
            reason = f"No {upsert.type} is known by the identifier given."
            raise fault(Category.UNKNOWN_REFERENCE, reason, upsert.location)
        id_ = id_ or new_id()
        for key in keys:
            known.setdefault(key, id_)
        places[upsert.label] = (upsert.type, id_)
    return places


def _apply_one(
    uow: UnitOfWork, upsert: Upsert, place: TypeAndId, before: Stored | None, references: Mapping[str, str]
) -> Stored:
    given = _resolved(upsert.resource, references)
    if before is None or before.deleted:
        rules.complete(uow, upsert.type, None, given)
        gates.validate(given, upsert.type, second_opinion=False)
        return write.insert(uow, upsert.type, given, id_=place[1], happened_ms=upsert.at_ms)
    if upsert.mode == "refer":
        return before
    if upsert.mode == "fill":
        return _fill(uow, upsert, before, given)
    stored = before.content()
    content = _merged(stored, given, upsert.cleared)
    rules.complete(uow, upsert.type, stored, content)
    gates.validate(content, upsert.type, second_opinion=False)
    happened = before.happened_ms if upsert.at_ms is None else upsert.at_ms
    return write.replace(uow, before, content, happened_ms=happened)


def _fill(uow: UnitOfWork, upsert: Upsert, read: Stored, given: dict[str, Any]) -> Stored:
    """Write what a resource lacks. It is locked only when there is something to write, and looked at again."""
    if write.is_same(read.content(), _filled(read.content(), given)):
        return read
    before = resources.lock(uow, read.type, read.id) or read
    content = _filled(before.content(), given)
    gates.validate(content, upsert.type, second_opinion=False)
    return write.replace(uow, before, content, happened_ms=before.happened_ms)


def _is_late(upsert: Upsert, before: Stored) -> bool:
    """Whether the sender speaks of a time before the state we have; what only fills gaps is never late."""
    happened = before.happened_ms if not before.deleted else 0
    return upsert.mode == "merge" and upsert.at_ms is not None and upsert.at_ms < happened


def _told_late(upsert: Upsert) -> Issue:
    text = f"A later state of the {upsert.type} is known; this older one was passed over."
    return Issue(Category.BUSINESS_RULE, text, upsert.location, "warning")


def _merged(stored: dict[str, Any], given: dict[str, Any], cleared: Sequence[str]) -> dict[str, Any]:
    merged = {name: value for name, value in stored.items() if name not in cleared} | given
    return merged | _identifiers(stored, given)


def _filled(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return given | stored | _identifiers(stored, given)


def _identifiers(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Identifiers of both, united by system and value; the sender's word on one of them wins."""
    named = {(one.get("system"), one.get("value")): one for one in stored.get("identifier", ())}
    named |= {(one.get("system"), one.get("value")): one for one in given.get("identifier", ())}
    return {"identifier": list(named.values())} if named else {}


def _resolved(node: Any, references: Mapping[str, str]) -> Any:
    """A copy of the resource in which labels of the batch are `Type/id`."""
    if isinstance(node, dict):
        return {
            name: references.get(value, value) if name == "reference" else _resolved(value, references)
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_resolved(item, references) for item in node]
    return node
