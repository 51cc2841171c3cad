"""From the elements a message gave to the upserts that ask for them, as the resource's plan says."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from adapters.mapping import compiled
from adapters.mapping.cell import Scope
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.upsert import Upsert

Json = dict[str, Any]
Keys = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of an upsert beside its elements."""

    label: str
    keys: Keys
    cleared: frozenset[str]
    location: str
    at_ms: int | None


def upserts_of(resource: compiled.Resource, scope: Scope, draft: Draft) -> list[Upsert]:
    """The upserts for the elements in `scope.resource`.

    One, or two when the message holds elements that only a new resource gets: then the first makes the resource if it
    is missing and never changes a known one, and the second merges the rest. Raises FhirError (REQUIRED) for an element
    that the plan demands and the message does not give.
    """
    body = _completed(resource, scope)
    initial = {name: deepcopy(value) for name, value in resource.initial.items() if name not in body}
    if _mode(resource, scope) != "merge":
        return [_upsert(resource, draft, body | initial, _mode(resource, scope))]
    kept = {name for name, when in resource.keep if name in body and (when is None or when(scope.segment, scope))}
    told = {name: value for name, value in body.items() if name not in kept}
    merge = _upsert(resource, draft, told, "merge", tuple(sorted(draft.cleared)))
    # What may not be made needs no first upsert.
    if resource.on_missing == "error" or not (kept or initial):
        return [merge]
    return [_upsert(resource, draft, body | initial, "refer"), merge]


def keys_of(body: Json, wanted: tuple[str, ...]) -> Keys:
    """The identifiers of a resource as keys, by type code in the order of the plan; none twice."""
    found = [
        (_type(identifier), (identifier["system"], identifier["value"])) for identifier in body.get("identifier", [])
    ]
    ordered = [key for word in wanted for kind, key in found if word in ("any", kind or "untyped")]
    return tuple(dict.fromkeys(ordered))


def _mode(resource: compiled.Resource, scope: Scope) -> str:
    return resource.plan.mode if scope.feed.is_identity_source else resource.plan.mode_elsewhere


def _completed(resource: compiled.Resource, scope: Scope) -> Json:
    """The elements with the plan's defaults, without those that stand only together and do not."""
    body = scope.resource
    missing = {name: deepcopy(value) for name, value in resource.defaults.items() if name not in body}
    body |= missing
    for name, at in resource.required:
        if name not in body:
            location = compiled.location_text(scope.message, at, scope.segment)
            raise fault(Category.REQUIRED, f"{resource.plan.type}.{name} cannot be told from the message.", location)
    for names in resource.plan.together:
        if any(name not in body for name in names):
            body = {name: value for name, value in body.items() if name not in names}
    for name, value in body.items():
        if isinstance(value, list) and len(value) > 1:
            body[name] = _distinct(value)
    return body


def _distinct(items: list[Any]) -> list[Any]:
    """The items without repetitions: a room that stands in two groups of a message takes part once."""
    return [item for number, item in enumerate(items) if item not in items[:number]]


def _upsert(resource: compiled.Resource, draft: Draft, body: Json, mode: str, cleared: tuple[str, ...] = ()) -> Upsert:
    return Upsert(
        label=draft.label,
        type=resource.plan.type,
        keys=draft.keys,
        resource=body,
        mode=mode,
        cleared=cleared,
        on_missing=resource.on_missing,
        at_ms=draft.at_ms,
        location=draft.location,
    )


def _type(identifier: Json) -> str:
    kind = identifier.get("type", {})
    codings = kind.get("coding")
    text: str = codings[0]["code"] if codings else kind.get("text", "")
    return text
