"""Batches and transactions to start from: a test states only its entries."""

from typing import Any

from fhir_server.bootstrap import Services
from fhir_server.interactions.bundle import process
from fhir_server.interactions.reach import AccessCheck
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault

BASE = "http://x.test/fhir"
VENDOR, RIVAL = Actor("vendor"), Actor("rival")
MRN = "urn:oid:1.2.250.1.999.1"


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
