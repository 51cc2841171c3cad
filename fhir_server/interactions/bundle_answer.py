"""What each entry of a batch or transaction does, and the entry that answers it."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fhir_server.interactions import conditional, patch
from fhir_server.interactions.bundle_step import Step
from fhir_server.interactions.create import add
from fhir_server.interactions.delete import remove
from fhir_server.interactions.idempotent import Key
from fhir_server.interactions.outcome import note, outcome, outcome_of
from fhir_server.interactions.patch import ResourceChange
from fhir_server.interactions.reach import AccessCheck
from fhir_server.interactions.remarks import remarks
from fhir_server.interactions.update import check_absent, put
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import to_instant
from fhir_server.kernel.errors import Category, FhirError, Issue, fault
from fhir_server.patching import fhirpath_patch, json_patch
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

Answer = dict[str, Any]

_JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Context:
    """In whose name a Bundle is processed, and how it is answered."""

    #: What reads go through: inside a transaction, one that sees what it has done so far.
    store: Store
    actor: Actor
    access_check: AccessCheck
    base_url: str
    #: minimal, representation or OperationOutcome: the preference `return`.
    returned: str
    #: Unknown parameters are refused: the preference `handling`.
    is_strict: bool = False
    #: What the client calls this Bundle, so that it is done once.
    key: Key | None = None


def perform(context: Context, uow: UnitOfWork, step: Step) -> Answer:
    """Make one write and answer it."""
    return _WRITES[step.entry.interaction](context, uow, step)


def status(code: int) -> str:
    """A status as a response tells it.

    >>> status(201)
    '201 Created'
    """
    return f"{code} {HTTPStatus(code).phrase}"


def shown(context: Context, stored: Stored, code: int, said: Sequence[Issue] = ()) -> Answer:
    """The answer that is a resource, or tells of one; its body as the client prefers, and what is `said` of it."""
    address = f"{context.base_url}/{stored.reference}"
    response: dict[str, Any] = {"status": status(code), "location": f"{address}/_history/{stored.version}"}
    response |= versioned(stored)
    if context.returned == "OperationOutcome" or said:
        told = note("Created." if code == HTTPStatus.CREATED else "Done.")
        response["outcome"] = {**told, "issue": [*told["issue"], *outcome(said)["issue"]]}
    answer: Answer = {"fullUrl": address}
    if context.returned == "representation":
        answer["resource"] = stored.content()
    return answer | {"response": response}


def versioned(stored: Stored) -> dict[str, str]:
    """ETag and time of a version."""
    return {"etag": f'W/"{stored.version}"', "lastModified": to_instant(stored.updated_ms)}


def failed(error: FhirError) -> Answer:
    """The answer of an entry that failed on its own."""
    return {"response": {"status": status(error.category.http_status), "outcome": outcome_of(error)}}


def _create(context: Context, uow: UnitOfWork, step: Step) -> Answer:
    if step.found is not None:
        return shown(context, step.found, HTTPStatus.OK)
    assert step.resource is not None
    stored, is_new = add(uow, step.entry.type, step.resource, step.id)
    if not is_new:
        step.found = stored
    return _wrote(context, uow, stored, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def _update(context: Context, uow: UnitOfWork, step: Step) -> Answer:
    entry, resource = step.entry, step.resource
    assert resource is not None
    if entry.id:
        stored, is_new = put(uow, entry.type, entry.id, resource, entry.if_match, entry.if_none_match)
    else:
        check_absent(step.found, entry.if_none_match)
        stored, is_new = conditional.put_where(uow, entry.type, resource, step.found, entry.if_match, id_=step.id)
    return _wrote(context, uow, stored, HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def _patch(context: Context, uow: UnitOfWork, step: Step) -> Answer:
    assert step.resource is not None
    stored = patch.apply(uow, step.entry.type, step.id, change_of(step.resource), step.entry.if_match)
    return _wrote(context, uow, stored, HTTPStatus.OK)


def _wrote(context: Context, uow: UnitOfWork, stored: Stored, code: int) -> Answer:
    return shown(context, stored, code, remarks(uow.connection, stored, uow.now_ms))


def _delete(context: Context, uow: UnitOfWork, step: Step) -> Answer:
    if step.id:
        remove(uow, step.entry.type, step.id, step.entry.if_match)
    if context.returned == "OperationOutcome":
        return {"response": {"status": status(HTTPStatus.OK), "outcome": note("Deleted.")}}
    return {"response": {"status": status(HTTPStatus.NO_CONTENT)}}


_WRITES: Mapping[str, Callable[[Context, UnitOfWork, Step], Answer]] = {
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
}


def change_of(resource: dict[str, Any]) -> ResourceChange:
    """The patch that an entry carries: Parameters (FHIRPath Patch) or a Binary with a JSON Patch.

    Raises FhirError: UNSUPPORTED_MEDIA for a Binary of another kind, INVALID for one that is no base64.
    """
    if resource["resourceType"] == "Parameters":
        return lambda document: fhirpath_patch.apply(document, resource)
    if str(resource.get("contentType")).partition(";")[0].strip().lower() != _JSON_PATCH:
        raise fault(Category.UNSUPPORTED_MEDIA, f"The contentType of a patch is {_JSON_PATCH}.", "Binary.contentType")
    try:
        body = base64.b64decode(resource.get("data", ""), validate=True)
    except (binascii.Error, ValueError):
        raise fault(Category.INVALID, "The data of the Binary is not base64.", "Binary.data") from None
    return lambda document: json_patch.apply(document, body)
