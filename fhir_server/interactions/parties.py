"""Resources that the Parameters of an operation name: by reference, by identifier, or as the caller knows them."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection

from fhir_server.interactions import create
from fhir_server.interactions.visibility import is_visible
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.search import references
from fhir_server.storage import identified, resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import UnitOfWork

Json = dict[str, Any]


def local_reference(reference: Json, base_url: str) -> tuple[str, str] | None:
    """Type and id of what a Reference names on this server, by a relative or an absolute URL."""
    text = str(reference.get("reference", ""))
    return references.local(text.removeprefix(f"{base_url}/")) if text else None


def named(
    connection: Connection, actor: Actor, type_name: str, reference: Json, where: str, *, base_url: str, now_ms: int
) -> Stored:
    """What a Reference, literal or logical, names. Raises FhirError (VALUE) for nothing that the actor may see."""
    key = local_reference(reference, base_url)
    if key is not None and key[0] == type_name:
        candidates = [resources.load(connection, *key)]
    else:
        candidates = list(_with_identifiers(connection, type_name, [reference.get("identifier", {})]))
    seen = [one for one in candidates if one and not one.deleted and is_visible(actor, one, now_ms)]
    if not seen:
        raise fault(Category.VALUE, f"No {type_name} is known by that reference.", where)
    return seen[0]


def with_identifier(
    connection: Connection, actor: Actor, type_name: str, identifier: Json, *, now_ms: int
) -> Stored | None:
    """The resource with an identifier, the oldest that the actor may see; None when there is none."""
    found = _with_identifiers(connection, type_name, [identifier])
    return next((one for one in found if is_visible(actor, one, now_ms)), None)


def lock_names(patients: list[Json]) -> list[str]:
    """The names to lock before `known_or_new`, so that two calls make one Patient of one person."""
    numbers = [number for one in patients for number in one.get("identifier", ())]
    return [f"Patient|{one['system']}|{one['value']}" for one in numbers if {"system", "value"} <= one.keys()]


def known_or_new(uow: UnitOfWork, patient: Json, access_check: Callable[[str, str], None]) -> Stored:
    """The caller's Patient with that id or one of those identifiers, as it is here; else a new one.

    Raises FhirError: FORBIDDEN when the scopes do not let create one.
    """
    by_id = [resources.load(uow.connection, "Patient", patient["id"])] if "id" in patient else []
    candidates = [*by_id, *_with_identifiers(uow.connection, "Patient", patient.get("identifier", []))]
    for one in candidates:
        if one is not None and not one.deleted and is_visible(uow.actor, one, uow.now_ms):
            return one
    access_check("Patient", "c")
    return create.add(uow, "Patient", {name: value for name, value in patient.items() if name != "id"})[0]


def _with_identifiers(connection: Connection, type_name: str, identifiers: list[Json]) -> Iterator[Stored]:
    keys = [(type_name, one["system"], one["value"]) for one in identifiers if {"system", "value"} <= one.keys()]
    yield from identified.find_all(connection, keys)
