"""Turns the R4 definitions into the table of elements by which XML is written and read.

    python -m fhir_server.formats.generate profiles-types.json profiles-resources.json

The two Bundles of StructureDefinitions are among those HL7 publishes for R4 4.0.1 (CC0), as definitions.json.zip. The
table has a line for each data type, resource type and backbone element (named by its path): its elements in their order
as `name:type`, `*` after those that repeat, and the types of a choice parted by `|`.
https://www.hl7.org/fhir/R4/downloads.html
"""

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

TABLE_PATH = Path(__file__).with_name("r4_elements.csv")

_SYSTEM_TYPE = "http://hl7.org/fhirpath/"


def structures(bundles: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The StructureDefinitions that Bundles hold."""
    resources = [entry["resource"] for bundle in bundles for entry in bundle["entry"]]
    return [resource for resource in resources if resource["resourceType"] == "StructureDefinition"]


def generate(definitions: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The elements of every type and backbone that StructureDefinitions define, profiles of types left out."""
    rows: dict[str, str] = {}
    for structure in definitions:
        is_profile = structure.get("derivation") == "constraint"
        if structure["kind"] in ("complex-type", "resource") and not is_profile:
            rows.update(_rows(structure["snapshot"]["element"]))
    return rows


def render(rows: Mapping[str, str]) -> str:
    """The text of the table, the same for the same rows."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("type", "elements"))
    writer.writerows(sorted(rows.items()))
    return text.getvalue()


def _rows(elements: list[Mapping[str, Any]]) -> dict[str, str]:
    parents = {item["path"].rpartition(".")[0] for item in elements} - {""}
    members: dict[str, list[str]] = {parent: [] for parent in parents}
    for item in elements[1:]:
        parent, _, name = item["path"].rpartition(".")
        ending = "*" if item["max"] == "*" else ""
        members[parent].append(f"{name}:{_type(item, parents)}{ending}")
    return {parent: " ".join(found) for parent, found in members.items()}


def _type(item: Mapping[str, Any], parents: set[str]) -> str:
    if "contentReference" in item:
        return str(item["contentReference"]).removeprefix("#")
    if item["path"] in parents:
        return str(item["path"])
    # A value that FHIRPath names is an id or a URL: text.
    codes = ("string" if type_["code"].startswith(_SYSTEM_TYPE) else type_["code"] for type_ in item["type"])
    return "|".join(codes)


def main(arguments: list[str]) -> None:
    """Read the Bundles named by the arguments and write the table beside this module."""
    bundles = [json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments]
    TABLE_PATH.write_text(render(generate(structures(bundles))), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
