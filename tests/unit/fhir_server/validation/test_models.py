"""The second opinion: what it is asked, what it says, and that it and our schema know the same elements."""

import importlib
from pathlib import Path

import pytest

from fhir_server.kernel import json
from fhir_server.kernel.errors import Category
from fhir_server.validation import models
from fhir_server.validation.elements import definitions
from fhir_server.validation.gates import validate
from fhir_server.validation.walk import walk

GOOD = Path(__file__).with_name("good")
TYPES = sorted(path.stem for path in GOOD.glob("*.json"))

#: Properties that only R4, or only R4B, has.
DIFFERENCES = {
    "Extension": {"valueMeta", "valueCodeableReference", "valueRatioRange"},
    "Narrative": {"_div"},
}


@pytest.mark.parametrize("type_name", TYPES)
def test_good_resource_has_no_issue(type_name: str) -> None:
    assert not models.issues(json.decode((GOOD / f"{type_name}.json").read_bytes()), type_name)


@pytest.mark.parametrize(
    ("edit", "category", "expression"),
    [
        ({"foo": 1}, Category.STRUCTURE, "Slot.foo"),
        ({"schedule": {"baz": "Madame Essai"}}, Category.STRUCTURE, "Slot.schedule.baz"),
        ({"start": "Madame Essai"}, Category.VALUE, "Slot.start"),
        ({"id": "x" * 65}, Category.TOO_LONG, "Slot.id"),
        ({"extension": [{"valueString": "Madame Essai"}]}, Category.REQUIRED, "Slot.extension[0].url"),
    ],
)
def test_fault_is_told_without_its_value(edit: dict[str, object], category: Category, expression: str) -> None:
    found = models.issues(json.decode((GOOD / "Slot.json").read_bytes()) | edit, "Slot")

    expected = [(category, expression)]
    assert expected == [(issue.category, issue.expression) for issue in found]
    assert "Essai" not in str(found)


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ({"url": "a", "valueString": "b"}, True),
        ({"url": "a", "valueMeta": {"versionId": "1"}}, False),
        ({"url": "a", "_valueString": {"extension": [{"url": "b", "valueCode": "c"}]}}, False),
    ],
)
def test_what_the_models_lack_is_not_put_to_them(extension: dict[str, object], expected: bool) -> None:
    resource = {"resourceType": "Slot", "meta": {"versionId": "1"}, "extension": [extension]}

    assert expected == models.can_judge(walk(resource, "Slot"))


ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"_valueString": ABSENT}, False),
        ({"valueString": "a", "_valueString": ABSENT}, True),
        ({"valueString": "a"}, True),
    ],
)
def test_a_choice_without_a_value_is_not_put_to_the_models(value: dict[str, object], expected: bool) -> None:
    task = json.decode((GOOD / "Task.json").read_bytes()) | {"input": [{"type": {"text": "a"}, **value}]}

    assert expected == models.can_judge(walk(task, "Task"))
    validate(task, "Task")


def test_resource_of_a_type_that_r4b_dropped_is_not_judged() -> None:
    resource = json.decode((GOOD / "Slot.json").read_bytes())

    assert not models.issues(resource | {"contained": [{"resourceType": "MedicinalProduct", "id": "a"}]}, "Slot")


@pytest.mark.parametrize(
    "type_name", [*TYPES, "Extension", "HumanName", "Identifier", "Narrative", "Timing", "Quantity"]
)
def test_schema_and_models_know_the_same_elements(type_name: str) -> None:
    model = getattr(importlib.import_module(f"fhir.resources.R4B.{type_name.lower()}"), type_name)
    modelled = {field.alias or name for name, field in model.model_fields.items()}
    ours = set(definitions()[type_name]["properties"])

    found = (ours ^ modelled) - {"resourceType", "resource_type", "fhir_comments"}
    found = {name for name in found if not name.startswith("_value")}
    assert DIFFERENCES.get(type_name, set()) == found
