"""Patch keeps its promises on every store. Behaviours 39 to 49 of the checklist."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.patch import patch
from fhir_server.interactions.read import read
from fhir_server.interactions.update import update
from fhir_server.kernel.actor import SYSTEM
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.patching import fhirpath_patch, json_patch
from fhir_server.storage.resources import Stored
from tests import builders
from tests.contract.bundles import RIVAL, VENDOR

Change = Callable[[dict[str, Any]], dict[str, Any]]


def _steps(*steps: dict[str, Any]) -> Change:
    return lambda document: json_patch.apply(document, json.dumps(steps).encode())


def _set(path: str, value: Any) -> Change:
    return _steps({"op": "add", "path": path, "value": value})


def _category(call: Any, *arguments: Any) -> Category:
    with pytest.raises(FhirError) as caught:
        call(*arguments)
    return caught.value.category


def _patient(services: Services, **elements: Any) -> Stored:
    return create(services.store, VENDOR, "Patient", builders.patient(**elements))


def _patch(services: Services, stored: Stored, change: Change, if_match: int | None = None) -> Stored:
    return patch(services.store, VENDOR, stored.type, stored.id, change, if_match)


def test_a_patch_makes_the_next_version(services: Services) -> None:
    """Behaviour 39."""
    stored = _patient(services)

    patched = _patch(services, stored, _set("/name/0/given/-", "Lou"), 1)

    assert (patched.version, patched.content()["name"][0]["given"]) == (2, ["Camille", "Lou"])
    assert read(services.store, VENDOR, "Patient", stored.id).body == patched.body


def test_a_patch_that_changes_nothing_makes_no_version(services: Services) -> None:
    """Behaviour 46."""
    stored = _patient(services)

    assert _patch(services, stored, _set("/gender", "female")) == stored


@pytest.mark.parametrize(
    ("change", "category"),
    [
        (_set("/id", "other"), Category.VALUE),
        (_set("/meta/versionId", "7"), Category.VALUE),
        (_steps({"op": "remove", "path": "/meta"}), Category.VALUE),
        (_set("/resourceType", "Person"), Category.VALUE),
        (_set("", builders.slot()), Category.VALUE),
        (_set("/gender", 7), Category.VALUE),
        (_set("/gender", "x"), Category.CODE_INVALID),
        (_set("/nonsense", 1), Category.STRUCTURE),
        (_set("/name", []), Category.STRUCTURE),
        (_set("/deceasedDateTime", "2026-01-01"), Category.STRUCTURE),
        (_set("/nowhere/0/deep", 1), Category.VALUE),
        (_steps({"op": "test", "path": "/gender", "value": "male"}), Category.BUSINESS_RULE),
    ],
)
def test_a_patch_that_may_not_be_changes_nothing(services: Services, change: Change, category: Category) -> None:
    """Behaviours 40, 41, 42 and 48."""
    stored = _patient(services, deceasedBoolean=False)

    assert _category(_patch, services, stored, change) is category
    assert read(services.store, VENDOR, "Patient", stored.id) == stored


def test_the_result_is_validated_not_each_step(services: Services) -> None:
    """Behaviour 48: two types of one choice may stand side by side while the patch runs."""
    stored = _patient(services, deceasedBoolean=True)
    died = {"op": "add", "path": "/deceasedDateTime", "value": "2026-01-01"}

    patched = _patch(services, stored, _steps(died, {"op": "remove", "path": "/deceasedBoolean"}))

    assert patched.content()["deceasedDateTime"] == "2026-01-01"


def test_tags_may_be_patched(services: Services) -> None:
    stored = _patient(services)

    assert _patch(services, stored, _set("/meta/tag", [{"code": "t"}])).content()["meta"]["tag"] == [{"code": "t"}]


def test_digits_and_offsets_are_kept(services: Services) -> None:
    """Behaviour 47, and decimals of what the patch does not touch."""
    position = {"longitude": Decimal("2.3500"), "latitude": Decimal("48.850")}
    place = create(services.store, VENDOR, "Location", {"resourceType": "Location", "position": position})
    slot = create(services.store, VENDOR, "Slot", builders.slot())

    def altitude(document: dict[str, Any]) -> dict[str, Any]:
        return json_patch.apply(document, b'[{"op":"add","path":"/position/altitude","value":35.10}]')

    assert '"longitude":2.3500,"latitude":48.850,"altitude":35.10' in _patch(services, place, altitude).body
    patched = _patch(services, slot, _set("/start", "2026-03-03T08:30:00.250+01:00"))
    assert patched.content()["start"] == "2026-03-03T08:30:00.250+01:00"


def test_what_is_not_there_cannot_be_patched(services: Services) -> None:
    """Behaviours 44 and 45."""
    stored = _patient(services)
    change = _set("/gender", "male")

    assert _category(_patch, services, stored, change, 7) is Category.VERSION_CONFLICT
    assert _category(patch, services.store, VENDOR, "Patient", "never", change, None) is Category.NOT_FOUND
    assert _category(patch, services.store, RIVAL, "Patient", stored.id, change, None) is Category.NOT_FOUND
    delete(services.store, VENDOR, "Patient", stored.id, None)
    assert _category(_patch, services, stored, change) is Category.DELETED
    update(services.store, SYSTEM, "Schedule", "csnp", builders.schedule(), None)
    foreign = (patch, services.store, RIVAL, "Schedule", "csnp", _set("/active", False), None)
    assert _category(*foreign) is Category.FORBIDDEN


def _operation(parts: dict[str, Any]) -> dict[str, Any]:
    kinds = {"type": "valueCode", "path": "valueString", "name": "valueString"}
    concept = {"value": "valueCodeableConcept" if isinstance(parts["value"], dict) else "valueCode"}
    return {"name": "operation", "part": [{"name": name, (kinds | concept)[name]: parts[name]} for name in parts]}


def test_a_booking_is_cancelled_by_a_patch_that_names_its_version(services: Services) -> None:
    slot = create(services.store, SYSTEM, "Slot", builders.slot())
    booked = create(services.store, VENDOR, "Appointment", builders.appointment(slot.id))
    status = {"type": "replace", "path": "Appointment.status", "value": "cancelled"}
    reason = {"type": "add", "path": "Appointment", "name": "cancelationReason", "value": {"text": "Empêchement"}}
    parameters = {"resourceType": "Parameters", "parameter": [_operation(status), _operation(reason)]}

    def change(document: dict[str, Any]) -> dict[str, Any]:
        return fhirpath_patch.apply(document, parameters)

    assert _category(_patch, services, booked, change) is Category.REQUIRED
    assert _patch(services, booked, change, 1).content()["status"] == "cancelled"
    assert json.loads(read(services.store, SYSTEM, "Slot", slot.id).body)["status"] == "free"
