"""The table of elements made from small definitions, and what the committed one must hold."""

from typing import Any

import pytest

from fhir_server.formats.generate import TABLE_PATH, generate, render, structures
from fhir_server.formats.order import ordered
from fhir_server.validation.elements import definitions, elements
from fhir_server.validation.generate import SCHEMA_PATH, read

SYSTEM_STRING = "http://hl7.org/fhirpath/System.String"


def element(path: str, *types: str, high: str = "1", **more: Any) -> dict[str, Any]:
    return {"path": path, "max": high, "type": [{"code": code} for code in types], **more}


AGENDA = {
    "resourceType": "StructureDefinition",
    "kind": "resource",
    "derivation": "specialization",
    "snapshot": {
        "element": [
            element("Agenda"),
            element("Agenda.id", SYSTEM_STRING),
            element("Agenda.line", "BackboneElement", high="*"),
            element("Agenda.line.when[x]", "date", "Period"),
            element("Agenda.line.line", high="*", contentReference="#Agenda.line"),
        ]
    },
}


def test_one_row_for_each_type_and_backbone() -> None:
    expected = {
        "Agenda": "id:string line:Agenda.line*",
        "Agenda.line": "when[x]:date|Period line:Agenda.line*",
    }
    assert expected == generate([AGENDA])


@pytest.mark.parametrize("change", [{"kind": "primitive-type"}, {"kind": "logical"}, {"derivation": "constraint"}])
def test_what_is_no_type_of_its_own_has_no_row(change: dict[str, str]) -> None:
    assert {} == generate([AGENDA | change])


def test_only_structures_are_taken_from_bundles() -> None:
    bundle = {"entry": [{"resource": AGENDA}, {"resource": {"resourceType": "OperationDefinition"}}]}

    assert [AGENDA] == structures([bundle])


def test_rows_are_written_in_order() -> None:
    assert 'type,elements\nA,id:string\nB,"x:A,"\n' == render({"B": "x:A,", "A": "id:string"})


def test_the_committed_table_is_what_the_committed_definitions_give() -> None:
    rows = generate(read(SCHEMA_PATH.with_name("definitions.json.gz"))["structureDefinitions"])

    lines = TABLE_PATH.read_text(encoding="utf-8").splitlines(keepends=True)
    assert [] == [line for line in render(rows).splitlines(keepends=True) if line not in lines]


def test_xml_and_validation_know_the_same_elements() -> None:
    types = [name for name, schema in definitions().items() if "properties" in schema and not name.endswith("or-null")]
    # `Resource` stands there for any; the simple Quantity is a profile.
    for name in set(types) - {"Resource", "SimpleQuantity"}:
        expected = {
            (key, found.name, found.is_list, found.is_primitive)
            for key, found in elements(name).items()
            if not key.startswith("_")
        }
        known = {(key, found.name, found.is_list, found.is_primitive) for key, found in ordered(name).items()}
        assert expected == known, name
