"""The rows of search_params.csv are complete and say only what the rest of the house can do."""

import pytest

from fhir_server.kernel.paths import compile_path
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search.clauses import MODIFIERS
from fhir_server.storage import tables
from fhir_server.storage.index import KIND_TABLES

#: Parameters HL7 defines for each type in R4 4.0.1.
DEFINED = {
    "Schedule": 7,
    "Slot": 8,
    "Appointment": 17,
    "ServiceRequest": 21,
    "Patient": 23,
    "Practitioner": 17,
    "PractitionerRole": 13,
    "Organization": 13,
    "Location": 15,
    "HealthcareService": 12,
    "Encounter": 23,
    "Task": 19,
    "Provenance": 10,
    "AppointmentResponse": 7,
    "Endpoint": 6,
    "RelatedPerson": 17,
    "Device": 12,
    "Communication": 15,
    "CommunicationRequest": 16,
    "Subscription": 6,
    "AuditEvent": 18,
    "CodeSystem": 20,
    "ConceptMap": 26,
    "Measure": 22,
    "OperationDefinition": 22,
    "SearchParameter": 19,
    "ValueSet": 18,
}
ANS = "https://interop.esante.gouv.fr/ig/fhir"
COMMON = {"_id", "_lastUpdated", "_profile", "_security", "_source", "_tag"}

ROWS = [row for type_name in RESOURCES for row in parameters(type_name).values()]


def test_every_type_has_its_defined_parameters() -> None:
    counts = {
        name: sum(row.base == name and not row.is_custom for row in parameters(name).values()) for name in RESOURCES
    }

    assert DEFINED == counts


@pytest.mark.parametrize("type_name", RESOURCES)
def test_every_type_has_the_common_parameters(type_name: str) -> None:
    assert {row.code for row in parameters(type_name).values() if row.base == "Resource"} == COMMON


def test_the_parameters_that_are_not_of_r4_are_known() -> None:
    expected = {
        ("Slot", "end"): "urn:creneau:SearchParameter:Slot-end",
        ("Slot", "service-type-reference"): f"{ANS}/sas/SearchParameter/cptsslot-sp-servicetype",
        ("Appointment", "created"): "urn:creneau:SearchParameter:Appointment-created",
        ("Appointment", "description"): f"{ANS}/gap/SearchParameter/GAP-Appointment-description",
        ("Appointment", "end"): "urn:creneau:SearchParameter:Appointment-end",
        ("Appointment", "priority"): f"{ANS}/gap/SearchParameter/GAP-Appointment-priority",
        ("Appointment", "regulated-start"): "urn:creneau:SearchParameter:Appointment-regulated-start",
        ("Appointment", "start"): f"{ANS}/gap/SearchParameter/GAP-Appointment-earliestStart",
    }

    assert expected == {(row.base, row.code): row.url for row in ROWS if row.is_custom}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.base}.{row.code}")
def test_a_row_can_be_served(row: SearchParameter) -> None:
    for path in row.paths:
        assert path.endswith("()") or compile_path(path)
    assert row.kind in KIND_TABLES or row.kind == "composite"
    assert row.kind in MODIFIERS
    assert row.is_custom or row.url.startswith("http://hl7.org/fhir/SearchParameter/")
    assert row.documentation or not row.is_custom
    if row.column:
        table, _, column = row.column.partition(".")
        assert column in tables.metadata.tables[table].columns


@pytest.mark.parametrize("row", [row for row in ROWS if row.kind == "composite"], ids=lambda row: row.base)
def test_a_composite_is_made_of_what_its_element_holds(row: SearchParameter) -> None:
    (element,) = row.paths
    components = [parameters(row.base)[code] for code in row.targets]

    assert len(components) > 1
    assert all(path.startswith(f"{element}.") for part in components for path in part.paths)


def test_a_column_serves_one_value() -> None:
    served: dict[str, set[tuple[str, ...]]] = {}
    for row in ROWS:
        if row.column and row.base != "Resource":
            served.setdefault(row.column, set()).add(row.paths)

    assert [] == [column for column, paths in served.items() if len(paths) > 1]


@pytest.mark.parametrize("row", [row for row in RESOURCES.values() if row.default_sort], ids=lambda row: row.name)
def test_a_default_order_is_one_an_index_serves(row: object) -> None:
    assert parameters(row.name)[row.default_sort].column  # type: ignore[attr-defined]
