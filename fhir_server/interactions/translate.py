"""The operation `$translate`: what a code is in another system, by one of the ConceptMaps declared.

https://www.hl7.org/fhir/R4/conceptmap-operation-translate.html
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhir_server.interactions.read import read
from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.operations import OPERATIONS
from fhir_server.search.query import parse
from fhir_server.storage import select
from fhir_server.storage.unit_of_work import Store
from fhir_server.validation import gates

_TYPE = "ConceptMap"
_TAKEN = frozenset(parameter.name for parameter in OPERATIONS["translate"].parameters if parameter.use == "in")
#: Equivalences that say there is no translation.
_NONE = frozenset({"disjoint", "unmatched"})


def translate(
    store: Store, actor: Actor, id_: str | None, body: dict[str, Any] | None, query: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """Parameters with `result` and a `match` for each translation, by the map with this id or the `url` asked.

    What is asked stands in `query`, `body` (Parameters) or both. Raises FhirError: REQUIRED without a code and system,
    VALUE for a parameter that is not taken, NOT_FOUND for a map that is not there, and what `gates.validate` finds.
    """
    asked: dict[str, Any] = dict(query) | dict(_of_body(body))
    if asked.keys() - _TAKEN:
        raise fault(Category.VALUE, f"$translate takes {', '.join(sorted(_TAKEN))}, and nothing else.", "parameter")
    # With the map named by id, the url is not needed.
    for name in ("code", "system", *(("url",) if id_ is None else ())):
        if not isinstance(asked.get(name), str) or not asked[name]:
            raise fault(Category.REQUIRED, f"The parameter {name} is required.", name)
    concept_map = read(store, actor, _TYPE, id_).content() if id_ else _by_url(store, actor, asked["url"])
    return _answer(list(_matches(concept_map, asked)))


def _of_body(body: dict[str, Any] | None) -> Iterator[tuple[str, Any]]:
    """Name and value of each parameter; a coding is its system and its code."""
    if body is None:
        return
    gates.validate(body, "Parameters")
    for parameter in body.get("parameter", ()):
        value = next((found for name, found in parameter.items() if name.startswith("value")), None)
        if parameter["name"] == "coding" and isinstance(value, dict):
            yield from ((name, text) for name, text in value.items() if name in ("system", "code"))
        else:
            yield parameter["name"], value


def _by_url(store: Store, actor: Actor, url: str) -> dict[str, Any]:
    page = select.run(store.read(), parse(_TYPE, [("url", url.replace(",", r"\,"))]), actor)
    if not page.matches:
        raise fault(Category.NOT_FOUND, "There is no such ConceptMap here.", "url")
    found: dict[str, Any] = json.decode(page.matches[0].body.encode())
    return found


def _matches(concept_map: Mapping[str, Any], asked: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for group in concept_map.get("group", ()):
        if group.get("source") != asked["system"] or group.get("target") != asked.get("targetsystem", group["target"]):
            continue
        targets = [one.get("target", ()) for one in group["element"] if one.get("code") == asked["code"]]
        for target in (one for found in targets for one in found if one["equivalence"] not in _NONE):
            concept = {"system": group["target"], "code": target["code"]}
            yield {
                "name": "match",
                "part": [
                    {"name": "equivalence", "valueCode": target["equivalence"]},
                    {"name": "concept", "valueCoding": concept},
                    {"name": "source", "valueUri": concept_map["url"]},
                ],
            }


def _answer(matches: list[dict[str, Any]]) -> dict[str, Any]:
    told = [] if matches else [{"name": "message", "valueString": "The map has no translation of this code."}]
    result = {"name": "result", "valueBoolean": bool(matches)}
    return {"resourceType": "Parameters", "parameter": [result, *told, *matches]}
