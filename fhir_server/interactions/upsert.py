"""Make or change the resources a feed's message speaks of, found by their business keys, in one unit of work.

It is a conditional update (https://www.hl7.org/fhir/R4/http.html#cond-update) that merges: HL7 v2 says nothing about
what it leaves out, so what is stored stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.interactions import children, matching, replacing, succession, told, write
from fhir_server.kernel.errors import Category, Issue, fault
from fhir_server.kernel.ids import new_id
from fhir_server.kernel.upsert import QUERY, Replaced, Upsert
from fhir_server.registry.resources import RESOURCES
from fhir_server.scheduling import requests, rules
from fhir_server.storage import identified, resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork
from fhir_server.validation import gates

#: Identifier system of the server's own ids: such a key names the resource by its id.
OWN_ID_SYSTEM = "urn:creneau:id"

_NESTED = (dict, list)

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
    #: By label, what the queries found.
    found: Mapping[str, requests.Found]


def names(upserts: Sequence[Upsert]) -> set[str]:
    """What to lock before anything of the batch is looked for: the keys of persons and of what is theirs.

    These are new as often as not. Places and doctors are named by every message, which would queue for them: they are
    locked, and looked for again, only when they are not there.
    """
    return {
        "|".join((upsert.type, *key))
        for upsert in upserts
        if upsert.mode != QUERY and RESOURCES[upsert.type].audience == "own"
        for key in upsert.keys
    }


def find(uow: UnitOfWork, upserts: Iterable[Upsert]) -> dict[Key, Stored]:
    """What the keys of upserts find, of several messages at once."""
    return _find(uow, {(upsert.type, *key) for upsert in upserts if upsert.mode != QUERY for key in upsert.keys})


def apply(
    uow: UnitOfWork, upserts: Sequence[Upsert], replaced: Sequence[Replaced], found: Mapping[Key, Stored]
) -> Applied:
    """Apply a message's upserts in their order, then what a file in full says of those it does not name.

    The unit of work has locked their `names`, `find` has then looked for their keys, and nobody of these names has
    written since. Raises FhirError: UNKNOWN_REFERENCE for a key that must exist and does not, whatever validation or a
    rule refuses.
    """
    queries = [upsert for upsert in upserts if upsert.mode == QUERY]
    upserts = [upsert for upsert in upserts if upsert.mode != QUERY]
    withdrawn = [one for of in replaced for one in replacing.withdrawals(uow, of, upserts)]
    if withdrawn:
        found = {**found, **find(uow, withdrawn)}
    known = _known(uow, [*upserts, *withdrawn], found)
    places = _places([*upserts, *withdrawn], known)
    named = {places[one.label] for one in upserts if one.label in places}
    # A record that was given another number is the same one.
    upserts += [one for one in withdrawn if one.label in places and places[one.label] not in named]
    passed = {upsert.label for upsert in upserts if upsert.label not in places}
    if passed:
        upserts = [replace(one, resource=_without(one.resource, passed)) for one in upserts if one.label not in passed]
    current = {(stored.type, stored.id): stored for stored in known.values()}
    changing = {places[upsert.label] for upsert in upserts if upsert.mode == "merge"}
    current |= resources.lock_many(uow, changing & current.keys())
    written: dict[TypeAndId, Stored] = {}
    late: list[Issue] = []
    own = {label: f"{type_name}/{id_}" for label, (type_name, id_) in places.items()}
    heirs = succession.successors(uow, current.values())
    followed = {label: heirs.get(reference, reference) for label, reference in own.items()}
    for upsert in upserts:
        place = places[upsert.label]
        before = current.get(place)
        if before is None and upsert.on_missing == "pass":
            # Another of the batch will make it.
            continue
        # Only another identity refers to a retired one.
        references = own if upsert.type == succession.PERSON else followed
        if upsert.by_element:
            after, is_late = _tell(uow, upsert, place, before, references)
        else:
            is_late = before is not None and _is_late(upsert, before)
            after = before if before and is_late else _apply_one(uow, upsert, place, before, references)
        if is_late:
            late.append(_told_late(upsert))
        current[place] = after
        if before is None or after.version != before.version:
            written[place] = after
            parts = children.give_up(uow, after) if upsert.by_element and upsert.type == children.TYPE else ()
            for part in parts:
                current[part.type, part.id] = written[part.type, part.id] = part
        for other in _others(uow, upsert, place) if upsert.everywhere else ():
            stored, _ = _tell(uow, upsert, (other.type, other.id), other, references)
            if stored.version != other.version:
                written[other.type, other.id] = stored
    for old, new in succession.successors(uow, list(written.values())).items():
        for stored in succession.hand_over(uow, old, new):
            current[stored.type, stored.id] = written[stored.type, stored.id] = stored
    return Applied(
        written=tuple(f"{one.reference}/_history/{one.version}" for one in written.values()),
        late=tuple(late),
        stored={label: current[place] for label, place in places.items()},
        found={one.label: requests.search(uow, one.wishes, _resolved(one.resource, own)) for one in queries},
    )


def _known(uow: UnitOfWork, upserts: Sequence[Upsert], looked: Mapping[Key, Stored]) -> dict[Key, Stored]:
    """What the keys find. What has to be made is locked by name before it is looked for."""
    keys = {upsert.label: [(upsert.type, *key) for key in upsert.keys] for upsert in upserts}
    own = {key for named in keys.values() for key in named if RESOURCES[key[0]].audience == "own"}
    found = {key: looked[key] for named in keys.values() for key in named if key in looked}
    fresh = {key for named in keys.values() if any(key not in found for key in named) for key in named} - own
    if fresh:
        uow.lock(*("|".join(key) for key in fresh))
        found |= _find(uow, fresh)
    return found


def _others(uow: UnitOfWork, upsert: Upsert, place: TypeAndId) -> list[Stored]:
    """The resources that its keys find beside the one at `place`, locked."""
    found = identified.find_all(uow.connection, [(upsert.type, *key) for key in upsert.keys])
    return list(resources.lock_many(uow, {(one.type, one.id) for one in found} - {place}).values())


def _find(uow: UnitOfWork, keys: AbstractSet[Key]) -> dict[Key, Stored]:
    connection = uow.connection_for(*{key[0] for key in keys})
    found = identified.find_by_identifiers(connection, sorted(keys))
    for key in keys:
        if key[1] == OWN_ID_SYSTEM:
            stored = resources.load(connection, key[0], key[2])
            if stored is not None and not stored.deleted:
                found[key] = stored
    return found


def _places(upserts: Sequence[Upsert], found: Mapping[Key, Stored]) -> dict[str, TypeAndId]:
    """Type and id of each upsert: of the resource its keys find, or fresh. One key of a batch is one resource.

    None for what is not known and is to be passed over.
    """
    known = {key: stored.id for key, stored in found.items()}
    places: dict[str, TypeAndId] = {}
    for upsert in sorted(upserts, key=lambda one: one.on_missing == "pass"):
        keys = [(upsert.type, system, value) for system, value in upsert.keys]
        fitting = (key for key in keys if key in known and not (key in found and matching.is_other(found[key], upsert)))
        id_ = next((known[key] for key in fitting), None)
        if id_ is None and upsert.on_missing == "error":
            reason = f"No {upsert.type} is known by the identifier given."
            raise fault(Category.UNKNOWN_REFERENCE, reason, upsert.location)
        if id_ is None and upsert.on_missing == "pass":
            continue
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
        # What only fills gaps was told by nobody who knows: any later word stands against it, whenever it was said.
        known = told.NOTHING if upsert.mode == "fill" else None
        return write.insert(uow, upsert.type, given, id_=place[1], happened_ms=upsert.at_ms, told=known)
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


def _tell(
    uow: UnitOfWork, upsert: Upsert, place: TypeAndId, before: Stored | None, references: Mapping[str, str]
) -> tuple[Stored, bool]:
    """Merge element by element; what is there now, and whether some of it was told too late to count."""
    at_ms = uow.now_ms if upsert.at_ms is None else upsert.at_ms
    stored = before.content() if before is not None and not before.deleted else None
    ledger = told.Ledger.of(before)
    given = _resolved(upsert.resource, references)
    strong = {name: value for name, value in given.items() if name not in upsert.weak}
    cleared = {*upsert.cleared, *rules.ruled_out(upsert.type, strong)} - strong.keys()
    content = told.merge(stored or {}, given, ledger, at_ms, cleared=sorted(cleared), weak=upsert.weak)
    edits = [replace(one, item=_resolved(one.item, references)) for one in upsert.edits]
    told.edit(content, edits, ledger, at_ms)
    if upsert.type == children.TYPE:
        children.follow(uow, content, ledger)
    if upsert.wishes and not ledger.is_late:
        requests.decide(uow, upsert.wishes, stored, content)
    happened = at_ms if before is None or stored is None else max(before.happened_ms, at_ms)
    rules.complete(uow, upsert.type, stored, content, happened)
    gates.validate(content, upsert.type, second_opinion=False)
    if before is None or stored is None:
        return write.insert(uow, upsert.type, content, id_=place[1], happened_ms=at_ms, told=ledger.text()), False
    after = write.replace(uow, before, content, happened_ms=happened, told=ledger.text())
    if after is before and ledger.text() != before.told:
        after = resources.remember(uow, before, happened_ms=happened, told=ledger.text())
    return after, ledger.is_late


def _fill(uow: UnitOfWork, upsert: Upsert, read: Stored, given: dict[str, Any]) -> Stored:
    """Write what a resource lacks. It is locked only when there is something to write, and looked at again."""
    if write.is_same(read.content(), told.fill(read.content(), given, told.Ledger.of(read))):
        return read
    before = resources.lock(uow, read.type, read.id) or read
    content = told.fill(before.content(), given, told.Ledger.of(before))
    gates.validate(content, upsert.type, second_opinion=False)
    return write.replace(uow, before, content, happened_ms=before.happened_ms, told=before.told)


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


def _identifiers(stored: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Identifiers of both, united by system and value; the sender's word on one of them wins."""
    named = {(one.get("system"), one.get("value")): one for one in stored.get("identifier", ())}
    named |= {(one.get("system"), one.get("value")): one for one in given.get("identifier", ())}
    return {"identifier": list(named.values())} if named else {}


def _resolved(node: Any, references: Mapping[str, str]) -> Any:
    """A copy of the resource in which labels of the batch are `Type/id`."""
    if isinstance(node, dict):
        return {
            # Most values are texts: they are not worth a call.
            name: _resolved(value, references)
            if isinstance(value, _NESTED)
            else references.get(value, value)
            if name == "reference"
            else value
            for name, value in node.items()
        }
    if isinstance(node, list):
        return [_resolved(item, references) if isinstance(item, _NESTED) else item for item in node]
    return node


def _without(node: Any, labels: AbstractSet[str]) -> Any:
    """A copy of the resource without the references to these labels, and without what held nothing else."""
    if isinstance(node, dict):
        kept = {
            name: _without(value, labels) for name, value in node.items() if name != "reference" or value not in labels
        }
        return {name: value for name, value in kept.items() if value not in ({}, [])}
    if isinstance(node, list):
        return [item for item in (_without(item, labels) for item in node) if item != {}]
    return node
