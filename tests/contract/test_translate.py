"""`$translate` by the ConceptMaps that the server declares of its code tables."""

from typing import Any

import pytest

from adapters.service import bring_up_to_date
from fhir_server.bootstrap import Services
from fhir_server.interactions.translate import translate
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, FhirError

PARTNER = Actor("vendor")
URL = "urn:creneau:ConceptMap:appointment-status"
V2 = "http://terminology.hl7.org/CodeSystem/v2-0278"
FHIR = "http://hl7.org/fhir/appointmentstatus"


@pytest.fixture(autouse=True)
def _tables(services: Services) -> None:
    bring_up_to_date(services.settings, services.store.database)


def body(*parameters: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(parameters)}


def ask(services: Services, id_: str | None = None, sent: dict[str, Any] | None = None, **query: str) -> Any:
    found = translate(services.store, PARTNER, id_, sent, list(query.items()))
    assert "Parameters" == found["resourceType"]
    return found["parameter"]


def test_a_code_is_translated(services: Services) -> None:
    found = ask(services, url=URL, system=V2, code="Noshow")

    match = [
        {"name": "equivalence", "valueCode": "equivalent"},
        {"name": "concept", "valueCoding": {"system": FHIR, "code": "noshow"}},
        {"name": "source", "valueUri": URL},
    ]
    assert [{"name": "result", "valueBoolean": True}, {"name": "match", "part": match}] == found


def test_the_map_may_be_named_by_its_id_and_the_code_by_a_coding(services: Services) -> None:
    coding = {"name": "coding", "valueCoding": {"system": V2, "code": "Noshow"}}

    assert ask(services, url=URL, system=V2, code="Noshow") == ask(services, "appointment-status", body(coding))


@pytest.mark.parametrize("more", [{"code": "Blocked"}, {"code": "unheard-of"}, {"code": "Noshow", "system": "urn:x"}])
def test_a_code_without_translation(services: Services, more: dict[str, str]) -> None:
    result, message = ask(services, **({"url": URL, "system": V2} | more))

    assert ({"name": "result", "valueBoolean": False}, "message") == (result, message["name"])


@pytest.mark.parametrize(("target", "expected"), [(FHIR, True), ("urn:x:other", False)])
def test_only_into_the_system_wanted(services: Services, target: str, expected: bool) -> None:
    found = ask(services, url=URL, system=V2, code="Noshow", targetsystem=target)

    assert expected == found[0]["valueBoolean"]


@pytest.mark.parametrize(
    ("id_", "sent", "query", "category"),
    [
        (None, None, {"system": V2, "code": "Noshow"}, Category.REQUIRED),
        (None, None, {"url": URL, "code": "Noshow"}, Category.REQUIRED),
        (None, None, {"url": URL, "system": V2}, Category.REQUIRED),
        (None, None, {"url": URL, "system": V2, "code": "Noshow", "reverse": "true"}, Category.VALUE),
        (None, None, {"url": "urn:x:none", "system": V2, "code": "Noshow"}, Category.NOT_FOUND),
        ("none", None, {"system": V2, "code": "Noshow"}, Category.NOT_FOUND),
        (None, {"resourceType": "Patient"}, {}, Category.STRUCTURE),
        (None, body({"name": "url"}), {}, Category.INVARIANT),
        (None, body({"name": "code", "valueInteger": 1}), {"url": URL, "system": V2}, Category.REQUIRED),
    ],
)
def test_what_cannot_be_asked(
    services: Services, id_: str | None, sent: dict[str, Any] | None, query: dict[str, str], category: Category
) -> None:
    with pytest.raises(FhirError) as caught:
        ask(services, id_, sent, **query)

    assert category is caught.value.category
