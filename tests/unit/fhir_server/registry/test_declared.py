"""What the server declares of itself is valid, complete, and tells where to look."""

import pytest

from fhir_server.registry.compartments import COMPARTMENTS
from fhir_server.registry.declared import DECLARED_TYPES, declared, expression
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.validation.gates import validate

DECLARED = {(one["resourceType"], one["id"]): one for one in declared()}
CUSTOM = [row for name in RESOURCES for row in parameters(name).values() if row.is_custom]


@pytest.mark.parametrize("key", DECLARED, ids="/".join)
def test_a_declaration_is_valid(key: tuple[str, str]) -> None:
    validate(DECLARED[key], key[0])


def test_ids_are_told_once() -> None:
    assert len(list(declared())) == len(DECLARED)
    assert {type_name for type_name, _ in DECLARED} <= set(DECLARED_TYPES)


def test_every_parameter_that_is_not_of_r4_is_declared() -> None:
    urls = {one["url"] for one in DECLARED.values()}

    assert {row.url for row in CUSTOM} <= urls


def test_what_sas_and_gap_ask_of_start_is_declared() -> None:
    fulfilled = {id_: one["expression"] for (_, id_), one in DECLARED.items() if one.get("code") == "start"}

    assert {
        "slot-sp-start": "Slot.start",
        "GAP-Slot-earliestStart": "Slot.start",
        "GAP-Slot-latestStart": "Slot.start",
        "GAP-Appointment-earliestStart": "Appointment.start",
        "GAP-Appointment-latestStart": "Appointment.start",
    } == fulfilled


def test_a_path_is_told_as_fhirpath() -> None:
    told = expression(parameters("Slot")["service-type-reference"])

    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Slot.serviceType"
    assert f"Slot.serviceType.extension.where(url='{url}').value" == told


def test_every_operation_is_declared() -> None:
    assert {one.definition for one in OPERATIONS.values()} == {
        one["base"] for (name, _), one in DECLARED.items() if name == "OperationDefinition"
    }


@pytest.mark.parametrize("name", COMPARTMENTS)
def test_compartments_are_reached_by_references(name: str) -> None:
    for type_name, codes in COMPARTMENTS[name].items():
        for code in codes:
            row = parameters(type_name)[code]
            assert row.kind == "reference"
            assert not row.targets or name in row.targets
