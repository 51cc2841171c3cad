"""Code tables: HL7 v2 codes on one side, FHIR codings on the other. Version 2 codes are read without regard to case."""

from collections.abc import Mapping

from adapters.mapping.plans import CodeRow, CodeTable, Coding

#: Directions in which a line may be used.
DIRECTIONS = frozenset({"in", "out", "both"})


def code_table(name: str, systems: Mapping[str, str], lines: Mapping[str, Mapping[str, str]]) -> CodeTable:
    """A code table of its lines.

    `systems` names the system of the `source` codes and, for lines that name none, of the `target` codes. Of several
    lines with one code the first counts.
    """
    rows = tuple(_row(line, systems.get("target", "")) for line in lines.values())
    inward = {row.source.casefold(): row.target for row in reversed(rows) if row.direction != "out"}
    outward = {row.target.code: row.source for row in reversed(rows) if row.direction != "in" and row.target.code}
    return CodeTable(name, systems.get("source", ""), systems.get("target", ""), rows, inward, outward)


def _row(line: Mapping[str, str], target_system: str) -> CodeRow:
    coding = Coding(line.get("target", ""), line.get("system", "") or target_system, line.get("display", ""))
    return CodeRow(
        line.get("source", "").removeprefix("+"),
        coding,
        line.get("direction", ""),
        line.get("note", ""),
        line["origin"],
    )
