"""Searches over several types: of the whole server, and of the compartment of a patient or practitioner."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fhir.resources.R4B.bundle import Bundle

from fhir_server.auth.guard import Access
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services
from fhir_server.interactions import spread
from fhir_server.interactions.create import create
from fhir_server.interactions.search import search_across
from fhir_server.interactions.update import update
from fhir_server.kernel import json
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.storage.unit_of_work import Store
from tests import builders

BASE = "https://s.example/fhir"
ALL = "system/*.cruds"


@pytest.fixture
def store(services: Services) -> Store:
    update(services.store, SYSTEM, "Patient", "p", {**builders.patient(), "id": "p"}, None)
    update(services.store, SYSTEM, "Patient", "q", {**builders.patient(), "id": "q"}, None)
    for subject in ("p", "p", "q"):
        create(
            services.store,
            SYSTEM,
            "ServiceRequest",
            builders.service_request(subject={"reference": f"Patient/{subject}"}),
        )
    create(services.store, SYSTEM, "Task", {"resourceType": "Task", "status": "ready", "intent": "order"})
    return services.store


def server(store: Store, parameters: str, *, scopes: str = ALL, compartment: tuple[str, str] | None = None) -> Any:
    access = Access(SYSTEM, Scopes.parse(scopes))
    queries = spread.across(
        access.require, parse_qsl(parameters, keep_blank_values=True), compartment=compartment, base_url=BASE
    )
    return _valid(search_across(store, SYSTEM, queries, BASE))


def compartment(store: Store, type_name: str, parameters: str = "", *, scopes: str = ALL) -> Any:
    access = Access(SYSTEM, Scopes.parse(scopes))
    place = ("Patient", "p")
    queries = spread.inside(access.require, place, type_name, parse_qsl(parameters), base_url=BASE)
    return _valid(search_across(store, SYSTEM, queries, BASE))


def _valid(body: bytes) -> Any:
    found = json.decode(body)
    Bundle.model_validate(found)
    return found


def types(found: Any) -> list[str]:
    return [entry["resource"]["resourceType"] for entry in found.get("entry", ())]


def link(found: Any, relation: str) -> str:
    return next((str(one["url"]) for one in found["link"] if one["relation"] == relation), "")


def test_types_come_in_one_order(store: Store) -> None:
    found = server(store, "_type=Task,Patient,ServiceRequest")

    assert ["Patient", "Patient", "ServiceRequest", "ServiceRequest", "ServiceRequest", "Task"] == types(found)
    assert 6 == found["total"]
    assert f"{BASE}?_type=" == link(found, "self")[: len(BASE) + 7]


def test_the_next_link_leads_to_the_end(store: Store) -> None:
    seen, parameters = [], "_type=Task,Patient,ServiceRequest&_count=2&_sort=-_lastUpdated"
    while parameters:
        found = server(store, parameters)
        seen += [entry["fullUrl"] for entry in found["entry"]]
        parameters = urlsplit(link(found, "next")).query

    assert 6 == len(seen) == len(set(seen))


def test_the_scopes_say_over_which_types(store: Store) -> None:
    assert {"Patient"} == set(types(server(store, "_lastUpdated=ge2000", scopes="system/Patient.rs")))


REFUSED = [
    ("_type=Patient", "system/Task.s", Category.FORBIDDEN, "a type beyond the scopes"),
    ("_lastUpdated=ge2000", "system/Patient.r", Category.FORBIDDEN, "no type within the scopes"),
    ("_type=", ALL, Category.VALUE, "no type"),
    ("_type=Patient,,Task", ALL, Category.VALUE, "a gap among the types"),
    ("_type=Patient,Task&birthdate=2000", ALL, Category.INVALID, "a parameter that another type has not"),
    ("birthdate=2000", ALL, Category.INVALID, "a parameter that other types have not"),
    (
        "_type=Patient,Slot&_has:ServiceRequest:patient:status=active",
        ALL,
        Category.INVALID,
        "a reverse chain that does not lead to every type",
    ),
]


@pytest.mark.parametrize(("parameters", "scopes", "category", "reason"), REFUSED, ids=[case[3] for case in REFUSED])
def test_refusals(store: Store, parameters: str, scopes: str, category: Category, reason: str) -> None:
    with pytest.raises(FhirError) as caught:
        server(store, parameters, scopes=scopes)

    assert category is caught.value.category, reason


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ("_type=ServiceRequest,Task&status=active", ["ServiceRequest"] * 3),
        ("_type=ServiceRequest,Task&status=active,ready", ["ServiceRequest"] * 3 + ["Task"]),
        ("_type=Patient&birthdate=1979", ["Patient"] * 2),
        ("_type=ServiceRequest,Encounter&patient.birthdate=1979", ["ServiceRequest"] * 3),
        ("_type=Patient,Practitioner&_has:ServiceRequest:subject:status=active", None),
        ("_type=Patient,Location&_has:ServiceRequest:subject:status=active", ["Patient"] * 2),
        ("_has:Task:focus:status=ready", []),
    ],
)
def test_what_all_types_asked_for_have(store: Store, parameters: str, found: list[str] | None) -> None:
    if found is None:
        with pytest.raises(FhirError):
            server(store, parameters)
    else:
        assert found == types(server(store, parameters))


def test_unknown_types_are_told_and_found_nowhere(store: Store) -> None:
    found = server(store, "_type=Patient,Unheard")
    nothing = server(store, "_type=Unheard")

    assert ["Patient", "Patient", "OperationOutcome"] == types(found)
    assert (0, ["OperationOutcome"]) == (nothing["total"], types(nothing))
    assert f"{BASE}?_type=Patient" == link(found, "self")


def test_a_compartment_is_a_search(store: Store) -> None:
    found = compartment(store, "ServiceRequest", "status=active")

    assert ["ServiceRequest", "ServiceRequest"] == types(found)
    assert f"{BASE}/Patient/p/ServiceRequest?status=active" == link(found, "self")


def test_a_compartment_holds_what_it_is_about(store: Store) -> None:
    found = server(store, "", compartment=("Patient", "p"))

    assert ["Patient", "ServiceRequest", "ServiceRequest"] == types(found)
    assert f"{BASE}/Patient/p/*" == link(found, "self")


def test_pages_of_a_compartment(store: Store) -> None:
    found = server(store, "_count=1&_type=ServiceRequest", compartment=("Patient", "p"))
    parameters = urlsplit(link(found, "next")).query

    assert f"{BASE}/Patient/p/*?" == link(found, "next").partition("?")[0] + "?"
    assert "" == link(server(store, parameters, compartment=("Patient", "p")), "next")
    with pytest.raises(FhirError):
        server(store, parameters, compartment=("Patient", "q"))


@pytest.mark.parametrize(
    ("around", "type_name", "category"),
    [
        (("Patient", "p"), "Slot", Category.NOT_FOUND),
        (("Patient", "p"), "Nothing", Category.NOT_FOUND),
        (("Patient", "a b"), "Appointment", Category.NOT_FOUND),
        (("Slot", "s"), "Appointment", Category.NOT_FOUND),
        (("Practitioner", "p"), "Encounter", Category.FORBIDDEN),
    ],
)
def test_what_is_in_no_compartment(around: tuple[str, str], type_name: str, category: Category) -> None:
    access = Access(SYSTEM, Scopes.parse("system/Appointment.cruds"))

    with pytest.raises(FhirError) as caught:
        spread.inside(access.require, around, type_name, [])

    assert category is caught.value.category
