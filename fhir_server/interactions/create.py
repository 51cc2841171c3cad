"""FHIR create. https://www.hl7.org/fhir/R4/http.html#create"""

from typing import Any

from fhir_server.interactions import write
from fhir_server.kernel.actor import Actor
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store


def create(store: Store, actor: Actor, type_name: str, content: dict[str, Any]) -> Stored:
    """Store a validated resource under a new id; an id in it is ignored. Raises FhirError when a rule refuses it."""
    return store.transact(actor, lambda uow: write.insert(uow, type_name, dict(content)))
