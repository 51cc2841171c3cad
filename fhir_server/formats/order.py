"""What XML needs to know of a type beyond what JSON does: in which order its elements stand, and which are attributes.

The order is that of the models of fhir.resources. They also stand in for types that the server does not serve, has no
definition of, and may meet inside of others. https://www.hl7.org/fhir/R4/xml.html
"""

import importlib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from fhir_core.utils import get_fhir_type_name, is_list_type, is_primitive_type
from pydantic import BaseModel

from fhir_server.validation import elements as schema
from fhir_server.validation.elements import Element, resource_types

#: The namespaces of FHIR and of narratives.
FHIR, XHTML = "http://hl7.org/fhir", "http://www.w3.org/1999/xhtml"

BOOLEANS = frozenset({"boolean"})
INTEGERS = frozenset({"integer", "positiveInt", "unsignedInt"})
DECIMALS = frozenset({"decimal"})

#: What the library's register of types puts before the names of R4B.
_PREFIX = "R4."


@cache
def ordered(type_name: str) -> Mapping[str, Element]:
    """The elements of a type by name, in the order in which XML has them; siblings of primitives (`_x`) left out."""
    model = _model(type_name)
    sequence: list[str] = model.elements_sequence() if model is not None else []  # type: ignore[attr-defined]
    found = {name: it for name, it in schema.elements(type_name).items() if not name.startswith("_")}
    if not found and model is not None:
        found = _elements(model, type_name)
    known = [name for name in sequence if name in found]
    return MappingProxyType({name: found[name] for name in dict.fromkeys((*known, *found))})


@cache
def is_resource(type_name: str) -> bool:
    """Whether `type_name` is a resource type whose elements are known."""
    return schema.is_resource(type_name) or (type_name in resource_types() and _model(type_name) is not None)


def attributes(type_name: str) -> tuple[str, ...]:
    """The elements of a type that are attributes in XML."""
    if is_resource(type_name):
        return ()
    return ("id", "url") if type_name == "Extension" else ("id",)


def _model(type_name: str) -> type[BaseModel] | None:
    """The model of a type or backbone (`Slot`, `Bundle.entry.request`); None for one that R4B has not."""
    parts = type_name.split(".")
    try:
        module = importlib.import_module(f"fhir.resources.R4B.{parts[0].lower()}")
        model: type[BaseModel] = getattr(module, "".join(part[0].upper() + part[1:] for part in parts))
    except (ImportError, AttributeError):
        return None
    return model


def _elements(model: type[BaseModel], type_name: str) -> dict[str, Element]:
    """The elements of a type as its model has them."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    found: dict[str, Element] = {}
    for name in model.elements_sequence():  # type: ignore[attr-defined]
        field = fields[name]
        type_of = get_fhir_type_name(field, prefix=_PREFIX)
        is_primitive = is_primitive_type(field)
        if not is_primitive and type_of != "Resource" and not schema.elements(type_of):
            type_of = f"{type_name}.{name}"
        found[name] = Element(name, type_of, is_list_type(field), is_primitive, frozenset())
    return found
