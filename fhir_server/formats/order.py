"""What XML needs to know of a type beyond what JSON does: in which order its elements stand, and which are attributes.

`r4_elements.csv`, generated from the R4 definitions (`generate.py`), has every type of R4, also those that the server
does not serve and may meet inside of others. It is read when XML is first asked for, and a type when it is first met.
https://www.hl7.org/fhir/R4/xml.html
"""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from fhir_server.validation.elements import Element, resource_types

#: The namespaces of FHIR and of narratives.
FHIR, XHTML = "http://hl7.org/fhir", "http://www.w3.org/1999/xhtml"

BOOLEANS = frozenset({"boolean"})
INTEGERS = frozenset({"integer", "positiveInt", "unsignedInt"})
DECIMALS = frozenset({"decimal"})

_CHOICE = "[x]"


@cache
def ordered(type_name: str) -> Mapping[str, Element]:
    """The elements of a type by name, in the order in which XML has them; siblings of primitives (`_x`) left out."""
    described = _table().get(type_name, "").split()
    return MappingProxyType({name: found for text in described for name, found in _elements(text)})


@cache
def is_resource(type_name: str) -> bool:
    """Whether `type_name` is a resource type of R4."""
    return type_name in resource_types()


def attributes(type_name: str) -> tuple[str, ...]:
    """The elements of a type that are attributes in XML."""
    if is_resource(type_name):
        return ()
    return ("id", "url") if type_name == "Extension" else ("id",)


@cache
def _table() -> Mapping[str, str]:
    text = files("fhir_server.formats").joinpath("r4_elements.csv").read_text(encoding="utf-8")
    return {row["type"]: row["elements"] for row in csv.DictReader(text.splitlines())}


def _elements(text: str) -> Iterator[tuple[str, Element]]:
    """One element of the table, once for each type of a choice: `given:string*`, `deceased[x]:boolean|dateTime`."""
    element, _, type_names = text.partition(":")
    name = element.removesuffix(_CHOICE)
    for type_name in type_names.removesuffix("*").split("|"):
        ending = type_name[0].upper() + type_name[1:] if element.endswith(_CHOICE) else ""
        is_primitive = type_name[0].islower()
        yield name + ending, Element(name, type_name, type_names.endswith("*"), is_primitive, frozenset())
