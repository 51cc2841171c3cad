"""The CapabilityStatement says what the registry's rows say."""

from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from fhir_server.registry.capability import statement
from fhir_server.registry.resources import BODY_ONLY, RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.validation.gates import validate

STATEMENT = statement(
    "https://s.example/fhir",
    token_url="https://s.example/oauth/token",
    software_version="1.0",
    date="2026-01-01",
)
(REST,) = STATEMENT["rest"]
BY_TYPE = {found["type"]: found for found in REST["resource"]}


def test_it_is_a_capability_statement() -> None:
    CapabilityStatement.model_validate(STATEMENT)
    validate(STATEMENT, "CapabilityStatement")


def test_it_tells_every_type_served() -> None:
    assert set(RESOURCES) == set(BY_TYPE)
    assert not BODY_ONLY & set(BY_TYPE)


def test_it_tells_every_parameter_with_its_definition() -> None:
    for name, told in BY_TYPE.items():
        assert set(parameters(name)) == {one["name"] for one in told["searchParam"]}
        assert all(one["definition"] for one in told["searchParam"])


def test_it_tells_what_may_come_along_with_a_slot() -> None:
    assert ["*", "Slot:schedule", "Slot:service-type-reference"] == BY_TYPE["Slot"]["searchInclude"]
    assert "Appointment:slot" in BY_TYPE["Slot"]["searchRevInclude"]
    assert "Appointment:patient" not in BY_TYPE["Slot"]["searchRevInclude"]


def test_it_tells_how_appointments_are_updated() -> None:
    appointment = BY_TYPE["Appointment"]

    assert ("versioned-update", False) == (appointment["versioning"], appointment["updateCreate"])


def test_it_tells_which_writes_may_be_conditional() -> None:
    names = ("conditionalCreate", "conditionalUpdate", "conditionalDelete")

    assert [True, True, "single"] == [BY_TYPE["Patient"][name] for name in names]
    assert [False, False, "not-supported"] == [BY_TYPE["AuditEvent"][name] for name in names]


def test_it_tells_what_concerns_the_whole_server() -> None:
    assert ["batch", "history-system", "search-system", "transaction"] == [one["code"] for one in REST["interaction"]]
    assert {"_id", "_lastUpdated", "_profile", "_security", "_source", "_tag"} == {
        one["name"] for one in REST["searchParam"]
    }
    assert [
        "http://hl7.org/fhir/CompartmentDefinition/patient",
        "http://hl7.org/fhir/CompartmentDefinition/practitioner",
    ] == REST["compartment"]


def test_it_tells_the_operations_of_a_type() -> None:
    assert ["validate"] == [one["name"] for one in BY_TYPE["Slot"]["operation"]]
