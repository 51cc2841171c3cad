"""FHIR create. https://www.hl7.org/fhir/R4/http.html#create"""

from typing import Any

from fhir_server.interactions import write
from fhir_server.interactions.idempotent import Key, Written, write_once
from fhir_server.interactions.repeated import told_before
from fhir_server.kernel.actor import Actor
from fhir_server.search import restriction
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork


def create(store: Store, actor: Actor, type_name: str, content: dict[str, Any]) -> Stored:
    """Store a validated resource under a new id; an id in it is ignored. Raises FhirError when a rule refuses it."""
    return create_once(store, actor, type_name, content, None).stored


def create_once(store: Store, actor: Actor, type_name: str, content: dict[str, Any], key: Key | None) -> Written:
    """As `create`; what was created before under the key, or as a booking of the same identifier, is found again."""
    return write_once(store, actor, key, lambda uow: add(uow, type_name, dict(content)))


def add(uow: UnitOfWork, type_name: str, content: dict[str, Any], id_: str | None = None) -> tuple[Stored, bool]:
    """As `create`, inside a unit of work. Says whether it was created or told before."""
    restriction.require(uow.actor, type_name, content, "c")
    found = told_before(uow, type_name, content)
    return (found, False) if found is not None else (write.insert(uow, type_name, content, id_=id_), True)
