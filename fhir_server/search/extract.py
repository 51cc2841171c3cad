"""The searchable values of a resource: what a parameter finds in it, as the index stores it.

An entry is a tuple in the order of its index table's columns: token (system, code), reference (type, id), date (low,
high), string (folded, exact), uri (value,), quantity or number (value, system, code, unit), special (x, y, z). A
phonetic string is (sound, words). An entry of a composite holds the entries of each component in one repetition.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from fhir_server.kernel import paths
from fhir_server.kernel.dates import interval, period
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.extensions import APPOINTMENT_OPERATOR
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.search.folding import clip, fold, fold_code
from fhir_server.search.phonetics import phrases
from fhir_server.search.positions import MAX_LATITUDE, MAX_LONGITUDE, point
from fhir_server.search.references import local, type_of_absolute

Entry = tuple[Any, ...]

#: Parts of HumanName and Address that a string parameter searches when its path ends at one of these.
_STRING_PARTS = (
    "text",
    "family",
    "given",
    "prefix",
    "suffix",
    "line",
    "city",
    "district",
    "state",
    "postalCode",
    "country",
)


def entries(parameter: SearchParameter, resource: dict[str, Any]) -> list[Entry]:
    """What the parameter finds in the resource, without repeats, in document order.

    Raises FhirError (VALUE) for a date that does not exist.
    """
    return entries_of(parameter, [node for path in parameter.paths for node in nodes(path, resource)])


def nodes(path: str, resource: dict[str, Any]) -> list[Any]:
    """The elements at a parameter's path."""
    function = _FUNCTIONS.get(path)
    return function(resource) if function else paths.read(resource, path)


def entries_of(parameter: SearchParameter, found: Sequence[Any]) -> list[Entry]:
    """As `entries`, of elements already read."""
    convert = _CONVERTERS[parameter.kind]
    every: list[Entry] = []
    for node in found:
        every += convert(parameter, node)
    return every if len(every) < 2 else list(dict.fromkeys(every))


def components(parameter: SearchParameter) -> tuple[SearchParameter, ...]:
    """The parameters that a composite one is made of, with paths from the element that repeats.

    https://www.hl7.org/fhir/R4/search.html#composite
    """
    return _components(parameter.base, parameter.code)


@cache
def _components(base: str, code: str) -> tuple[SearchParameter, ...]:
    found = parameters(base)
    (root,) = found[code].paths
    return tuple(
        replace(found[part], paths=tuple(path.removeprefix(f"{root}.") for path in found[part].paths))
        for part in found[code].targets
    )


def _is_deceased(resource: dict[str, Any]) -> list[bool]:
    """`Patient.deceased.exists() and Patient.deceased != false`: always has a value."""
    return [resource.get("deceasedBoolean", False) is True or "deceasedDateTime" in resource]


def _regulated_start(resource: dict[str, Any]) -> list[Any]:
    """When an appointment of regulated care starts: one that answers a request, or names who booked it in SAS."""
    requests = (reference.get("reference", "") for reference in resource.get("basedOn", ()))
    operators = APPOINTMENT_OPERATOR.intersection(one.get("url", "") for one in resource.get("extension", ()))
    is_regulated = bool(operators) or any("ServiceRequest/" in text for text in requests)
    return [resource["start"]] if is_regulated and "start" in resource else []


_FUNCTIONS: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "is_deceased()": _is_deceased,
    "regulated_start()": _regulated_start,
}


def _tokens(parameter: SearchParameter, node: Any) -> Iterator[Entry]:
    if isinstance(node, dict):
        for coding in node.get("coding", (node,)):
            code = coding.get("code", coding.get("value"))
            if code is not None or "system" in coding:
                yield clip(coding.get("system", "")), _code(parameter, code or "")
    elif isinstance(node, bool):
        yield "", "true" if node else "false"
    else:
        yield parameter.system, _code(parameter, str(node))


def _code(parameter: SearchParameter, code: str) -> str:
    return clip(code) if parameter.is_case_sensitive else fold_code(code)


def _references(parameter: SearchParameter, node: Any) -> Iterator[Entry]:
    if isinstance(node, str):
        # A canonical is found with and without the version it names, and may be as relative as a reference.
        for url in dict.fromkeys((node, node.partition("|")[0])):
            yield local(url) or ("", clip(url))
        return
    text = node.get("reference", "#")
    if text.startswith("#"):
        return
    here = local(text)
    type_name = here[0] if here else node.get("type") or type_of_absolute(text)
    if is_wanted(parameter, type_name):
        yield here or ("", clip(text))


def is_wanted(parameter: SearchParameter, type_name: str) -> bool:
    """A reference whose type nothing tells may be of the type asked for."""
    return not type_name or not parameter.targets or type_name in parameter.targets


def _dates(parameter: SearchParameter, node: Any) -> Iterator[Entry]:
    try:
        if isinstance(node, dict):
            if "start" in node or "end" in node:
                span = period(node.get("start"), node.get("end"))
                yield span.low, span.high
        else:
            span = interval(node)
            # A typed column holds an instant: a moment without width.
            yield span.low, span.low + 1 if parameter.column else span.high
    except (ValueError, OverflowError):
        where = f"{parameter.base}.{parameter.paths[0]}"
        raise fault(Category.VALUE, "This is not a date that exists.", where) from None


def _strings(parameter: SearchParameter, node: Any) -> Iterator[Entry]:
    texts = (
        [node]
        if isinstance(node, str)
        else [text for name in _STRING_PARTS if name in node for text in paths.read(node, name)]
    )
    for text in texts:
        yield from phrases(text) if parameter.is_phonetic else ((fold(text), text),)


def _uris(_parameter: SearchParameter, node: Any) -> Iterator[Entry]:
    yield (clip(node),)


def _quantities(_parameter: SearchParameter, node: Any) -> Iterator[Entry]:
    if not isinstance(node, dict):
        yield float(node), "", "", ""
    elif "value" in node:
        yield float(node["value"]), *(clip(node.get(name, "")) for name in ("system", "code", "unit"))
    else:
        # A Range is found by its bounds.
        for bound in ("low", "high"):
            yield from _quantities(_parameter, node[bound]) if "value" in node.get(bound, ()) else ()


def _points(_parameter: SearchParameter, node: Any) -> Iterator[Entry]:
    # R4 sets no bounds to them, and lets an extension stand in their place: what is not on Earth is near nothing.
    latitude, longitude = node.get("latitude", math.inf), node.get("longitude", math.inf)
    if abs(latitude) <= MAX_LATITUDE and abs(longitude) <= MAX_LONGITUDE:
        yield point(float(latitude), float(longitude))


def _composites(parameter: SearchParameter, node: Any) -> Iterator[Entry]:
    parts = tuple(tuple(entries(part, node)) for part in components(parameter))
    if all(parts):
        yield parts


_CONVERTERS: dict[str, Callable[[SearchParameter, Any], Iterator[Entry]]] = {
    "token": _tokens,
    "reference": _references,
    "date": _dates,
    "string": _strings,
    "uri": _uris,
    "number": _quantities,
    "quantity": _quantities,
    "composite": _composites,
    "special": _points,
}
