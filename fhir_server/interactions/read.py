"""FHIR read and vread. https://www.hl7.org/fhir/R4/http.html#read"""

from dataclasses import replace

from fhir_server.interactions import audit_trail
from fhir_server.interactions.visibility import absent, is_visible
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.resources import RESOURCES
from fhir_server.storage import resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store


def read(store: Store, actor: Actor, type_name: str, id_: str) -> Stored:
    """The current version. Raises FhirError: NOT_FOUND when unknown or not the actor's to see, DELETED when gone."""
    if RESOURCES[type_name].is_ledger:
        return audit_trail.read(store, actor, id_)
    stored = resources.load(store.read(), type_name, id_)
    if stored is None or not is_visible(actor, stored, store.database.clock()):
        raise absent(type_name, id_)
    if stored.deleted:
        raise gone(stored)
    return stored


def vread(store: Store, actor: Actor, type_name: str, id_: str, version: int) -> Stored:
    """One version of the history. Raises FhirError as `read`; DELETED for the version that is the deletion."""
    if RESOURCES[type_name].is_ledger and version == 1:
        return audit_trail.read(store, actor, id_)
    current = resources.load(store.read(), type_name, id_)
    if current is None or not is_visible(actor, current, store.database.clock()):
        raise absent(type_name, id_)
    row = resources.load_version(store.read(), type_name, id_, version)
    if row is None:
        raise fault(Category.NOT_FOUND, f"{type_name}/{id_} has no version {version}.")
    past = replace(
        current, version=row.version, updated_ms=row.updated_ms, body=row.body, deleted=row.method == "DELETE"
    )
    if not is_visible(actor, past, store.database.clock()):
        raise absent(type_name, id_)
    if past.deleted:
        raise gone(past)
    return past


def gone(stored: Stored) -> Exception:
    """The answer for a deleted resource, with the ETag of its deletion."""
    return fault(Category.DELETED, f"{stored.reference} was deleted.", headers={"ETag": f'W/"{stored.version}"'})
