"""From the elements a message gave to the upserts that ask for them, as the resource's plan says."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from adapters.mapping import compiled, reading
from adapters.mapping.cell import Scope
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.upsert import QUERY, Edit, Upsert

Json = dict[str, Any]
Keys = tuple[tuple[str, str], ...]

#: HL7 table 0206, folded: deleted, unchanged; and what stands for the whole list (none, a snapshot).
DELETED, _UNCHANGED, _WHOLE = "d", "x", frozenset({"", "s"})


@dataclass(frozen=True, slots=True)
class Action:
    """The items of a list that one segment made, and its action code (HL7 table 0206, folded; empty for none)."""

    element: str
    code: str
    items: tuple[Any, ...]
    #: Whether the trigger lets codes change single items.
    is_edit: bool


@dataclass(slots=True)
class Draft:
    """What is known of an upsert beside its elements."""

    label: str
    keys: Keys
    cleared: frozenset[str]
    location: str
    at_ms: int | None
    #: What segments with an action code said: the list, the code (folded), the items made of the segment.
    actions: tuple[Action, ...] = ()


def upserts_of(resource: compiled.Resource, scope: Scope, draft: Draft) -> list[Upsert]:
    """The upserts for the elements in `scope.resource`.

    One, or two when the message holds elements that only a new resource gets: then the first makes the resource if it
    is missing and never changes a known one, and the second merges the rest. Raises FhirError (REQUIRED) for an element
    that the plan demands and the message does not give.
    """
    body = _completed(resource, scope)
    edits = _edits(body, draft.actions) if draft.actions else []
    if resource.plan.mode == QUERY:
        return [replace(_upsert(resource, draft, body, QUERY), wishes=_wishes(resource, scope))]
    initial = {name: deepcopy(value) for name, value in resource.initial.items() if name not in body}
    mode = _mode(resource, scope)
    if resource.plan.by_element and mode == "merge":
        return [_by_element(resource, scope, draft, body, initial, edits)]
    if mode != "merge":
        return [_upsert(resource, draft, body | initial if initial else body, mode)]
    kept = {name for name, when in resource.keep if name in body and (when is None or when(scope.segment, scope))}
    told = {name: value for name, value in body.items() if name not in kept}
    merge = _upsert(resource, draft, told, "merge", tuple(sorted(draft.cleared)))
    # What may not be made needs no first upsert.
    if resource.on_missing == "error" or not (kept or initial):
        return [merge]
    return [_upsert(resource, draft, body | initial, "refer"), merge]


def _by_element(
    resource: compiled.Resource, scope: Scope, draft: Draft, body: Json, initial: Json, edits: list[Edit]
) -> Upsert:
    """One upsert, in which what only stands in for what is not told is weak."""
    kept = {name for name, when in resource.keep if name in body and (when is None or when(scope.segment, scope))}
    shell = resource.shell
    return _upsert(
        resource,
        draft,
        body | initial if initial else body,
        "merge",
        tuple(sorted(draft.cleared)),
        by_element=True,
        everywhere=resource.plan.everywhere,
        weak=tuple(sorted({*kept, *initial})),
        edits=tuple(edits),
        wishes=_wishes(resource, scope),
        on_missing="create" if shell and all(name in body for name in shell) else resource.on_missing,
    )


def _wishes(resource: compiled.Resource, scope: Scope) -> Mapping[str, Any]:
    return resource.wishes(scope) if resource.wishes is not None else {}


def _edits(body: Json, actions: tuple[Action, ...]) -> list[Edit]:
    """The changes of single items; lists that are told so, and items told as deleted, are taken out of the body."""
    if all(one.code in _WHOLE for one in actions):
        return []
    edited = {one.element for one in actions if one.is_edit and one.code not in _WHOLE}
    gone = [item for one in actions if one.code == DELETED for item in one.items]
    idle = [item for one in actions if one.code == _UNCHANGED and one.element in edited for item in one.items]
    edits = []
    for name in sorted({one.element for one in actions if one.items} & body.keys()):
        items = body[name]
        body[name] = [item for item in items if item not in gone]
        if name in edited:
            edits += [Edit(name, item, item in gone) for item in items if item not in idle]
        if name in edited or not body[name]:
            del body[name]
    return edits


def keys_of(body: Json, wanted: tuple[str, ...]) -> Keys:
    """The identifiers of a resource as keys, by type code in the order of the plan; none twice."""
    found = [
        (_type(identifier) or "untyped", (identifier["system"], identifier["value"]))
        for identifier in body.get("identifier", ())
    ]
    if len(found) == 1 and found[0][0] in wanted:
        return (found[0][1],)
    ordered = [key for word in wanted for kind, key in found if word == kind or word == "any"]
    return tuple(dict.fromkeys(ordered))


def _mode(resource: compiled.Resource, scope: Scope) -> str:
    return resource.plan.mode if scope.feed.is_identity_source else resource.plan.mode_elsewhere


def _completed(resource: compiled.Resource, scope: Scope) -> Json:
    """The elements with the plan's defaults, without those that stand only together and do not."""
    body = scope.resource
    for name, value in resource.defaults.items():
        if name not in body:
            body[name] = deepcopy(value)
    for name, at, unless in resource.required:
        if name not in body and not (unless is not None and unless(scope.segment, scope)):
            location = reading.location_text(scope.message, at, scope.segment)
            raise fault(Category.REQUIRED, f"{resource.plan.type}.{name} cannot be told from the message.", location)
    for names in resource.plan.together:
        if not body.keys() >= set(names):
            body = {name: value for name, value in body.items() if name not in names}
    if "extension" in body:
        # Its value may have been passed over.
        told = [one for one in body["extension"] if one.keys() != {"url"}]
        body = {name: value for name, value in body.items() if name != "extension"}
        body |= {"extension": told} if told else {}
    for name, value in body.items():
        if isinstance(value, list) and len(value) > 1:
            body[name] = _distinct(value)
    return body


def _distinct(items: list[Any]) -> list[Any]:
    """The items without repetitions: a room that stands in two groups of a message takes part once."""
    return [item for number, item in enumerate(items) if item not in items[:number]]


def _upsert(
    resource: compiled.Resource,
    draft: Draft,
    body: Json,
    mode: str,
    cleared: tuple[str, ...] = (),
    on_missing: str = "",
    **more: Any,
) -> Upsert:
    return Upsert(
        label=draft.label,
        type=resource.plan.type,
        keys=draft.keys,
        resource=body,
        mode=mode,
        cleared=cleared,
        on_missing=on_missing or resource.on_missing,
        at_ms=draft.at_ms,
        location=draft.location,
        distinct=resource.plan.distinct,
        **more,
    )


def _type(identifier: Json) -> str:
    kind = identifier.get("type")
    if kind is None:
        return ""
    codings = kind.get("coding")
    text: str = codings[0]["code"] if codings else kind.get("text", "")
    return text
