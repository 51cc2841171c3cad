"""The five edits of FHIRPath Patch, each on a place of the resource. https://www.hl7.org/fhir/R4/fhirpatch.html

The `_` sibling of a primitive, which holds its id and extensions, goes wherever the primitive goes.
"""

from dataclasses import dataclass
from typing import Any

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.patching.place import Place, properties
from fhir_server.validation.elements import Element


@dataclass(frozen=True, slots=True)
class Given:
    """A value that a patch brings."""

    #: Its type as a choice's property ends: `DateTime` of `valueDateTime`; empty for an anonymous type or a resource.
    suffix: str
    value: Any
    #: What its `_` sibling holds, if it has one.
    companion: Any = None
    #: Elements of an anonymous type, in their order, when there is no value.
    parts: tuple[tuple[str, "Given"], ...] = ()


def add(place: Place, name: str, given: Given) -> None:
    """Put a value under the element `name` of a place: appended to a list, or where nothing stands yet.

    Raises FhirError (VALUE) when the element does not exist in R4, or holds something and is no list.
    """
    holder, type_name = _object(place)
    _put(holder, type_name, name, given)


def replace(place: Place, given: Given) -> None:
    """Put a value in the stead of another; a choice may change its type."""
    holder = _holder(place)
    property_, element = _chosen(_type_of_holder(place), _element_name(place), given)
    value = _value(element, given)
    if place.index is not None:
        holder[place.name][place.index] = value
        _set_companion(holder, place.name, place.index, given.companion)
        return
    if property_ != place.name:
        del holder[place.name]
        holder.pop(f"_{place.name}", None)
    _set(holder, property_, value, given.companion)


def remove(place: Place) -> None:
    """Take a value away, and what is left empty by that."""
    holder = _holder(place)
    if place.index is None:
        holder.pop(place.name, None)
        holder.pop(f"_{place.name}", None)
    else:
        items, companions = _lists(holder, place.name)
        del items[place.index]
        if companions:
            del companions[place.index]
        _store(holder, place.name, items, companions)
    if not holder and place.parent is not None and place.parent.holder is not None:
        _prune(place.parent, holder)


def insert(places: list[Place], index: int, given: Given) -> None:
    """Put a value into the list that the places are, so that it stands at `index`."""
    first = places[0]
    _, element = _chosen(_type_of_holder(first), _element_name(first), given)
    items, companions = _lists(_holder(first), first.name)
    companions = companions or [None] * len(items)
    items.insert(index, _value(element, given))
    companions.insert(index, given.companion)
    _store(_holder(first), first.name, items, companions)


def move(places: list[Place], source: int, destination: int) -> None:
    """Take an item out of the list that the places are, and put it back so that it stands at `destination`."""
    holder, name = _holder(places[0]), places[0].name
    items, companions = _lists(holder, name)
    items.insert(destination, items.pop(source))
    if companions:
        companions.insert(destination, companions.pop(source))
    _store(holder, name, items, companions)


def _put(holder: dict[str, Any], type_name: str, name: str, given: Given) -> None:
    property_, element = _chosen(type_name, name, given)
    if element.is_list:
        items, companions = _lists(holder, property_)
        companions = companions or [None] * len(items)
        _store(holder, property_, [*items, _value(element, given)], [*companions, given.companion])
        return
    if any(key in holder or f"_{key}" in holder for key in properties(type_name, name)):
        raise fault(Category.VALUE, f"The element {name} is there already and is no list.", name)
    _set(holder, property_, _value(element, given), given.companion)


def _chosen(type_name: str, name: str, given: Given) -> tuple[str, Element]:
    """The property that an element has for a value of that type."""
    found = properties(type_name, name)
    if len(found) > 1:
        found = {key: element for key, element in found.items() if key == f"{name}{given.suffix}"}
    if not found:
        raise fault(Category.VALUE, f"{type_name} has no element {name[:64]} of that type.", name[:64])
    return next(iter(found.items()))


def _value(element: Element, given: Given) -> Any:
    if not given.parts:
        return given.value
    built: dict[str, Any] = {}
    for name, part in given.parts:
        _put(built, element.type, name, part)
    return built


def _object(place: Place) -> tuple[dict[str, Any], str]:
    """The object that takes new elements of a place: for a primitive, what its `_` sibling holds."""
    if isinstance(place.value, dict):
        return place.value, place.type
    companion = place.companion
    if not companion:
        _set_companion(_holder(place), place.name, place.index, companion)
    return companion, "Element"


def _set(holder: dict[str, Any], name: str, value: Any, companion: Any) -> None:
    if value is None:
        holder.pop(name, None)
    else:
        holder[name] = value
    _set_companion(holder, name, None, companion)


def _set_companion(holder: dict[str, Any], name: str, index: int | None, companion: Any) -> None:
    if index is not None:
        items, companions = _lists(holder, name)
        companions = companions or [None] * len(items)
        companions[index] = companion
        _store(holder, name, items, companions)
    elif companion is None:
        holder.pop(f"_{name}", None)
    else:
        holder[f"_{name}"] = companion


def _lists(holder: dict[str, Any], name: str) -> tuple[list[Any], list[Any]]:
    """The items of a list and what their `_` siblings hold, of the same length or empty."""
    items, companions = list(holder.get(name, ())), list(holder.get(f"_{name}", ()))
    return items, companions + [None] * (len(items) - len(companions)) if companions else []


def _store(holder: dict[str, Any], name: str, items: list[Any], companions: list[Any]) -> None:
    for key, values in ((name, items), (f"_{name}", companions)):
        if any(value is not None for value in values):
            holder[key] = values
        else:
            holder.pop(key, None)


def _prune(place: Place, emptied: dict[str, Any]) -> None:
    """Remove an object that lost its last element; of a primitive, only what its `_` sibling held."""
    if place.value is emptied:
        remove(place)
    else:
        _set_companion(_holder(place), place.name, place.index, None)


def _holder(place: Place) -> dict[str, Any]:
    if place.holder is None:
        raise _whole()
    return place.holder


def _type_of_holder(place: Place) -> str:
    if place.parent is None:
        raise _whole()
    return place.parent.type if isinstance(place.parent.value, dict) else "Element"


def _element_name(place: Place) -> str:
    found = properties(_type_of_holder(place), place.name)
    return found[place.name].name


def _whole() -> FhirError:
    return fault(Category.VALUE, "The path leads to the resource itself, or to nothing that stands in it.")
