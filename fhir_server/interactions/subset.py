"""Resources shown in part, as `_summary` and `_elements` ask, and marked so that nobody writes them back.

https://www.hl7.org/fhir/R4/search.html#summary and #elements
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel import json
from fhir_server.validation.elements import Element, elements
from fhir_server.validation.subsets import kept_elements, summary_elements

_TAG = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "Resource encoded in summary mode",
}
#: In every part of a resource.
_ALWAYS = frozenset({"resourceType", "id", "meta"})
_LOCAL_REFERENCE = '"reference":"#'


@dataclass(frozen=True, slots=True)
class Subset:
    """Which part of each resource is shown."""

    #: true, text or data; empty for all.
    summary: str = ""
    #: Names of elements asked for; empty for all.
    names: tuple[str, ...] = ()

    def apply(self, body: str) -> str:
        """The text of the part of a stored resource that is shown."""
        if not self.summary and not self.names:
            return body
        resource = json.load(body.encode())
        shown = _PARTS["elements" if self.names else self.summary](resource, self.names)
        text = json.encode(_marked(shown)).decode()
        if "contained" in resource and "contained" not in shown and _LOCAL_REFERENCE in text:
            # What is contained comes along where something shown refers to it.
            text = json.encode(_marked({**shown, "contained": resource["contained"]})).decode()
        return text


def _marked(shown: dict[str, Any]) -> dict[str, Any]:
    meta = shown.get("meta", {})
    others = [tag for tag in meta.get("tag", ()) if tag.get("code") != _TAG["code"]]
    return {**shown, "meta": {**meta, "tag": [*others, _TAG]}}


def _of_elements(resource: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    type_name = resource["resourceType"]
    known = elements(type_name)
    wanted = kept_elements()[type_name] | frozenset(names)
    return {
        name: value
        for name, value in resource.items()
        if name in _ALWAYS or name in wanted or (name in known and known[name].name in wanted)
    }


def _of_summary(resource: dict[str, Any], _names: tuple[str, ...]) -> dict[str, Any]:
    return {name: resource[name] for name in _ALWAYS if name in resource} | _summarised(
        resource["resourceType"], resource
    )


def _of_text(resource: dict[str, Any], _names: tuple[str, ...]) -> dict[str, Any]:
    return _of_elements(resource, ("text",))


def _of_data(resource: dict[str, Any], _names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name != "text"}


def _summarised(type_name: str, node: dict[str, Any]) -> dict[str, Any]:
    known, wanted = elements(type_name), summary_elements()[type_name]
    return {
        name: _below(known[name], value)
        for name, value in node.items()
        if name in known and known[name].name in wanted and name not in _ALWAYS
    }


def _below(element: Element, value: Any) -> Any:
    if element.type not in summary_elements():
        return value
    return (
        [_summarised(element.type, item) for item in value]
        if isinstance(value, list)
        else _summarised(element.type, value)
    )


_PARTS: Mapping[str, Callable[[dict[str, Any], tuple[str, ...]], dict[str, Any]]] = {
    "elements": _of_elements,
    "true": _of_summary,
    "text": _of_text,
    "data": _of_data,
}
