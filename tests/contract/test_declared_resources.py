"""What the server declares of itself is in the store: found, read, and kept up to date."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from adapters.service import bring_up_to_date
from fhir_server.bootstrap import Services
from fhir_server.interactions.read import read
from fhir_server.interactions.search import search
from fhir_server.kernel.actor import SYSTEM, Actor
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.registry.declared import declared
from fhir_server.search.query import parse
from fhir_server.storage import declared as stored_declarations
from fhir_server.storage import resources
from fhir_server.storage.unit_of_work import Store, UnitOfWork

PARTNER = Actor("vendor")


def test_a_partner_reads_every_declaration(services: Services) -> None:
    for declaration in declared():
        stored = read(services.store, PARTNER, declaration["resourceType"], declaration["id"])

        content = stored.content()
        assert declaration == {name: value for name, value in content.items() if name != "meta"}
        assert ("system", 1) == (stored.owner, stored.version)


def test_a_partner_finds_a_declaration_by_its_url(services: Services) -> None:
    query = parse("SearchParameter", [("url", "urn:creneau:SearchParameter:Slot-end")])
    bundle = json.loads(search(services.store, PARTNER, query, "http://x/fhir"))

    assert ["Slot-end"] == [entry["resource"]["id"] for entry in bundle["entry"]]


def test_bringing_up_to_date_changes_only_what_differs(services: Services) -> None:
    def spoil(uow: UnitOfWork) -> None:
        before = resources.lock(uow, "SearchParameter", "Slot-end")
        assert before is not None
        resources.replace(uow, before, before.content() | {"description": "Autrefois"})
        resources.insert_first(uow, "SearchParameter", "gone", before.content(), method="PUT")

    services.store.transact(SYSTEM, spoil)
    stored_declarations.bring_up_to_date(services.store.database)

    versions = dict(
        tuple(row) for row in services.store.read().execute(text("SELECT id, version FROM resource WHERE NOT deleted"))
    )
    assert 3 == versions.pop("Slot-end")
    assert {1} == set(versions.values())
    with pytest.raises(FhirError) as caught:
        read(services.store, PARTNER, "SearchParameter", "gone")
    assert Category.DELETED is caught.value.category


def found(store: Store, type_name: str, **asked: str) -> list[dict[str, Any]]:
    bundle = json.loads(search(store, PARTNER, parse(type_name, list(asked.items())), "http://x/fhir"))
    return [entry["resource"] for entry in bundle.get("entry", ())]


def test_code_tables_are_found_as_concept_maps(services: Services) -> None:
    bring_up_to_date(services.settings, services.store.database)

    (by_code,) = found(services.store, "ConceptMap", url="urn:creneau:ConceptMap:appointment-status")
    by_system = found(services.store, "ConceptMap", **{"target-system": "http://hl7.org/fhir/participationstatus"})
    (codes,) = found(services.store, "ValueSet", url=by_code["sourceCanonical"])
    assert ["participant-status"] == [one["id"] for one in by_system]
    assert [element["code"] for element in by_code["group"][0]["element"]] == [
        concept["code"] for concept in codes["compose"]["include"][0]["concept"]
    ]


def test_code_tables_that_are_gone_are_found_no_more(services: Services) -> None:
    bring_up_to_date(services.settings, services.store.database)
    stored_declarations.bring_up_to_date(services.store.database)

    assert [] == found(services.store, "ConceptMap") + found(services.store, "ValueSet")
