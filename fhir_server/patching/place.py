"""Places in a resource: a value, and where it stands, so that it can be replaced or removed there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from fhir_server.validation.elements import Element, elements


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One value met on a path."""

    #: None for a primitive that has extensions only.
    value: Any
    #: Definition of its values: `Patient`, `HumanName`, `Patient.contact`, `date`; empty for a literal.
    type: str
    #: The object it is a member of; None for the resource itself and for literals.
    holder: dict[str, Any] | None = None
    #: Its JSON property there: `deceasedBoolean`.
    name: str = ""
    #: Its position when it is in a list.
    index: int | None = None
    parent: Optional["Place"] = None

    @property
    def companion(self) -> dict[str, Any]:
        """What the `_` sibling of a primitive holds: its id and extensions."""
        found = None if self.holder is None else self.holder.get(f"_{self.name}")
        if self.index is not None:
            found = found[self.index] if isinstance(found, list) and self.index < len(found) else None
        return found if isinstance(found, dict) else {}


def root(resource: dict[str, Any]) -> Place:
    """The place of a resource itself."""
    return Place(resource, type_of(resource))


def children(place: Place, name: str) -> Iterator[Place]:
    """The places of the element `name` under a place; `deceased` finds `deceasedBoolean`."""
    holder, type_name = place.value, place.type
    if place.holder is not None and not isinstance(holder, dict):
        holder, type_name = place.companion, "Element"
    if isinstance(holder, dict):
        for property_, element in properties(type_name, name).items():
            yield from _members(place, holder, property_, element)


def properties(type_name: str, name: str) -> dict[str, Element]:
    """The JSON properties that an element of a type may have: several where its type is a choice."""
    found = elements(type_name).items()
    return {key: element for key, element in found if key[0] != "_" and name in (key, element.name)}


def type_of(resource: Any) -> str:
    """The resource type an object states."""
    stated = resource.get("resourceType") if isinstance(resource, dict) else None
    return stated if isinstance(stated, str) else ""


def _members(parent: Place, holder: dict[str, Any], name: str, element: Element) -> Iterator[Place]:
    value = holder.get(name)
    if not element.is_list:
        if value is not None or holder.get(f"_{name}") is not None:
            yield Place(value, _type(element, value), holder, name, None, parent)
        return
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield Place(item, _type(element, item), holder, name, index, parent)


def _type(element: Element, value: Any) -> str:
    return type_of(value) if element.type == "Resource" else element.type
