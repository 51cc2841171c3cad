"""The CapabilityStatement says what the registry's rows say."""

from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from fhir_server.registry.capability import statement
from fhir_server.registry.resources import RESOURCES

STATEMENT = statement(
    "https://s.example/fhir",
    token_url="https://s.example/oauth/token",
    software_version="1.0",
    date="2026-01-01",
)
BY_TYPE = {found["type"]: found for found in STATEMENT["rest"][0]["resource"]}


def test_it_is_a_capability_statement() -> None:
    CapabilityStatement.model_validate(STATEMENT)


def test_it_tells_every_type_served() -> None:
    assert set(RESOURCES) == set(BY_TYPE)


def test_it_tells_what_may_come_along_with_a_slot() -> None:
    assert ["Slot:schedule"] == BY_TYPE["Slot"]["searchInclude"]
    assert "Appointment:slot" in BY_TYPE["Slot"]["searchRevInclude"]
    assert "Appointment:patient" not in BY_TYPE["Slot"]["searchRevInclude"]


def test_it_tells_how_appointments_are_updated() -> None:
    appointment = BY_TYPE["Appointment"]

    assert ("versioned-update", False) == (appointment["versioning"], appointment["updateCreate"])


def test_it_tells_our_own_parameters_by_words() -> None:
    end = next(found for found in BY_TYPE["Slot"]["searchParam"] if found["name"] == "end")

    assert {"name", "type", "documentation"} == set(end)
