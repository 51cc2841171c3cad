"""The elements of every R4 type, read from the generated schema: names, types, cardinality, targets of references."""

import gzip
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fhir_server.validation.primitives import OR_NULL

#: Shape of an element's name in JSON; what has another shape is never told back, it may be anything.
_ELEMENT_NAME = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type, as one JSON property carries it."""

    #: FHIRPath name: `value` for the property `valueString`, `given` for `_given`.
    name: str
    #: Definition of its values: `Period`, `Appointment.participant`, `instant`, `code.slotstatus`.
    type: str
    is_list: bool
    #: Its values are JSON scalars.
    is_primitive: bool
    #: Types a Reference may point to; empty for any.
    targets: frozenset[str]


@cache
def definitions() -> Mapping[str, Mapping[str, Any]]:
    """Every definition of the schema by name: `Slot`, `Appointment.participant`, `instant`, `code.slotstatus`."""
    packed = files("fhir_server.validation").joinpath("r4.schema.json.gz").read_bytes()
    found: Mapping[str, Mapping[str, Any]] = json.loads(gzip.decompress(packed))["$defs"]
    return found


@cache
def resource_types() -> frozenset[str]:
    """Names of every R4 resource type, also of those without a definition here."""
    return frozenset(definitions()["Resource"]["properties"]["resourceType"]["enum"])


@cache
def is_resource(type_name: str) -> bool:
    """Whether `type_name` is a resource type with a definition."""
    return "resource" in definitions().get(type_name, ())


@cache
def elements(type_name: str) -> Mapping[str, Element]:
    """The elements of a type by JSON property name; none for a type without a definition."""
    properties = definitions().get(type_name, {}).get("properties", {})
    return {name: _element(name, schema) for name, schema in properties.items() if name != "resourceType"}


def is_element_name(text: str) -> bool:
    """Whether `text` looks like the name of an element, known or not."""
    return _ELEMENT_NAME.fullmatch(text) is not None


def expression(path: str, type_name: str, steps: Iterable[str | int]) -> str:
    """FHIRPath of what lies `steps` of JSON under `path`, where a `type_name` stands.

    >>> expression("Slot", "Slot", ["extension", 0, "valueString"])
    'Slot.extension[0].value'
    """
    for step in steps:
        if isinstance(step, int):
            path = f"{path}[{step}]"
        elif step in elements(type_name):
            element = elements(type_name)[step]
            path, type_name = f"{path}.{element.name}", element.type
        elif is_element_name(step):
            path = f"{path}.{step}"
    return path


def _element(name: str, schema: Mapping[str, Any]) -> Element:
    reference = schema.get("items", schema)["$ref"].removeprefix("#/$defs/").removesuffix(OR_NULL)
    return Element(
        name=schema.get("choice", name.removeprefix("_")),
        type=reference,
        is_list="items" in schema,
        is_primitive=reference[0].islower(),
        targets=frozenset(schema.get("targets", ())),
    )
