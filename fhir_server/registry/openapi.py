"""The OpenAPI 3.1 document of the FHIR interface, computed from the registry's rows like the CapabilityStatement.

Shapes of bodies are those of the JSON Schema that the server validates with. https://spec.openapis.org/oas/v3.1.1
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_server.registry import openapi_parts as parts
from fhir_server.registry.model import Operation, ResourceType
from fhir_server.registry.openapi_parts import Call, Json
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import common_parameters, parameters

_TYPE, _ID = "/{type}", "/{type}/{id}"

#: Path, method, interaction and what is said of each way to call a type.
_TYPE_CALLS = (
    Call(_TYPE, "get", "search-type", "Search", ("search",), (200, 304), "Bundle"),
    Call(f"{_TYPE}/_search", "post", "search-type", "Search by form", ("form",), (200,), "Bundle"),
    Call(_TYPE, "post", "create", "Create", ("body", "Idempotency-Key", "If-None-Exist", "Prefer"), (200, 201)),
    Call(_TYPE, "put", "update", "Update where", ("search", "body", "If-Match", "Prefer"), (200, 201)),
    Call(_TYPE, "patch", "patch", "Patch where", ("search", "patch", "If-Match", "Prefer"), (200,)),
    Call(_TYPE, "delete", "delete", "Delete where", ("search", "If-Match", "Prefer"), (200, 204)),
    Call(f"{_TYPE}/_history", "get", "history-type", "History of the type", ("history",), (200,), "Bundle"),
    Call(_ID, "get", "read", "Read", ("id", "If-None-Match", "If-Modified-Since"), (200, 304)),
    Call(_ID, "put", "update", "Update", ("id", "body", "If-Match", "If-None-Match", "Prefer"), (200, 201)),
    Call(_ID, "patch", "patch", "Patch", ("id", "patch", "If-Match", "Prefer"), (200,)),
    Call(_ID, "delete", "delete", "Delete", ("id", "If-Match", "Prefer"), (200, 204)),
    Call(f"{_ID}/_history", "get", "history-instance", "History", ("id", "history"), (200,), "Bundle"),
    Call(f"{_ID}/_history/{{version}}", "get", "vread", "Read a version", ("id", "version"), (200, 304)),
)
#: The same of the server as a whole.
_SYSTEM_CALLS = (
    Call("/", "post", "transaction", "Batch or transaction", ("body", "Idempotency-Key", "Prefer"), (200,), "Bundle"),
    Call("/", "get", "search-system", "Search several types", ("search",), (200, 304), "Bundle"),
    Call("/_search", "post", "search-system", "Search several types by form", ("form",), (200,), "Bundle"),
    Call("/_history", "get", "history-system", "History of everything", ("history",), (200,), "Bundle"),
)
_METADATA = Call("/metadata", "get", "capabilities", "What this server can do", (), (200, 304), "CapabilityStatement")


def document(base_url: str, schema: Mapping[str, Any], *, token_url: str, software_version: str) -> Json:
    """The document of the server at `base_url`; `schema` is the JSON Schema of R4, whose `$defs` become components."""
    paths: Json = {"/metadata": {"get": parts.call(_METADATA, "system", [], _METADATA.answer) | {"security": []}}}
    for path, method, described in _calls():
        paths.setdefault(path, {})[method] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Créneau, FHIR R4",
            "version": software_version,
            "description": "Slots, bookings and referrals of a territory.",
        },
        "servers": [{"url": base_url}],
        "security": [{"oauth": []}],
        "tags": [{"name": name} for name in ("system", *sorted(RESOURCES))],
        "paths": paths,
        "components": parts.components(schema["$defs"], token_url, sorted(RESOURCES)),
    }


def _calls() -> Iterator[tuple[str, str, Json]]:
    for one in _SYSTEM_CALLS:
        yield one.path, one.method, parts.call(one, "system", _search_codes(None), one.answer)
    for _, row in sorted(RESOURCES.items()):
        for one in _TYPE_CALLS:
            if one.interaction in row.interactions:
                described = parts.call(one, row.name, _search_codes(row), one.answer or row.name)
                yield one.path.replace("{type}", row.name), one.method, described
        for operation in OPERATIONS.values():
            if operation.is_on(row.name):
                yield from _operation_calls(operation, row)


def _operation_calls(operation: Operation, row: ResourceType) -> Iterator[tuple[str, str, Json]]:
    for level, path in (("type", _TYPE), ("instance", _ID)):
        if level in operation.levels:
            takes = ("query", "body", "id") if level == "instance" else ("query", "body")
            summary = f"${operation.name} ({level})"
            address = f"{path}/${operation.name}"
            statuses = (200, 201) if operation.is_creating else (200,)
            one = Call(address, "post", operation.name, summary, takes, statuses, _answer(operation), "Resource")
            yield address.replace("{type}", row.name), "post", parts.call(one, row.name, _simple(operation), one.answer)


def _simple(operation: Operation) -> list[tuple[str, str]]:
    """The parameters that may stand in the URL: those of primitive types, unless all stand in the body."""
    if operation.is_posted:
        return [*operation.url_parameters]
    return [
        (parameter.name, parameter.documentation)
        for parameter in operation.parameters
        if parameter.use == "in" and parameter.type[0].islower()
    ]


def _answer(operation: Operation) -> str:
    """An operation answers with the resource called `return` when there is only that, else with Parameters."""
    out = [parameter for parameter in operation.parameters if parameter.use == "out"]
    return out[0].type if [parameter.name for parameter in out] == ["return"] else "Parameters"


def _search_codes(row: ResourceType | None) -> list[tuple[str, str]]:
    found = common_parameters() if row is None else parameters(row.name)
    return [(code, parameter.documentation or parameter.url) for code, parameter in sorted(found.items())]
