"""From a resource in plain JSON to FHIR XML. Whatever XML could not give back is refused, never dropped."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import quoteattr

from fhir_server.formats.order import BOOLEANS, DECIMALS, FHIR, INTEGERS, attributes, is_resource, ordered
from fhir_server.formats.xml_tree import is_narrative
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.validation.elements import Element

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
#: Characters that no XML 1.0 document can hold. https://www.w3.org/TR/xml/#charsets
_FOREIGN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def to_xml(resource: Mapping[str, Any], *, is_pretty: bool = False) -> bytes:
    """The resource as FHIR XML in UTF-8, so that `from_xml` gives the same resource back.

    Raises FhirError (NOT_ACCEPTABLE) for what XML cannot carry: characters that it forbids, a narrative that is not
    well-formed, a member that R4 does not know.
    """
    writer = _Writer("\n" if is_pretty else "")
    writer.resource(resource, f' xmlns="{FHIR}"', "")
    return (_DECLARATION + "".join(writer.parts)).encode()


class _Writer:
    def __init__(self, line_end: str) -> None:
        self.parts: list[str] = []
        self._line_end = line_end

    def resource(self, resource: Any, namespace: str, indent: str) -> None:
        type_name = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(type_name, str) or not is_resource(type_name):
            raise _refused("Resource")
        self._open(type_name + namespace, indent)
        self._members(resource, type_name, (), indent)
        self._close(type_name, indent)

    def _members(self, value: Mapping[str, Any], type_name: str, skipped: tuple[str, ...], indent: str) -> None:
        """Everything in an object but its attributes."""
        left = value.keys() - skipped - {"resourceType"} if is_resource(type_name) else value.keys() - set(skipped)
        for name, element in ordered(type_name).items():
            if name in left or (element.is_primitive and f"_{name}" in left):
                self._member(name, element, value, f"{type_name}.{name}", self._deeper(indent))
                left = left - {name, f"_{name}"}
        if left:
            raise _refused(type_name)

    def _member(self, name: str, element: Element, value: Mapping[str, Any], path: str, indent: str) -> None:
        if element.is_primitive:
            for item, sibling in _pairs(value.get(name), value.get(f"_{name}"), element.is_list, path):
                self._primitive(name, element.type, item, sibling, path, indent)
            return
        items = value[name] if element.is_list else [value[name]]
        if f"_{name}" in value or not isinstance(items, list) or not items:
            raise _refused(path)
        for item in items:
            self._object(name, element.type, item, path, indent)

    def _object(self, name: str, type_name: str, value: Any, path: str, indent: str) -> None:
        if not isinstance(value, dict):
            raise _refused(path)
        if type_name == "Resource":
            self._open(name, indent)
            self.resource(value, "", self._deeper(indent))
        else:
            names = tuple(it for it in attributes(type_name) if it in value)
            self._open(name + "".join(_attribute(it, value[it], path) for it in names), indent)
            self._members(value, type_name, names, indent)
        self._close(name, indent)

    def _primitive(self, name: str, type_name: str, value: Any, sibling: Any, path: str, indent: str) -> None:
        if type_name == "xhtml":
            self.parts.append(indent + _narrative(value, sibling, path) + self._line_end)
            return
        sibling = {} if sibling is None else sibling
        if not isinstance(sibling, dict) or (value is None and not sibling):
            raise _refused(path)
        start = name + ("" if value is None else _attribute("value", _text(value, type_name, path), path))
        if "id" in sibling:
            start += _attribute("id", sibling["id"], path)
        if sibling.keys() <= {"id"}:
            self.parts.append(f"{indent}<{start}/>{self._line_end}")
            return
        self._open(start, indent)
        self._members(sibling, "Element", ("id",), indent)
        self._close(name, indent)

    def _open(self, start: str, indent: str) -> None:
        self.parts.append(f"{indent}<{start}>{self._line_end}")

    def _close(self, name: str, indent: str) -> None:
        self.parts.append(f"{indent}</{name}>{self._line_end}")

    def _deeper(self, indent: str) -> str:
        return f"{indent}  " if self._line_end else ""


def _pairs(values: Any, siblings: Any, is_list: bool, path: str) -> list[tuple[Any, Any]]:
    """Each value of a primitive element with its `_` sibling."""
    if not is_list:
        return [(values, siblings)]
    values, siblings = ([] if it is None else it for it in (values, siblings))
    if not (isinstance(values, list) and isinstance(siblings, list)) or not (values or siblings):
        raise _refused(path)
    length = max(len(values), len(siblings))
    padded = [it + [None] * (length - len(it)) for it in (values, siblings)]
    return list(zip(*padded, strict=True))


def _text(value: Any, type_name: str, path: str) -> str:
    if isinstance(value, bool):
        matches, text = type_name in BOOLEANS, "true" if value else "false"
    elif isinstance(value, int | Decimal):
        matches, text = type_name in INTEGERS | DECIMALS, str(value)
    else:
        matches, text = type_name not in INTEGERS | DECIMALS | BOOLEANS, value
    if not matches or not isinstance(text, str):
        raise _refused(path)
    return text


def _attribute(name: str, value: Any, path: str) -> str:
    if not isinstance(value, str) or _FOREIGN.search(value):
        raise _refused(path)
    return f" {name}={quoteattr(value)}"


def _narrative(value: Any, sibling: Any, path: str) -> str:
    if not isinstance(value, str) or sibling is not None or not is_narrative(value):
        raise _refused(path)
    return value


def _refused(path: str) -> FhirError:
    return fault(
        Category.NOT_ACCEPTABLE, f"XML cannot carry all of what stands in {path}; ask for application/fhir+json.", path
    )
