"""The schema made from small definitions, and what the committed one must hold."""

from typing import Any

import pytest

from fhir_server.validation.elements import definitions, elements, expression, is_resource, resource_types
from fhir_server.validation.generate import generate, render

THIRTEEN = (
    "Schedule Slot Appointment AppointmentResponse ServiceRequest Patient Practitioner PractitionerRole Organization "
    "Location HealthcareService Encounter Task"
)


def element(path: str, type_: dict[str, Any] | None, *, low: int = 0, high: str = "1", **more: Any) -> dict[str, Any]:
    types = {"type": [type_]} if type_ else {}
    return {"path": path, "base": {"path": path}, "min": low, "max": high, **types, **more}


def structure(name: str, kind: str, *elements: dict[str, Any], abstract: bool = False) -> dict[str, Any]:
    snapshot = {"element": [element(name, None), *elements]}
    return {"name": name, "kind": kind, "abstract": abstract, "snapshot": snapshot}


RESOURCE_TYPES = [
    {
        "resourceType": "CodeSystem",
        "url": "http://a/cs",
        "concept": [{"code": "Agenda", "concept": [{"code": "Resource"}]}],
    },
    {
        "resourceType": "ValueSet",
        "url": "http://hl7.org/fhir/ValueSet/resource-types",
        "compose": {"include": [{"system": "http://a/cs"}]},
    },
]

DEFINITIONS = {
    "structureDefinitions": [
        structure(
            "string", "primitive-type", element("string.value", {"code": "http://hl7.org/fhirpath/System.String"})
        ),
        structure("Element", "complex-type", element("Element.id", {"code": "string"})),
        structure("Resource", "resource", abstract=True),
        structure(
            "Agenda",
            "resource",
            element("Agenda.name", {"code": "string"}, low=1),
            element("Agenda.line", {"code": "BackboneElement"}, high="*"),
            element("Agenda.line.note[x]", {"code": "string"}, low=1),
            element("Agenda.line.line", None, high="*", contentReference="#Agenda.line"),
        ),
    ],
    "terminology": RESOURCE_TYPES,
}


def test_resource() -> None:
    defs = generate(DEFINITIONS)["$defs"]

    expected = {
        "type": "object",
        "resource": True,
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "resourceType": {"const": "Agenda"},
            "name": {"$ref": "#/$defs/string"},
            "_name": {"$ref": "#/$defs/Element"},
            "line": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Agenda.line"}},
        },
        "required": ["resourceType"],
        "allOf": [{"if": {"required": ["_name"]}, "else": {"required": ["name"]}}],
    }
    assert expected == defs["Agenda"]


def test_required_choice_and_content_reference() -> None:
    defs = generate(DEFINITIONS)["$defs"]

    expected = {"oneOf": [{"anyOf": [{"required": ["noteString"]}, {"required": ["_noteString"]}]}]}
    assert expected == defs["Agenda.line.note-x"]
    reference = {"$ref": "#/$defs/Agenda.line"}
    assert reference == defs["Agenda.line"]["properties"]["line"]["items"]


def test_text_is_the_same_whatever_the_order() -> None:
    turned = {**DEFINITIONS, "structureDefinitions": DEFINITIONS["structureDefinitions"][::-1]}

    assert render(generate(DEFINITIONS)) == render(generate(turned))


def test_every_type_of_the_definitions_is_there() -> None:
    found = [name for name in definitions() if is_resource(name)]

    assert set(THIRTEEN.split()) <= set(found)
    number, number_in_r4 = 40, 146
    assert number == len(found)
    assert number_in_r4 == len(resource_types())


@pytest.mark.parametrize(
    ("type_name", "name", "expected"),
    [
        ("Slot", "schedule", {"Schedule"}),
        ("Appointment", "slot", {"Slot"}),
        ("Appointment", "supportingInformation", set()),
    ],
)
def test_targets_of_references(type_name: str, name: str, expected: set[str]) -> None:
    assert expected == elements(type_name)[name].targets


def test_codes_of_required_bindings() -> None:
    expected = ["busy", "free", "busy-unavailable", "busy-tentative", "entered-in-error"]
    assert expected == definitions()["code.slotstatus"]["enum"]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["name", 0, "_given", 1, "extension", 0, "valueString"], "Patient.name[0].given[1].extension[0].value"),
        (["_deceasedBoolean"], "Patient.deceased"),
        (["unknown", "Madame Essai"], "Patient.unknown"),
        ([], "Patient"),
    ],
)
def test_expression_of_json_steps(steps: list[str | int], expected: str) -> None:
    assert expected == expression("Patient", "Patient", steps)
