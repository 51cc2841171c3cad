"""One entry of a batch or transaction, understood: what it asks, of what. https://www.hl7.org/fhir/R4/http.html#trules"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.auth.scopes import LETTER_OF
from fhir_server.interactions.condition import Condition, condition
from fhir_server.interactions.reach import AccessCheck
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.resources import RESOURCES

#: Interactions that write, and the resource types that their entries carry; empty for the type written, None for none.
WRITES: Mapping[str, tuple[str, ...] | None] = {
    "create": (),
    "update": (),
    "patch": ("Parameters", "Binary"),
    "delete": None,
}

_URL = re.compile(
    r"(?:(?P<type>[A-Za-z]{1,64})(?:/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/(?P<member>[A-Za-z]{1,64}|\*))?)?"
    r"(?(member)|(?:/(?P<history>_history)(?:/(?P<version>[0-9]{1,9}))?)?)|(?P<system>_history)|(?=\?))"
    r"(?:\?(?P<query>.*))?",
    re.DOTALL,
)
# W/"3"
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"')
#: What a method means at an address without history.
_METHODS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_LOOKS = frozenset({"GET", "HEAD"})
#: What is asked of several types; which of them, the search finds out.
_SPREAD = frozenset({"history-system", "search-system", "search-compartment"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry asks."""

    number: int
    method: str
    #: FHIR interaction: create, read, history-system, …; search-compartment is a search of a type in another's.
    interaction: str
    #: Empty for what is asked of the whole server.
    type: str
    #: Empty when the resource is new, or named by a search.
    id: str
    #: The type searched in a compartment, `*` for all.
    member: str
    version: int | None
    #: The search of the URL, percent-encoded.
    query: str
    resource: dict[str, Any] | None
    full_url: str
    if_match: int | None
    if_none_match: str | None
    if_modified_since: str | None
    #: The search of a conditional create, update, patch or delete.
    condition: Condition | None

    @property
    def is_write(self) -> bool:
        return self.interaction in WRITES


def read(number: int, raw: Mapping[str, Any], access_check: AccessCheck, base_url: str, now_ms: int) -> Entry:
    """The entry of a Bundle whose form was validated.

    Raises FhirError: INVALID for a URL or header that is none, NOT_SUPPORTED_TYPE and METHOD_NOT_ALLOWED for what is
    not served, STRUCTURE for a resource that does not fit, FORBIDDEN for what the client may not do.
    """
    request = raw["request"]
    method, url = request["method"], request["url"].removeprefix(f"{base_url}/").removeprefix("/")
    match = _URL.fullmatch(url)
    if match is None and "$" in url.partition("?")[0]:
        raise fault(Category.METHOD_NOT_ALLOWED, "Operations are not done inside a Bundle.")
    if match is None:
        raise fault(Category.INVALID, "The url of a request is Type, Type/id, a history, or a search.")
    interaction = _interaction(method, match)
    type_name = match["type"] or ""
    _check_access(interaction, type_name, access_check)
    query = match["query"] or ""
    resource = raw.get("resource")
    if interaction in WRITES:
        _check_resource(interaction, type_name, match["id"], resource)
    return Entry(
        number=number,
        method=method,
        interaction=interaction,
        type=type_name,
        id=match["id"] or "",
        member=match["member"] or "",
        version=int(match["version"]) if match["version"] else None,
        query=query,
        resource=resource,
        full_url=raw.get("fullUrl", ""),
        if_match=_version(request.get("ifMatch")),
        if_none_match=request.get("ifNoneMatch"),
        if_modified_since=request.get("ifModifiedSince"),
        condition=_condition(interaction, match, request, access_check, base_url, now_ms),
    )


def _interaction(method: str, match: re.Match[str]) -> str:
    if method in _LOOKS:
        return _look(match)
    has_place = match["type"] and not match["history"] and not match["member"] and (method != "POST" or not match["id"])
    if not has_place or (match["id"] and match["query"]):
        raise fault(Category.INVALID, f"{method} is not possible at that url.")
    return _METHODS[method]


def _look(match: re.Match[str]) -> str:
    if match["system"]:
        return "history-system"
    if match["history"]:
        return "vread" if match["version"] and match["id"] else f"history-{'instance' if match['id'] else 'type'}"
    if match["member"]:
        return "search-compartment"
    if not match["type"]:
        return "search-system"
    return "read" if match["id"] else "search-type"


def _check_access(interaction: str, type_name: str, access_check: AccessCheck) -> None:
    if interaction in _SPREAD:
        return
    row = RESOURCES.get(type_name)
    if row is None:
        raise fault(Category.NOT_SUPPORTED_TYPE, "This server does not serve that resource type.")
    if interaction not in row.interactions:
        raise fault(Category.METHOD_NOT_ALLOWED, f"{type_name} is not open to {interaction} here.")
    access_check(type_name, LETTER_OF[interaction])


def _check_resource(interaction: str, type_name: str, id_: str | None, resource: Any) -> None:
    types = WRITES[interaction]
    if types is None:
        return
    if resource is None:
        raise fault(Category.REQUIRED, "The entry has no resource.")
    expected = types or (type_name,)
    if resource.get("resourceType") not in expected:
        raise fault(Category.STRUCTURE, f"The resource is not of type {' or '.join(expected)}.", type_name)
    if interaction == "update" and id_ and resource.get("id") != id_:
        raise fault(Category.INVALID, "The id in the resource must be the id in the url.", f"{type_name}.id")


def _version(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    match = _VERSION.fullmatch(if_match.strip())
    if match is None:
        raise fault(Category.INVALID, 'ifMatch must name one version, as in W/"3".')
    return int(match[1])


def _condition(
    interaction: str,
    match: re.Match[str],
    request: Mapping[str, Any],
    access_check: AccessCheck,
    base_url: str,
    now_ms: int,
) -> Condition | None:
    text = request.get("ifNoneExist") if interaction == "create" else match["query"] or ""
    if interaction not in WRITES or match["id"] or text is None:
        return None
    access_check(match["type"], "s")
    empty = Category.MULTIPLE_MATCHES if interaction in ("patch", "delete") else Category.REQUIRED
    return condition(match["type"], text, access_check=access_check, base_url=base_url, now_ms=now_ms, on_empty=empty)
