"""The code tables as FHIR resources: a ConceptMap from HL7 v2 to FHIR for each, and the ValueSet of what it reads.

The server declares them with its other definitions. A table whose codes have no system on one side (units, assigning
authorities, languages) is no map between code systems and has none.
https://www.hl7.org/fhir/R4/conceptmap.html
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from adapters.mapping.plans import CodeRow, CodeTable, Tables

#: What a line says of its two codes: each translates the other, or the one is read as the other.
_EQUIVALENCES = {"both": "equivalent", "in": "relatedto"}


def declarations(tables: Tables, version: str) -> Iterator[dict[str, Any]]:
    """A ConceptMap and a ValueSet for each code table that maps codes of one system to codes of another.

    `version` is that of the software, which the tables are part of.
    """
    for name in sorted(tables.codes):
        table = tables.codes[name]
        rows = [row for row in table.rows if row.direction in _EQUIVALENCES]
        if table.source_system and table.target_system and rows:
            yield _value_set(table, rows, version)
            yield _concept_map(table, rows, version)


def _concept_map(table: CodeTable, rows: list[CodeRow], version: str) -> dict[str, Any]:
    def system(row: CodeRow) -> str:
        return row.target.system or table.target_system

    groups = groupby(sorted(rows, key=system), key=system)
    return {
        **_head("ConceptMap", table, version),
        "description": f"How HL7 v2 codes of the table {table.name} are read into FHIR.",
        "sourceCanonical": _url("ValueSet", table),
        "group": [
            {"source": table.source_system, "target": target, "element": [_element(row) for row in found]}
            for target, found in groups
        ],
    }


def _element(row: CodeRow) -> dict[str, Any]:
    target: dict[str, Any] = {"equivalence": "unmatched"}
    if row.target.code:
        target = {"code": row.target.code, "display": row.target.display, "equivalence": _EQUIVALENCES[row.direction]}
    return {"code": row.source, "target": [_valued(target | {"comment": row.note})]}


def _value_set(table: CodeTable, rows: list[CodeRow], version: str) -> dict[str, Any]:
    concepts = [{"code": row.source} for row in rows]
    return {
        **_head("ValueSet", table, version),
        "description": f"The HL7 v2 codes that the table {table.name} reads.",
        "compose": {"include": [{"system": table.source_system, "concept": concepts}]},
    }


def _head(type_name: str, table: CodeTable, version: str) -> dict[str, Any]:
    return {
        "resourceType": type_name,
        "id": table.name.replace("_", "-"),
        "url": _url(type_name, table),
        "version": version,
        "name": "".join(word.capitalize() for word in table.name.split("_")),
        "status": "active",
        "experimental": False,
    }


def _url(type_name: str, table: CodeTable) -> str:
    return f"urn:creneau:{type_name}:{table.name.replace('_', '-')}"


def _valued(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value != ""}
