"""Which elements stay when a resource is shown in part: those R4 marks for summaries, and those that never go.

    python -m fhir_server.validation.subsets fhir_server/validation/definitions.json.gz

writes `subsets.csv` anew from the definitions. https://www.hl7.org/fhir/R4/elementdefinition.html#summary
"""

import csv
import io
import sys
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fhir_server.validation import generate

_PATH = Path(__file__).with_name("subsets.csv")
_FIELDS = ("type", "element", "summary", "kept")


@cache
def summary_elements() -> Mapping[str, frozenset[str]]:
    """By type or backbone element (`Patient.link`): what R4 marks for summaries, and what never goes."""
    return _read(("summary", "kept"))


@cache
def kept_elements() -> Mapping[str, frozenset[str]]:
    """By type or backbone element: what is mandatory, and what changes the meaning of the rest."""
    return _read(("kept",))


def render(definitions: Mapping[str, Any]) -> str:
    """The text of the table for these definitions."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _FIELDS, lineterminator="\n")
    writer.writeheader()
    for structure in sorted(definitions["structureDefinitions"], key=lambda found: str(found["name"])):
        if structure["kind"] == "resource" and not structure["abstract"]:
            writer.writerows(_rows(structure))
    return text.getvalue()


def _rows(structure: Mapping[str, Any]) -> list[dict[str, str]]:
    found = []
    for element in structure["snapshot"]["element"]:
        above, _, name = element["path"].rpartition(".")
        marks = {
            "summary": "x" if element.get("isSummary") else "",
            "kept": "x" if element["min"] > 0 or element.get("isModifier") else "",
        }
        if above and any(marks.values()):
            found.append({"type": above, "element": name.removesuffix("[x]"), **marks})
    return found


def _read(marks: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    text = files(__package__).joinpath("subsets.csv").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for row in csv.DictReader(text.splitlines()):
        names = found.setdefault(row["type"], set())
        if any(row[mark] for mark in marks):
            names.add(row["element"])
    return {name: frozenset(elements) for name, elements in found.items()}


if __name__ == "__main__":
    _PATH.write_text(render(generate.read(Path(sys.argv[1]))), encoding="utf-8")
