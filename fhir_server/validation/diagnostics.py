"""Tells schema errors as issues: a category, a FHIRPath and a sentence without the value that was sent.

A wrong code is told back, since it is a word of a code list and not of a patient; nothing else is.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jsonschema_rs import ValidationError

from fhir_server.kernel.errors import Category, Issue
from fhir_server.validation.elements import elements, expression, is_element_name
from fhir_server.validation.primitives import DESCRIPTIONS, OR_NULL

#: A code short and plain enough to be told back.
_TELLABLE = re.compile(r"[\w.-]{1,32}", re.ASCII)
#: Codes listed in a diagnostic; a longer list is only counted.
_LISTED_CODES = 20

_SHAPES = {"array": "an array", "object": "an object"}

Finding = tuple[Category, str]


def issues(errors: Sequence[ValidationError], type_name: str, path: str) -> list[Issue]:
    """One issue for each fault that jsonschema-rs found in a `type_name` that stands at `path`."""
    empty = [error.instance_path for error in errors if error.kind.name == "minProperties"]
    # An empty object also lacks what is required of it: that it is empty says enough.
    telling = (error for error in errors if error.kind.name == "minProperties" or error.instance_path not in empty)
    return [issue for error in telling for issue in _tell(error, type_name, path)]


def _tell(error: ValidationError, type_name: str, path: str) -> Iterator[Issue]:
    where = expression(path, type_name, error.instance_path)
    kind: Any = error.kind
    if kind.name == "additionalProperties":
        for name in kind.unexpected:
            yield _unknown(name, where)
    elif kind.name == "required":
        yield Issue(Category.REQUIRED, f"The element {kind.property} is required.", f"{where}.{kind.property}")
    elif kind.name == "oneOf":
        choice = _definition(error).rpartition(".")[2].removesuffix("-x")
        yield _wrong_choice(error, choice, f"{where}.{choice}")
    else:
        category, sentence = _FINDINGS[kind.name](error)
        yield Issue(category, f"The element {where.rpartition('.')[2]} {sentence}.", where)


def _unknown(name: str, where: str) -> Issue:
    if not is_element_name(name):
        return Issue(Category.STRUCTURE, "A property whose name is no element name stands here.", where)
    return Issue(Category.STRUCTURE, f"The element {name} does not exist here in R4.", f"{where}.{name}")


def _wrong_choice(error: ValidationError, choice: str, where: str) -> Issue:
    holder = elements(_definition(error).rpartition(".")[0])
    present = error.instance if isinstance(error.instance, dict) else {}
    given = [name for name in present if name in holder and holder[name].name == choice]
    if given:
        sentence = f"The element {choice}[x] is given in more than one type: {', '.join(given)}."
        return Issue(Category.STRUCTURE, sentence, where)
    return Issue(Category.REQUIRED, f"The element {choice}[x] is required in one of its types.", where)


def _definition(error: ValidationError) -> str:
    """Name of the definition that was not met: the schema's path is `$defs`, name, keyword."""
    return str(error.schema_path[1]).removesuffix(OR_NULL)


def _of_wrong_type(error: ValidationError) -> Finding:
    kind: Any = error.kind
    if error.instance is None:
        return Category.STRUCTURE, "is null, which FHIR does not use here"
    for name, shape in _SHAPES.items():
        if name in kind.types:
            return Category.STRUCTURE, f"must be {shape}"
    if isinstance(error.instance, (list, dict)):
        return Category.STRUCTURE, "must be a single value"
    if "string" in kind.types:
        return Category.VALUE, "must be a JSON string"
    return _of_wrong_value(error)


def _of_wrong_value(error: ValidationError) -> Finding:
    if error.instance == "":
        return Category.VALUE, "is empty"
    return Category.VALUE, f"is not {DESCRIPTIONS[_definition(error)]}"


def _of_wrong_code(error: ValidationError) -> Finding:
    kind: Any = error.kind
    code = error.instance
    if error.instance_path[-1:] == ["resourceType"]:
        return Category.STRUCTURE, "names no R4 resource type"
    if code is None or isinstance(code, (list, dict)):
        return Category.STRUCTURE, "must be a code"
    if not isinstance(code, str) or not code:
        return Category.VALUE, "must be a code"
    codes = [option for option in kind.options if option is not None]
    listed = ", ".join(codes) if len(codes) <= _LISTED_CODES else f"the {len(codes)} codes required here"
    told = f"({code}) " if _TELLABLE.fullmatch(code) else ""
    return Category.CODE_INVALID, f"{told}is not one of {listed}"


#: What each keyword of the schema says when it is not met.
_FINDINGS: Mapping[str, Callable[[ValidationError], Finding]] = {
    "type": _of_wrong_type,
    "enum": _of_wrong_code,
    "const": lambda error: (Category.STRUCTURE, "names another resource type than expected here"),
    "pattern": _of_wrong_value,
    "minimum": _of_wrong_value,
    "maximum": _of_wrong_value,
    "minLength": _of_wrong_value,
    "maxLength": lambda error: (Category.TOO_LONG, f"is longer than {getattr(error.kind, 'limit', 0)} characters"),
    "minItems": lambda error: (Category.STRUCTURE, "is an empty array"),
    "minProperties": lambda error: (Category.STRUCTURE, "is an object without content"),
}
