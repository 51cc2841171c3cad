"""Turns the R4 definitions into the JSON Schema that the server validates with.

    python -m fhir_server.validation.generate fhir_server/validation/definitions.json.gz

The definitions are those HL7 publishes for R4 4.0.1 (CC0): StructureDefinitions with snapshots, and the code systems
and value sets of their required bindings. The schema has one entry in `$defs` for each type, each backbone element
(named by its path), each primitive type and each list of codes. It holds no `anyOf` over types, so that one fault gives
one error. Three keywords are notes for our own reader (`elements.py`), which validators ignore: `targets` (types a
Reference may point to), `choice` (the element's name without its type), `resource` (this is a resource type).
https://www.hl7.org/fhir/R4/json.html
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fhir_server.validation import primitives

SCHEMA_PATH = Path(__file__).with_name("r4.schema.json.gz")

_REGEX_EXTENSION = "http://hl7.org/fhir/StructureDefinition/regex"
_TYPE_EXTENSION = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_RESOURCE_TYPES = "http://hl7.org/fhir/ValueSet/resource-types"
# The definitions call the logical id of a resource a string; the data type page says id.
_TYPE_BY_BASE_PATH = {"Resource.id": "id"}


def read(path: Path) -> dict[str, Any]:
    """The definitions at `path`: `{"structureDefinitions": […], "terminology": […]}`."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        definitions: dict[str, Any] = json.load(file)
    return definitions


