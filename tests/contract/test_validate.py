"""`$validate` says what would be refused, and changes nothing. Behaviour 100 of the checklist."""

from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.read import read
from fhir_server.interactions.validate import validate
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.errors import Category, FhirError
from tests import builders
from tests.contract.bundles import RIVAL, VENDOR

PROFILES = "http://hl7.org/fhir/StructureDefinition/"
FINE = [("information", "informational", None)]


def _found(outcome: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    assert outcome["resourceType"] == "OperationOutcome"
    return [(one["severity"], one["code"], one.get("expression", [None])[0]) for one in outcome["issue"]]


def _validate(services: Services, body: dict[str, Any] | None, id_: str | None = None, **named: Any) -> Any:
    type_name = named.pop("type_name", "Patient")
    return _found(validate(services.store, VENDOR, type_name, id_, body, **named))


def _parameters(resource: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    parameter = [{"name": "resource", "resource": resource}] if resource else []
    return {"resourceType": "Parameters", "parameter": parameter + [{"name": n, **v} for n, v in others.items()]}


def test_a_resource_is_judged_by_body_and_by_parameters(services: Services) -> None:
    wrong = builders.patient(gender="x", birthDate="2026-02-30")
    faults = [("error", "code-invalid", "Patient.gender"), ("error", "value", "Patient.birthDate")]

    assert _validate(services, builders.patient()) == FINE
    assert _validate(services, _parameters(builders.patient())) == FINE
    assert sorted(_validate(services, wrong)) == sorted(faults)
    assert sorted(_validate(services, _parameters(wrong))) == sorted(faults)
    assert _validate(services, builders.patient(), type_name=None) == FINE
    assert _validate(services, builders.slot()) == [("error", "structure", "resource")]
    assert _validate(services, {"resourceType": "Parameters"}, type_name="Parameters") == FINE


def test_what_is_stored_is_judged_by_its_id(services: Services) -> None:
    stored = create(services.store, VENDOR, "Patient", builders.patient())

    assert _validate(services, None, stored.id) == FINE
    for actor, id_ in ((VENDOR, "never"), (RIVAL, stored.id)):
        with pytest.raises(FhirError) as caught:
            validate(services.store, actor, "Patient", id_, None)
        assert caught.value.category is Category.NOT_FOUND
    delete(services.store, VENDOR, "Patient", stored.id, None)
    with pytest.raises(FhirError) as caught:
        _validate(services, None, stored.id)
    assert caught.value.category is Category.DELETED


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        (f"{PROFILES}Patient", "informational"),
        (f"{PROFILES}Patient|4.0.1", "informational"),
        (f"{PROFILES}DomainResource", "informational"),
        (f"{PROFILES}Patient|9", "not-found"),
        (f"{PROFILES}nonsense", "not-found"),
        ("http://x.test/profile", "not-found"),
        (f"{PROFILES}Slot", "structure"),
    ],
)
def test_a_profile_that_is_not_here_is_told(services: Services, profile: str, code: str) -> None:
    assert [one[1] for one in _validate(services, builders.patient(), profile=profile)] == [code]
    wrapped = _parameters(builders.patient(), profile={"valueUri": profile})
    assert [one[1] for one in _validate(services, wrapped)] == [code]


def test_faults_and_an_unknown_profile_are_told_together(services: Services) -> None:
    found = _validate(services, builders.patient(gender="x"), profile="http://x.test/profile")

    assert [one[1] for one in found] == ["not-found", "code-invalid"]


def test_a_mode_asks_the_rules_too_and_changes_nothing(services: Services) -> None:
    slot = create(services.store, SYSTEM, "Slot", builders.slot())
    booking = builders.appointment(slot.id)

    assert _validate(services, booking, type_name="Appointment", mode="create") == FINE
    assert read(services.store, SYSTEM, "Slot", slot.id).version == 1
    booked = create(services.store, VENDOR, "Appointment", booking)
    taken = _validate(services, _parameters(booking, mode={"valueCode": "create"}), type_name="Appointment")
    assert taken == [("error", "conflict", "Appointment.slot[0]")]

    for body, mode, expected in (
        (booking | {"id": booked.id, **builders.CANCELLED}, "update", FINE),
        (booking | {"id": "other"}, "update", [("error", "invalid", "Appointment.id")]),
        (booking, "update", [("error", "invalid", "Appointment.id")]),
        (None, "delete", [("error", "not-supported", None)]),
    ):
        assert _validate(services, body, booked.id, type_name="Appointment", mode=mode) == expected
    assert read(services.store, VENDOR, "Appointment", booked.id).version == 1


def test_the_mode_of_a_type_level_call(services: Services) -> None:
    assert _validate(services, builders.patient(id="new"), mode="update") == FINE
    assert _validate(services, None, mode="delete") == [("error", "required", "mode")]
    with pytest.raises(FhirError) as caught:
        read(services.store, VENDOR, "Patient", "new")
    assert caught.value.category is Category.NOT_FOUND


@pytest.mark.parametrize(
    ("body", "mode", "category"),
    [
        (None, None, Category.REQUIRED),
        (_parameters(), None, Category.REQUIRED),
        (builders.patient(), "x", Category.VALUE),
    ],
)
def test_without_anything_to_judge_it_is_refused(
    services: Services, body: dict[str, Any] | None, mode: str | None, category: Category
) -> None:
    with pytest.raises(FhirError) as caught:
        _validate(services, body, mode=mode)

    assert caught.value.category is category
