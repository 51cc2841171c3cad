"""Batches and transactions to start from: a test states only its entries."""

import base64
import json
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.bundle import process
from fhir_server.interactions.create import create
from fhir_server.interactions.history import history
from fhir_server.interactions.reach import AccessCheck
from fhir_server.interactions.read import read
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError, fault
from tests import builders

BASE = "http://x.test/fhir"
VENDOR, RIVAL = Actor("vendor"), Actor("rival")
MRN = "urn:oid:1.2.250.1.999.1"
#: Names of entries that have no id yet.
URN = "urn:uuid:88888888-4444-4444-4444-00000000000{}"


def entry(method: str, url: str, resource: Any = None, full_url: str = "", **request: str) -> dict[str, Any]:
    """One entry; keyword arguments are further members of its request."""
    members: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        members["resource"] = resource
    return members | ({"fullUrl": full_url} if full_url else {})


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """A Bundle of that type."""
    return {"resourceType": "Bundle", "type": kind} | ({"entry": list(entries)} if entries else {})


def transact(services: Services, *entries: dict[str, Any], actor: Actor = VENDOR, **named: Any) -> list[dict[str, Any]]:
    """The answers of a transaction's entries."""
    return _process(services, bundle("transaction", *entries), actor, **named)


def batch(services: Services, *entries: dict[str, Any], actor: Actor = VENDOR, **named: Any) -> list[dict[str, Any]]:
    """The answers of a batch's entries."""
    return _process(services, bundle("batch", *entries), actor, **named)


def statuses(answers: list[dict[str, Any]]) -> list[int]:
    """The HTTP status of each answer."""
    return [int(one["response"]["status"][:3]) for one in answers]


def identified(value: str) -> dict[str, Any]:
    """An identifier of our invented hospital."""
    return {"identifier": [{"system": MRN, "value": value}]}


def refusal(services: Services, *entries: dict[str, Any], **named: Any) -> tuple[Category, str | None]:
    """Why a transaction failed, and where."""
    with pytest.raises(FhirError) as caught:
        transact(services, *entries, **named)
    assert all("Bundle.entry" in issue.diagnostics or issue.expression for issue in caught.value.issues)
    return caught.value.category, caught.value.issues[0].expression


def stored(services: Services, reference: str) -> dict[str, Any]:
    """What is stored under `Type/id`."""
    content: dict[str, Any] = json.loads(read(services.store, SYSTEM, *reference.split("/")).body)
    return content


def versions(services: Services, type_name: str) -> int:
    """How many versions of a type there are."""
    return int(json.loads(history(services.store, SYSTEM, type_name, None, [], BASE))["total"])


def patient_named(services: Services, value: str = "p", **elements: Any) -> str:
    """The id of a new patient with that identifier."""
    return create(services.store, VENDOR, "Patient", builders.patient(**identified(value), **elements)).id


def json_patch(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A Binary that carries a JSON Patch."""
    body = base64.b64encode(json.dumps(steps).encode()).decode()
    return {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": body}


def only(*allowed: str) -> AccessCheck:
    """A client whose scopes are `Patient.cr` and the like."""
    letters = dict(one.split(".") for one in allowed)

    def check(type_name: str, letter: str) -> None:
        if letter not in letters.get(type_name, ""):
            raise fault(Category.FORBIDDEN, f"{type_name}.{letter} is missing.")

    return check


def everything(_type_name: str, _letter: str) -> None:
    """A client that may do anything."""


def _process(services: Services, content: dict[str, Any], actor: Actor, **named: Any) -> list[dict[str, Any]]:
    check = named.pop("check", everything)
    answer = process(services.store, check, actor, content, BASE, **named)
    assert answer["type"] == f"{content['type']}-response"
    found: list[dict[str, Any]] = answer.get("entry", [])
    return found