def generate(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of every type in `definitions`."""
    structures = definitions["structureDefinitions"]
    codes = _codes_by_value_set(definitions["terminology"])
    defs: dict[str, Any] = {f"code.{url.rpartition('/')[2]}": {"enum": codes[url]} for url in codes}
    for structure in structures:
        if structure["kind"] == "primitive-type":
            defs[structure["name"]] = primitives.schema_of(structure["name"], _regex(structure))
        elif not (structure["kind"] == "resource" and structure["abstract"]):
            defs.update(_structure(structure, codes))
    abstract = {structure["name"] for structure in structures if structure["abstract"]}
    defs["Resource"] = _any_resource([code for code in codes[_RESOURCE_TYPES] if code not in abstract])
    _add_nullable(defs)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": _only_used(defs)}


def render(schema: Mapping[str, Any]) -> bytes:
    """The text of the schema, the same for the same definitions."""
    return json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _codes_by_value_set(terminology: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Codes of each value set that can be listed; those over MIME types or currencies cannot."""
    resources = list(terminology)
    systems = {item["url"]: item for item in resources if item["resourceType"] == "CodeSystem"}
    listed = {}
    for item in resources:
        includes = item.get("compose", {}).get("include", [])
        is_listed = all("concept" in part or part["system"] in systems for part in includes)
        if item["resourceType"] == "ValueSet" and is_listed:
            concepts = [part.get("concept") or systems[part["system"]]["concept"] for part in includes]
            listed[item["url"]] = [code for group in concepts for code in _codes(group)]
    return listed


def _codes(concepts: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for concept in concepts:
        yield concept["code"]
        yield from _codes(concept.get("concept", ()))


def _regex(structure: Mapping[str, Any]) -> str | None:
    value = next(item for item in structure["snapshot"]["element"] if item["path"].endswith(".value"))
    return _extension(value["type"][0], _REGEX_EXTENSION)


def _extension(type_: Mapping[str, Any], url: str) -> str | None:
    extensions = [item for item in type_.get("extension", ()) if item["url"] == url]
    return next((item.get("valueString") or item["valueUrl"] for item in extensions), None)


def _structure(structure: Mapping[str, Any], codes: Mapping[str, list[str]]) -> dict[str, Any]:
    """Definitions of one structure: itself and its backbone elements, by path, and its choices."""
    elements = structure["snapshot"]["element"]
    root = elements[0]["path"]
    # A profile of a data type (SimpleQuantity) keeps the paths of its type and gets its own name.
    names = {item["path"]: item["path"].replace(root, structure["name"], 1) for item in elements}
    parents = {item["path"].rpartition(".")[0] for item in elements}
    defs: dict[str, Any] = {}
    for path in sorted(parents - {""}):
        children = [item for item in elements if item["path"].rpartition(".")[0] == path and item["max"] != "0"]
        defs.update(_object(names[path], children, parents, codes))
    if structure["kind"] == "resource":
        definition = defs[root]
        definition["properties"]["resourceType"] = {"const": root}
        definition["required"] = ["resourceType", *definition.get("required", ())]
        definition["resource"] = True
    return defs


def _object(
    name: str, children: Iterable[Mapping[str, Any]], parents: Iterable[str], codes: Mapping[str, list[str]]
) -> dict[str, Any]:
    """The definition of one object, and one for each of its choice elements."""
    definition: dict[str, Any] = {"type": "object", "additionalProperties": False, "minProperties": 1, "properties": {}}
    conditions: list[dict[str, Any]] = []
    choices: dict[str, Any] = {}
    for child in children:
        properties = _properties(child, parents, codes)
        definition["properties"].update(properties)
        element = child["path"].rpartition(".")[2]
        if element.endswith("[x]"):
            choices[f"{name}.{element[:-3]}-x"] = _choice(properties, is_required=child["min"] > 0)
        elif child["min"] > 0 and f"_{element}" in properties:
            # An extension may stand in for a required value: https://www.hl7.org/fhir/R4/extensibility.html#Special-Case
            conditions.append({"if": {"required": [f"_{element}"]}, "else": {"required": [element]}})
        elif child["min"] > 0:
            definition.setdefault("required", []).append(element)
        if child["base"]["path"] == "Element.id" and name != "Element":
            # ele-1: an id alone is no content. What `_name` holds is exempt: its content stands in `name`.
            definition["dependentSchemas"] = {"id": {"minProperties": 2}}
    conditions += [{"$ref": f"#/$defs/{choice}"} for choice in choices]
    if conditions:
        definition["allOf"] = conditions
    return {name: definition, **choices}


def _properties(child: Mapping[str, Any], parents: Iterable[str], codes: Mapping[str, list[str]]) -> dict[str, Any]:
    """The JSON properties of one element: one, two with its `_` sibling, or as many as its choice has types."""
    element = child["path"].rpartition(".")[2]
    is_list = child["max"] == "*"
    properties: dict[str, Any] = {}
    for type_ in child.get("type") or [{"code": "contentReference"}]:
        json_name = element.replace("[x]", type_["code"][0].upper() + type_["code"][1:])
        definition = _definition_name(child, type_, parents, codes)
        is_primitive = definition[0].islower()
        note = {"choice": element[:-3]} if element.endswith("[x]") else {}
        targets = sorted(url.rpartition("/")[2] for url in type_.get("targetProfile", ()))
        if type_["code"] == "Reference" and targets and targets != ["Resource"]:
            note["targets"] = targets
        properties[json_name] = _of(definition, is_list, is_primitive) | note
        if is_primitive and not type_["code"].startswith("http://hl7.org/fhirpath/") and definition != "xhtml":
            properties[f"_{json_name}"] = _of("Element", is_list, is_primitive) | note
    return properties


def _of(definition: str, is_list: bool, is_primitive: bool) -> dict[str, Any]:
    reference = {"$ref": f"#/$defs/{definition}{primitives.OR_NULL if is_list and is_primitive else ''}"}
    return {"type": "array", "minItems": 1, "items": reference} if is_list else reference


def _definition_name(
    child: Mapping[str, Any], type_: Mapping[str, Any], parents: Iterable[str], codes: Mapping[str, list[str]]
) -> str:
    if "contentReference" in child:
        return str(child["contentReference"]).removeprefix("#")
    if child["path"] in parents:
        return str(child["path"])
    if child["base"]["path"] in _TYPE_BY_BASE_PATH:
        return _TYPE_BY_BASE_PATH[child["base"]["path"]]
    binding = child.get("binding", {})
    value_set = binding.get("valueSet", "").partition("|")[0]
    if type_["code"] == "code" and binding.get("strength") == "required" and value_set in codes:
        return f"code.{value_set.rpartition('/')[2]}"
    profile = type_.get("profile", [""])[0].rpartition("/")[2]
    return str(_extension(type_, _TYPE_EXTENSION) or profile or type_["code"])


def _choice(properties: Mapping[str, Any], *, is_required: bool) -> dict[str, Any]:
    """At most one (or exactly one) of the types of a choice; a primitive and its `_` sibling count as one."""
    branches: list[dict[str, Any]] = []
    for name in properties:
        if f"_{name}" in properties:
            branches.append({"anyOf": [{"required": [name]}, {"required": [f"_{name}"]}]})
        elif not name.startswith("_"):
            branches.append({"required": [name]})
    if not is_required:
        branches.append({"properties": dict.fromkeys(properties, False)})
    return {"oneOf": branches}


def _any_resource(types: list[str]) -> dict[str, Any]:
    """A resource inside another one: its type's own definition is asked apart from its holder's (`gates.py`)."""
    return {"type": "object", "properties": {"resourceType": {"enum": types}}, "required": ["resourceType"]}


def _add_nullable(defs: dict[str, Any]) -> None:
    for name in [name for name in defs if name[0].islower()] + ["Element"]:
        defs[f"{name}{primitives.OR_NULL}"] = primitives.or_null(defs[name])


def _only_used(defs: Mapping[str, Any]) -> dict[str, Any]:
    """Definitions that a resource type leads to."""
    used: dict[str, Any] = {}
    waiting = [name for name, definition in defs.items() if definition.get("resource")]
    while waiting:
        name = waiting.pop()
        if name not in used:
            used[name] = defs[name]
            waiting += references(defs[name])
    return used


def references(schema: Any) -> list[str]:
    """Names of the definitions that a schema refers to."""
    if isinstance(schema, list):
        return [name for item in schema for name in references(item)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else []
    return own + [name for item in schema.values() for name in references(item)]


def main(arguments: list[str]) -> None:
    """Read the definitions named by the one argument and write the schema beside this module."""
    SCHEMA_PATH.write_bytes(gzip.compress(render(generate(read(Path(arguments[0])))), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:])
