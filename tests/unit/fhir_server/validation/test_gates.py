"""Every good resource passes; every bad one is refused with one issue of the right category at the right place."""

import copy
import csv
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.validation import gates

HERE = Path(__file__).parent
GOOD = HERE / "good"
TYPES = sorted(path.stem for path in GOOD.glob("*.json"))
GONE = object()

ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def table(name: str) -> list[tuple[str, ...]]:
    """Rows of a CSV table beside this module; its `value` is JSON, or empty for a property to remove."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return [tuple(row) for row in list(csv.reader(file))[1:]]


@cache
def good(type_name: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.decode((GOOD / f"{type_name}.json").read_bytes())
    return resource


def edited(type_name: str, steps: str, value: Any) -> dict[str, Any]:
    """A good resource with the property at `steps` (`participant 0 actor`) replaced, added or, for GONE, removed."""
    resource = copy.deepcopy(good(type_name))
    *way, last = [int(step) if step.isdigit() else step for step in steps.split()]
    holder: Any = resource
    for step in way:
        holder = holder[step]
    if value is GONE:
        del holder[last]
    else:
        holder[last] = value
    return resource


def read(value: str) -> Any:
    return json.decode(value.encode()) if value else GONE


def issues_of(resource: dict[str, Any], type_name: str, **options: bool) -> list[tuple[str, str | None]]:
    with pytest.raises(FhirError) as caught:
        gates.validate(resource, type_name, **options)
    return [(issue.category.name, issue.expression) for issue in caught.value.issues]


@pytest.mark.parametrize("type_name", TYPES)
def test_good_resource_passes(type_name: str) -> None:
    gates.validate(good(type_name), type_name)


@pytest.mark.parametrize(("type_name", "steps", "value", "category", "expression", "reason"), table("bad.csv"))
def test_bad_resource_is_told_once(
    type_name: str, steps: str, value: str, category: str, expression: str, reason: str
) -> None:
    resource = edited(type_name, steps, read(value))

    assert [(category, expression)] == issues_of(resource, type_name, second_opinion=False), reason


@pytest.mark.parametrize(("type_name", "steps", "value", "reason"), table("unusual.csv"))
def test_unusual_but_good_resource_passes(type_name: str, steps: str, value: str, reason: str) -> None:
    gates.validate(edited(type_name, steps, read(value)), type_name)


@pytest.mark.parametrize("status", ["cancelled", "noshow"])
def test_cancelation_reason_is_for_cancelled_and_noshow(status: str) -> None:
    resource = edited("Appointment", "cancelationReason", {"text": "x"}) | {"status": status}

    gates.validate(resource, "Appointment")


@pytest.mark.parametrize("status", ["proposed", "cancelled", "waitlist"])
def test_appointment_without_times_by_status(status: str) -> None:
    resource = {name: value for name, value in good("Appointment").items() if name not in ("start", "end")}

    gates.validate(resource | {"status": status}, "Appointment")


def test_booked_appointment_without_times_is_refused() -> None:
    resource = {name: value for name, value in good("Appointment").items() if name not in ("start", "end")}

    expected = [("INVARIANT", "Appointment")]
    assert expected == issues_of(resource, "Appointment")


def test_appointment_with_start_only_breaks_two_rules() -> None:
    expected = [("INVARIANT", "Appointment")] * 2
    assert expected == issues_of(edited("Appointment", "end", GONE), "Appointment")


def test_status_by_extension_alone_is_refused() -> None:
    resource = edited("Slot", "status", GONE) | {"_status": ABSENT}

    expected = [("REQUIRED", "Slot.status")]
    assert expected == issues_of(resource, "Slot")


def test_all_faults_are_told_at_once() -> None:
    resource = edited("Appointment", "participant 0 status", "ok") | {"foo": 1, "minutesDuration": "15"}
    del resource["participant"][1]["actor"]
    resource["slot"][0]["reference"] = "Schedule/1"

    expected = {
        ("CODE_INVALID", "Appointment.participant[0].status"),
        ("STRUCTURE", "Appointment.foo"),
        ("VALUE", "Appointment.minutesDuration"),
        ("INVARIANT", "Appointment.participant[1]"),
        ("VALUE", "Appointment.slot[0]"),
    }
    assert expected == set(issues_of(resource, "Appointment"))


def test_faults_told_are_limited() -> None:
    resource = edited("Slot", "serviceType", [{"foo": 1}] * 5000)

    expected = 100
    assert expected == len(issues_of(resource, "Slot"))


def test_entries_can_be_left_aside() -> None:
    bundle = edited("Bundle", "entry 0 resource status", "open")

    gates.validate(bundle, "Bundle", into_entries=False)


def test_unknown_type_is_not_supported() -> None:
    expected = [("NOT_SUPPORTED_TYPE", None)]
    assert expected == issues_of({"resourceType": "Observation"}, "Observation")


def test_half_a_surrogate_pair_is_told() -> None:
    expected = [("INVALID", "Slot")]
    assert expected == issues_of(edited("Slot", "comment", "\ud800"), "Slot")


@pytest.mark.parametrize(("type_name", "steps", "value", "category", "expression", "reason"), table("bad.csv"))
def test_values_are_not_told_back(
    type_name: str, steps: str, value: str, category: str, expression: str, reason: str
) -> None:
    with pytest.raises(FhirError) as caught:
        gates.validate(edited(type_name, steps, read(value)), type_name)

    told = " ".join(issue.diagnostics for issue in caught.value.issues)
    for private in (
        "Essai",
        "Modèle",
        "Marie",
        "100000000000000",
        "810000000001",
        "1980-02-29",
        "passwd",
        "05/01/2026",
    ):
        assert private not in told


def test_wrong_code_is_told_back_when_short() -> None:
    def told(code: str) -> str:
        with pytest.raises(FhirError) as caught:
            gates.validate(edited("Slot", "status", code), "Slot")
        return str(caught.value)

    codes = "busy, free, busy-unavailable, busy-tentative, entered-in-error"
    assert f"The element status (open) is not one of {codes}." == told("open")
    assert f"The element status is not one of {codes}." == told("Madame Essai")


BODIES = [
    (b"", "INVALID", None, "nothing"),
    (b"{", "INVALID", None, "not JSON"),
    (b"\xff", "INVALID", None, "not UTF-8"),
    (b'{"resourceType":"Slot","resourceType":"Slot"}', "INVALID", None, "a member twice"),
    (b"[]", "STRUCTURE", "Slot", "an array"),
    (b"null", "STRUCTURE", "Slot", "null"),
    (b"{}", "STRUCTURE", "Slot.resourceType", "no resourceType"),
    (b'{"resourceType":"Schedule"}', "STRUCTURE", "Slot.resourceType", "another resourceType"),
    (b'{"resourceType":["Slot"]}', "STRUCTURE", "Slot.resourceType", "resourceType that is no text"),
]


@pytest.mark.parametrize(("body", "category", "expression", "reason"), BODIES)
def test_bad_body(body: bytes, category: str, expression: str | None, reason: str) -> None:
    with pytest.raises(FhirError) as caught:
        gates.check_body(body, "Slot")

    assert [(Category[category], expression)] == [(item.category, item.expression) for item in caught.value.issues]


def test_body_keeps_its_decimals() -> None:
    resource = gates.check_body((GOOD / "ServiceRequest.json").read_bytes(), "ServiceRequest")

    # Compared by digits: 1.1 equals 1.10.
    assert repr(Decimal("1.10")) == repr(resource["quantityQuantity"]["value"])


def test_prepared_types_validate() -> None:
    gates.prepare(["Slot", "Schedule"])

    gates.validate(good("Slot"), "Slot")
