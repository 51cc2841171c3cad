"""Code tables as FHIR resources: which have any, what they say, and that they are valid."""

from typing import Any

import pytest

from adapters.mapping.codes import code_table
from adapters.mapping.concept_maps import declarations
from adapters.mapping.plans import Tables
from adapters.mapping.tables import load
from fhir_server.validation.gates import validate

SYSTEMS = {"source": "urn:x:v2", "target": "urn:x:fhir"}


def line(source: str, target: str, direction: str, note: str = "", system: str = "") -> dict[str, str]:
    return {
        "source": source,
        "target": target,
        "direction": direction,
        "note": note,
        "system": system,
        "origin": "codes/visit_kind.csv",
    }


def made(systems: dict[str, str], *lines: dict[str, str]) -> list[dict[str, Any]]:
    table = code_table("visit_kind", systems, {str(number): found for number, found in enumerate(lines)})
    tables = Tables((), (), (), {}, {"visit_kind": table})
    return list(declarations(tables, "1.2"))


def test_a_table_becomes_a_value_set_and_a_concept_map() -> None:
    value_set, concept_map = made(
        SYSTEMS,
        line("E", "EMER", "both"),
        line("X", "EMER", "in", "seen in feeds"),
        line("C", "", "in"),
        line("B", "B", "both", system="urn:x:v2"),
        line("Z", "AMB", "out"),
    )

    assert ("urn:creneau:ValueSet:visit-kind", "visit-kind", "VisitKind", "1.2", "active") == tuple(
        value_set[name] for name in ("url", "id", "name", "version", "status")
    )
    concepts = [{"code": code} for code in "EXCB"]
    assert [{"system": "urn:x:v2", "concept": concepts}] == value_set["compose"]["include"]
    assert value_set["url"] == concept_map["sourceCanonical"]
    related = {"code": "EMER", "equivalence": "relatedto", "comment": "seen in feeds"}
    expected = [
        {
            "source": "urn:x:v2",
            "target": "urn:x:fhir",
            "element": [
                {"code": "E", "target": [{"code": "EMER", "equivalence": "equivalent"}]},
                {"code": "X", "target": [related]},
                {"code": "C", "target": [{"equivalence": "unmatched"}]},
            ],
        },
        {
            "source": "urn:x:v2",
            "target": "urn:x:v2",
            "element": [{"code": "B", "target": [{"code": "B", "equivalence": "equivalent"}]}],
        },
    ]
    assert expected == concept_map["group"]


@pytest.mark.parametrize(
    ("systems", "lines"),
    [
        ({"source": "urn:x:v2"}, [line("min", "60", "both")]),
        ({"target": "urn:x:fhir"}, [line("FRA", "fr", "both")]),
        (SYSTEMS, [line("A", "B", "out")]),
        (SYSTEMS, []),
    ],
)
def test_a_table_that_maps_no_codes_has_none(systems: dict[str, str], lines: list[dict[str, str]]) -> None:
    assert [] == made(systems, *lines)


def test_those_of_our_tables_are_valid_and_have_ids_of_their_own() -> None:
    found = list(declarations(load(), "1.0"))

    for declaration in found:
        validate(declaration, declaration["resourceType"])
    ids = {(declaration["resourceType"], declaration["id"]) for declaration in found}
    assert len(found) == len(ids)
    assert ("ConceptMap", "appointment-status") in ids
    assert ("ConceptMap", "units") not in ids
