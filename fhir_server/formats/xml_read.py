"""From FHIR XML to the resource in plain JSON. Values only find their place here; validation says what they mean."""

import re
from decimal import Decimal
from typing import Any

from fhir_server.formats.order import BOOLEANS, DECIMALS, INTEGERS, attributes, is_resource, ordered
from fhir_server.formats.xml_tree import Node, parse
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.validation.elements import Element, is_element_name

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,100})(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?")


def from_xml(data: bytes, type_name: str | None = None) -> dict[str, Any]:
    """The resource that an XML document holds, not validated yet.

    Raises FhirError: INVALID and STRUCTURE as `xml_tree.parse`, STRUCTURE for elements and attributes that R4 does
    not have there and, when `type_name` is given, for a resource of another type.
    """
    root = parse(data)
    if type_name is not None and root.name != type_name:
        raise fault(Category.STRUCTURE, f"The resource is not of type {type_name}.", type_name)
    return _resource(root, type_name or "Resource")


def _resource(node: Node, path: str) -> dict[str, Any]:
    if not is_resource(node.name):
        raise fault(Category.STRUCTURE, "The element is not a resource of R4 that this server knows.", path)
    return _object(node, node.name, node.name if path == "Resource" else path)


def _object(node: Node, type_name: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {"resourceType": type_name} if is_resource(type_name) else {}
    as_attributes = attributes(type_name)
    found |= _attributes(node, as_attributes, path)
    known = ordered(type_name)
    for name, nodes in _grouped(node.children).items():
        if name not in known or name in as_attributes:
            raise _unknown(name, path)
        element = known[name]
        if len(nodes) > 1 and not element.is_list:
            raise fault(Category.STRUCTURE, "The element stands more than once.", f"{path}.{name}")
        found |= _member(name, element, nodes, f"{path}.{element.name}")
    return found


def _grouped(nodes: list[Node]) -> dict[str, list[Node]]:
    groups: dict[str, list[Node]] = {}
    for node in nodes:
        groups.setdefault(node.name, []).append(node)
    return groups


def _member(name: str, element: Element, nodes: list[Node], path: str) -> dict[str, Any]:
    """The JSON members, one or two, that the elements of one name become."""
    if element.type == "xhtml":
        return {name: _narrative(nodes[0], path)}
    if not element.is_primitive:
        items = [_value(node, element.type, path) for node in nodes]
        return {name: items if element.is_list else items[0]}
    values = [_scalar(node.attributes.get("value"), element.type) for node in nodes]
    siblings = [_sibling(node, path) or None for node in nodes]
    if any(value is None and sibling is None for value, sibling in zip(values, siblings, strict=True)):
        raise fault(Category.STRUCTURE, "The element holds neither a value nor an extension.", path)
    members: dict[str, Any] = {name: values, f"_{name}": siblings}
    # In an array null stands for each value that is not there, be it all: https://www.hl7.org/fhir/R4/json.html#primitive
    is_kept = {name: element.is_list or values[0] is not None, f"_{name}": any(siblings)}
    return {key: items if element.is_list else items[0] for key, items in members.items() if is_kept[key]}


def _value(node: Node, type_name: str, path: str) -> dict[str, Any]:
    if type_name != "Resource":
        return _object(node, type_name, path)
    if node.attributes or len(node.children) != 1:
        raise fault(Category.STRUCTURE, "The element holds one resource and nothing else.", path)
    return _resource(node.children[0], path)


def _sibling(node: Node, path: str) -> dict[str, Any]:
    """Id and extensions of a primitive: what JSON writes under `_name`."""
    bare = Node(node.name, {key: text for key, text in node.attributes.items() if key != "value"}, node.children)
    return _object(bare, "Element", path)


def _narrative(node: Node, path: str) -> str:
    if node.narrative is None:
        raise fault(Category.STRUCTURE, "A narrative is a div of the XHTML namespace.", path)
    return node.narrative


def _attributes(node: Node, allowed: tuple[str, ...], path: str) -> dict[str, Any]:
    if node.narrative is not None or node.attributes.keys() - set(allowed):
        raise fault(Category.STRUCTURE, "The element has an attribute, or a content, that R4 does not know.", path)
    return dict(node.attributes)


def _scalar(text: str | None, type_name: str) -> Any:
    """The JSON value of an attribute; a text that is none of its type stays a text, for validation to tell."""
    if text is None:
        return None
    if type_name in BOOLEANS:
        return {"true": True, "false": False}.get(text, text)
    if type_name in INTEGERS and _INTEGER.fullmatch(text):
        return int(text)
    if type_name in DECIMALS and _DECIMAL.fullmatch(text):
        return Decimal(text)
    return text


def _unknown(name: str, path: str) -> FhirError:
    told = f"{path}.{name}" if is_element_name(name) else path
    return fault(Category.STRUCTURE, "R4 has no such element here.", told)
