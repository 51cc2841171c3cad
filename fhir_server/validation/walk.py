"""One walk through a resource that names the type of everything a rule may be about.

The walk knows the elements of each type (`elements.py`) and passes over what does not have the shape of its type: the
schema gate tells that. Rules and references are read from the list of nodes it makes.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from fhir_server.validation.elements import Element, elements

#: Type of the nodes that pair an array of primitives with its `_` sibling, each None when absent.
PAIR = "primitive-pair"
#: Type of a second node made for each contained resource, beside the one of its own type.
CONTAINED = "contained"
#: Primitive types that rules look at one by one.
_RULED_PRIMITIVES = frozenset(["date", "dateTime", "instant", "integer", "positiveInt", "unsignedInt"])


class Node(NamedTuple):
    """One value of a resource, its type and its place."""

    #: Resource type, data type, backbone path (`Appointment.participant`), ruled primitive type, PAIR or CONTAINED.
    type: str
    #: FHIRPath: `Appointment.participant[1]`.
    path: str
    value: Any
    #: The resource it belongs to: for what is contained, the container.
    root: Mapping[str, Any]
    #: The element it stands in; None for the resource itself.
    element: Element | None


def walk(resource: Mapping[str, Any], type_name: str, *, into_entries: bool = True) -> list[Node]:
    """Every node of `resource`, in document order, parents first.

    Contained resources and, with `into_entries`, the resources of a Bundle or Parameters are walked too.
    """
    nodes: list[Node] = []
    _visit(Node(type_name, type_name, resource, resource, None), nodes, into_entries)
    return nodes


@cache
def _followed(type_name: str) -> Mapping[str, Element]:
    """Elements of a type that rules may be about: objects, ruled primitives, arrays of primitives."""
    return {
        name: element
        for name, element in elements(type_name).items()
        if element.is_list or not element.is_primitive or element.type in _RULED_PRIMITIVES
    }


def _visit(node: Node, nodes: list[Node], into_entries: bool) -> None:
    nodes.append(node)
    followed = _followed(node.type)
    for name, value in node.value.items():
        element = followed.get(name)
        if element is None:
            continue
        path = f"{node.path}.{element.name}"
        if not element.is_list:
            _enter(value, path, element, node.root, nodes, into_entries)
        elif isinstance(value, list):
            if element.is_primitive or name[0] == "_":
                _pair(name, node, path, element, nodes)
            if not element.is_primitive or element.type in _RULED_PRIMITIVES:
                for index, item in enumerate(value):
                    _enter(item, f"{path}[{index}]", element, node.root, nodes, into_entries)


def _enter(
    value: Any, path: str, element: Element, root: Mapping[str, Any], nodes: list[Node], into_entries: bool
) -> None:
    if element.is_primitive:
        if value is not None:
            nodes.append(Node(element.type, path, value, root, element))
    elif isinstance(value, dict):
        if element.type != "Resource":
            _visit(Node(element.type, path, value, root, element), nodes, into_entries)
        elif element.name == "contained":
            nodes.append(Node(CONTAINED, path, value, root, element))
            _visit(Node(_type_of(value), path, value, root, element), nodes, into_entries)
        elif into_entries:
            _visit(Node(_type_of(value), path, value, value, element), nodes, into_entries)


def _type_of(resource: Mapping[str, Any]) -> str:
    type_name = resource.get("resourceType")
    return type_name if isinstance(type_name, str) else ""


def _pair(name: str, node: Node, path: str, element: Element, nodes: list[Node]) -> None:
    """A node for an array of primitives that has a sibling or a null: told once, by the array if there is one."""
    if name[0] != "_":
        values, extensions = node.value[name], node.value.get(f"_{name}")
        if extensions is not None or None in values:
            nodes.append(Node(PAIR, path, (values, extensions), node.root, element))
    elif name[1:] not in node.value:
        nodes.append(Node(PAIR, path, (None, node.value[name]), node.root, element))
