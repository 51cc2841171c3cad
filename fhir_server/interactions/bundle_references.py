"""References between the entries of a transaction, written anew where the target's id is the server's.

A fullUrl stands for its entry's resource in every Reference, uri, url, oid and uuid, and in the links of narratives;
never in a canonical, which names a definition. https://www.hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape, unescape
from typing import Any

from fhir_server.kernel.errors import Category, fault, raise_any
from fhir_server.validation import references
from fhir_server.validation.elements import elements
from fhir_server.validation.walk import walk

#: From the text of a link to what it is to be, None to leave it.
Resolve = Callable[[str], str | None]

_LINK_TYPES = frozenset({"uri", "url", "oid", "uuid"})
# <a href="urn:uuid:…">, <img src='…'>
_LINK = re.compile(r"(?P<before>\s(?:href|src)\s*=\s*)(?P<quote>[\"'])(?P<url>.*?)(?P=quote)", re.DOTALL)
_REST_URL = re.compile(r"https?://.+/(?P<local>[A-Z][A-Za-z]*/[A-Za-z0-9\-.]{1,64})")


def rewritten(resource: dict[str, Any], resolve: Resolve) -> dict[str, Any]:
    """A copy of the resource with every link that `resolve` knows written anew."""
    copied: dict[str, Any] = _copy(resource, str(resource.get("resourceType")), resolve)
    return copied


def local_name(full_url: str) -> str | None:
    """How other entries may call an entry with an http fullUrl: `Patient/1`."""
    match = _REST_URL.fullmatch(full_url)
    return match["local"] if match else None


def searches(resource: Mapping[str, Any]) -> Iterator[str]:
    """The references of a resource that stand for the one match of a search."""
    for _, reference in references.iter_references(resource):
        text = reference.get("reference")
        if isinstance(text, str) and references.parse(text).form == "search":
            yield text


def named(resource: Mapping[str, Any]) -> set[str]:
    """The references of a resource, as they are written."""
    texts = (reference.get("reference") for _, reference in references.iter_references(resource))
    return {text for text in texts if isinstance(text, str)}


def check(resource: Mapping[str, Any], type_name: str) -> None:
    """Raise FhirError (VALUE) for a reference that no entry answers to, or whose target is of a type it may not be."""
    for path, reference in references.iter_references(resource):
        text = reference.get("reference")
        if isinstance(text, str) and references.parse(text).form == "urn":
            raise fault(Category.VALUE, "The reference is to no entry of this transaction.", f"{path}.reference")
    raise_any(references.issues(walk(resource, type_name)))


def _copy(value: Any, type_name: str, resolve: Resolve) -> Any:
    """A copy of an object of that type."""
    known = elements(type_name)
    return {name: _member(name, member, type_name, known, resolve) for name, member in value.items()}


def _member(name: str, member: Any, type_name: str, known: Mapping[str, Any], resolve: Resolve) -> Any:
    element = known.get(name)
    if element is None:
        return member
    if isinstance(member, list):
        return [_item(name, item, type_name, element.type, resolve) for item in member]
    return _item(name, member, type_name, element.type, resolve)


def _item(name: str, item: Any, holder: str, type_name: str, resolve: Resolve) -> Any:
    if isinstance(item, dict):
        inner = str(item.get("resourceType")) if type_name == "Resource" else type_name
        return _copy(item, inner, resolve)
    if not isinstance(item, str):
        return item
    if (holder, name) == ("Narrative", "div"):
        return _LINK.sub(lambda match: _relinked(match, resolve), item)
    if type_name in _LINK_TYPES or (holder, name) == ("Reference", "reference"):
        return resolve(item) or item
    return item


def _relinked(match: re.Match[str], resolve: Resolve) -> str:
    found = resolve(unescape(match["url"]))
    return match[0] if found is None else f"{match['before']}{match['quote']}{escape(found)}{match['quote']}"
