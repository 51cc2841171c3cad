"""The second opinion: fhir.resources' R4B models, which read a resource independently of our schema.

R4B is used since the library has no R4; for the resources served here both have the same elements. A resource that uses
what the models lack (`can_judge`) is not put to them.
"""

import importlib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import fhir_core.constraints
from pydantic import BaseModel, ValidationError

from fhir_server.kernel.errors import Category, Issue
from fhir_server.validation.elements import elements, expression
from fhir_server.validation.walk import Node

# R4 ids have 64 characters at most; the library allows 255 unless told so before its models are imported.
fhir_core.constraints.TYPES_ID_MAX_LENGTH = 64

_CATEGORIES = {
    "missing": Category.REQUIRED,
    "model_field_validation.missing": Category.REQUIRED,
    "extra_forbidden": Category.STRUCTURE,
    "string_too_long": Category.TOO_LONG,
}


def issues(resource: Mapping[str, Any], type_name: str) -> list[Issue]:
    """What the model of `type_name` finds wrong with `resource`. The library's texts quote values and are not told."""
    try:
        _model(type_name).model_validate(resource)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return [_issue(item["type"], item["loc"], type_name) for item in found]
    except LookupError:
        # A resource of a type that R4 has and R4B has not stands inside: the models cannot judge the whole.
        return []
    return []


def prepare(type_name: str) -> None:
    """Import the model now, so that no request waits for it: the first costs half a second."""
    _model(type_name)


def can_judge(nodes: Iterable[Node]) -> bool:
    """Whether the models know every element used: they lack Meta as a choice's type, and choices without a value."""
    return not any(_is_unknown(node) for node in nodes)


def _is_unknown(node: Node) -> bool:
    if node.type == "Meta":
        return node.element is not None and node.element.name != "meta"
    # `_valueString` alone, an extension in the place of a value. In extensions they do not know it beside one either.
    siblings = [name for name in node.value if name[0] == "_"] if isinstance(node.value, dict) else []
    alone = siblings if node.type == "Extension" else [name for name in siblings if name[1:] not in node.value]
    return any(_is_choice(node.type, name) for name in alone)


def _is_choice(type_name: str, sibling: str) -> bool:
    element = elements(type_name).get(sibling)
    return element is not None and element.name != sibling[1:]


@cache
def _model(type_name: str) -> type[BaseModel]:
    module = importlib.import_module(f"fhir.resources.R4B.{type_name.lower()}")
    model: type[BaseModel] = getattr(module, type_name)
    return model


def _issue(kind: str, location: tuple[int | str, ...], type_name: str) -> Issue:
    steps = [step for step in location if step != "root"]
    return Issue(
        _CATEGORIES.get(kind, Category.VALUE),
        f"The R4B model does not accept what stands here ({kind}).",
        expression(type_name, type_name, steps),
    )
