"""Chains and includes reach no further than the scopes."""

import pytest

from fhir_server.auth.guard import Access
from fhir_server.auth.scopes import Scopes
from fhir_server.interactions import reach
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.search.model import Query
from fhir_server.search.query import parse


def within(scopes: str, *pairs: tuple[str, str]) -> Query:
    return reach.within(parse("Appointment", pairs), Access(SYSTEM, Scopes.parse(scopes)).require)


@pytest.mark.parametrize(
    ("pair", "scopes"),
    [
        (("patient.name", "x"), "system/Patient.s"),
        (("patient.name", "x"), "system/*.s"),
        (("patient.organization.name", "x"), "system/Patient.s system/Organization.s"),
        (("_has:Encounter:appointment:status", "planned"), "system/Encounter.s"),
        (("status", "booked"), ""),
    ],
)
def test_a_chain_within_the_scopes(pair: tuple[str, str], scopes: str) -> None:
    assert 1 == len(within(scopes, pair).criteria)


@pytest.mark.parametrize(
    ("pair", "scopes"),
    [
        (("patient.name", "x"), "system/Appointment.cruds system/Patient.crud"),
        (("patient.organization.name", "x"), "system/Patient.s"),
        (("_has:Encounter:appointment:status", "planned"), "system/Appointment.s"),
    ],
)
def test_a_chain_beyond_the_scopes_is_refused(pair: tuple[str, str], scopes: str) -> None:
    with pytest.raises(FhirError) as caught:
        within(scopes, pair)

    assert Category.FORBIDDEN == caught.value.category


@pytest.mark.parametrize(
    ("name", "value", "scopes", "targets", "warnings"),
    [
        ("_include", "Appointment:patient", "system/Patient.r", [None], 0),
        ("_include", "Appointment:patient", "system/Patient.s", [], 1),
        ("_include", "Appointment:patient", "system/*.r", [None], 0),
        ("_include", "Appointment:actor", "system/Patient.r system/Location.r", ["Location", "Patient"], 0),
        ("_include", "Appointment:actor:Patient", "system/Location.r", [], 1),
        ("_include", "Appointment:actor:Patient", "system/Patient.r", ["Patient"], 0),
        ("_revinclude", "Encounter:appointment", "system/Encounter.r", [None], 0),
        ("_revinclude", "Encounter:appointment", "system/Appointment.r", [], 1),
    ],
)
def test_includes_are_narrowed(name: str, value: str, scopes: str, targets: list[str | None], warnings: int) -> None:
    query = within(scopes, (name, value))

    assert targets == sorted((include.target for include in query.includes), key=str)
    assert warnings == len(query.warnings)


def test_what_is_left_out_is_told_in_one_sentence() -> None:
    query = within("system/Slot.r", *(("_include", f"Appointment:{code}") for code in ("patient", "slot", "location")))

    [warning] = query.warnings
    assert "Appointment:patient, Appointment:location" in warning
    assert ["slot"] == [include.code for include in query.includes]
