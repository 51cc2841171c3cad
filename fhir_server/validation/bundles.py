"""Invariants of Bundle, bdl-1 to bdl-12. https://www.hl7.org/fhir/R4/bundle.html#invs"""

from collections.abc import Iterable, Mapping
from typing import Any

from fhir_server.validation.conditions import Condition
from fhir_server.validation.walk import Node

_REQUEST_TYPES = frozenset(["batch", "transaction", "history"])
_RESPONSE_TYPES = frozenset(["batch-response", "transaction-response", "history"])


def only_in(name: str, *types: str) -> Condition:
    """bdl-1, bdl-2: the Bundle's or its entries' element `name` is used only in Bundles of these types."""

    def holds(node: Node) -> bool:
        is_used = name in node.value or any(name in entry for entry in _entries(node))
        return not is_used or node.value.get("type") in types

    return holds


def has_requests(node: Node) -> bool:
    """bdl-3: entries have a request in a batch, transaction or history, and in no other Bundle."""
    expected = node.value.get("type") in _REQUEST_TYPES
    return all(("request" in entry) == expected for entry in _entries(node))


def has_responses(node: Node) -> bool:
    """bdl-4: entries have a response in a batch or transaction response or history, and in no other Bundle."""
    expected = node.value.get("type") in _RESPONSE_TYPES
    return all(("response" in entry) == expected for entry in _entries(node))


def has_distinct_urls(node: Node) -> bool:
    """bdl-7: no fullUrl stands twice with the same version, but in a history."""
    if node.value.get("type") == "history":
        return True
    keys = [(entry["fullUrl"], _version(entry)) for entry in _entries(node) if "fullUrl" in entry]
    return len(set(keys)) == len(keys)


def has_versionless_url(node: Node) -> bool:
    """bdl-8: the fullUrl of an entry is not that of a version."""
    return "/_history/" not in node.value.get("fullUrl", "")


def is_identified_document(node: Node) -> bool:
    """bdl-9: a document has an identifier with a system and a value."""
    identifier = node.value.get("identifier", {})
    return node.value.get("type") != "document" or ("system" in identifier and "value" in identifier)


def is_dated_document(node: Node) -> bool:
    """bdl-10: a document has a date."""
    return node.value.get("type") != "document" or "timestamp" in node.value


def starts_with(bundle_type: str, resource_type: str) -> Condition:
    """bdl-11, bdl-12: the first resource of a document is a Composition, of a message a MessageHeader."""

    def holds(node: Node) -> bool:
        first = next(iter(_entries(node)), {})
        return node.value.get("type") != bundle_type or _resource(first).get("resourceType") == resource_type

    return holds


def _entries(node: Node) -> Iterable[Mapping[str, Any]]:
    entries: Iterable[Mapping[str, Any]] = node.value.get("entry", ())
    return entries


def _resource(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    resource: Mapping[str, Any] = entry.get("resource", {})
    return resource


def _version(entry: Mapping[str, Any]) -> str | None:
    meta = _resource(entry).get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None
