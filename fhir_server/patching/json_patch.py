"""JSON Patch (RFC 6902) on a resource. https://www.hl7.org/fhir/R4/http.html#patch"""

import copy
from collections.abc import Mapping
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException, resolve_pointer

from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, FhirError, fault

#: Operations of one patch, and bytes that a document may grow to: `copy` can double it each time.
MAX_OPERATIONS, MAX_BYTES = 1000, 4 << 20

#: Members each operation needs besides `op`. https://www.rfc-editor.org/rfc/rfc6902#section-4
_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("from", "path"),
    "copy": ("from", "path"),
    "test": ("path", "value"),
}


def apply(document: dict[str, Any], body: bytes) -> dict[str, Any]:
    """The document after all operations of `body`; `document` itself stays as it was.

    Raises FhirError: INVALID or STRUCTURE for what is no JSON Patch, VALUE for a path that leads nowhere, BUSINESS_RULE
    for a `test` that fails, TOO_COSTLY beyond this module's limits.
    """
    patched: Any = copy.deepcopy(document)
    for number, operation in enumerate(_operations(body)):
        _check(number, operation)
        patched = _apply_one(number, operation, patched)
        if operation["op"] == "copy":
            _bound(patched)
    if not isinstance(patched, dict):
        raise fault(Category.STRUCTURE, "The patch leaves no JSON object.")
    _bound(patched)
    return patched


def _operations(body: bytes) -> list[Any]:
    if not body.strip():
        raise fault(Category.INVALID, "The patch is empty.")
    operations = json.decode(body)
    if not isinstance(operations, list):
        raise fault(Category.STRUCTURE, "A JSON Patch is an array of operations.")
    if len(operations) > MAX_OPERATIONS:
        raise fault(Category.TOO_COSTLY, f"A patch has at most {MAX_OPERATIONS} operations.")
    return operations


def _check(number: int, operation: Any) -> None:
    if not isinstance(operation, dict) or not isinstance(operation.get("op"), str) or operation["op"] not in _MEMBERS:
        raise fault(Category.STRUCTURE, f"Operation {number} is none of {', '.join(_MEMBERS)}.")
    lacking = [name for name in _MEMBERS[operation["op"]] if name not in operation]
    if lacking:
        raise fault(Category.REQUIRED, f"Operation {number} ({operation['op']}) lacks its {lacking[0]}.")
    if not all(isinstance(operation[name], str) for name in ("path", "from") if name in operation):
        raise fault(Category.STRUCTURE, f"Operation {number}: a path is a JSON Pointer.")


def _apply_one(number: int, operation: dict[str, Any], document: Any) -> Any:
    try:
        if operation["op"] == "test" and not _is_equal(
            resolve_pointer(document, operation["path"]), operation["value"]
        ):
            raise jsonpatch.JsonPatchTestFailed
        return jsonpatch.JsonPatch([operation]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise fault(Category.BUSINESS_RULE, f"Operation {number} (test): the value is another.") from None
    except (jsonpatch.JsonPatchException, JsonPointerException):
        raise _nowhere(number, operation) from None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        # The library lets these escape for paths that go through numbers and texts.
        raise _nowhere(number, operation) from None


def _is_equal(one: Any, other: Any) -> bool:
    """Equal as JSON values are: Python takes true for 1. https://www.rfc-editor.org/rfc/rfc6902#section-4.6"""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _nowhere(number: int, operation: dict[str, Any]) -> FhirError:
    return fault(Category.VALUE, f"Operation {number} ({operation['op']}): its path leads to nothing it could change.")


def _bound(document: Any) -> None:
    """Refuse a document that grew too large or nests too deep."""
    try:
        text = json.encode(document)
    except RecursionError:
        raise fault(Category.TOO_COSTLY, "The patched resource nests too deep.") from None
    if len(text) > MAX_BYTES:
        raise fault(Category.TOO_COSTLY, f"The patched resource is larger than {MAX_BYTES} bytes.")
    json.decode(text)
