"""What a modifier searches besides a parameter's own values: identifiers of references, texts and types of tokens.

Each is indexed under a name of its own, `Type.code:modifier`. https://www.hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.registry.model import SearchParameter
from fhir_server.search.extract import Entry, is_wanted, nodes
from fhir_server.search.folding import clip, fold, fold_code
from fhir_server.search.references import local

Json = dict[str, Any]

#: Stands between the type and the value of an identifier, where no code and no value can hold it.
_BETWEEN = "\x1f"


@dataclass(frozen=True, slots=True)
class Facet:
    """One modifier with an index of its own."""

    #: Kind of the parameters that take it, and kind of the values it compares.
    kind: str
    indexed_as: str
    #: What it searches of an element that is no primitive.
    entries: Callable[[SearchParameter, Json], Iterator[Entry]]


def found(modifier: str, parameter: SearchParameter, resource: dict[str, Any]) -> list[Entry]:
    """What the modifier searches of a parameter in the resource, without repeats."""
    return found_in(FACETS[modifier], parameter, [node for path in parameter.paths for node in nodes(path, resource)])


def found_in(facet: Facet, parameter: SearchParameter, here: Sequence[Any]) -> list[Entry]:
    """As `found`, of elements already read."""
    every: list[Entry] = []
    for node in here:
        if isinstance(node, dict):
            every += facet.entries(parameter, node)
    return every if len(every) < 2 else list(dict.fromkeys(every))


def of_type(system: str, code: str, value: str) -> Entry:
    """How an identifier with its type is indexed: `system|code|value`."""
    return clip(system), clip(f"{fold_code(code)}{_BETWEEN}{value}")


def _identifiers(parameter: SearchParameter, node: Json) -> Iterator[Entry]:
    if "identifier" not in node:
        return
    here = local(node.get("reference", ""))
    if is_wanted(parameter, here[0] if here else node.get("type", "")):
        identifier = node["identifier"]
        yield clip(identifier.get("system", "")), clip(identifier.get("value", ""))


def _texts(_parameter: SearchParameter, node: Json) -> Iterator[Entry]:
    """The words of a CodeableConcept, a Coding, or the type of an Identifier."""
    kind = node.get("type", node)
    concept = kind if isinstance(kind, dict) else node
    texts = [concept.get("text"), concept.get("display"), *(it.get("display") for it in concept.get("coding", ()))]
    for text in texts:
        if isinstance(text, str):
            yield fold(text), text


def _of_types(parameter: SearchParameter, node: Json) -> Iterator[Entry]:
    if parameter.is_case_sensitive and "value" in node:
        for coding in node.get("type", {}).get("coding", ()):
            if "code" in coding:
                yield of_type(coding.get("system", ""), coding["code"], node["value"])


#: By modifier.
FACETS: Mapping[str, Facet] = {
    "identifier": Facet("reference", "token", _identifiers),
    "text": Facet("token", "string", _texts),
    "of-type": Facet("token", "token", _of_types),
}
FACETS_BY_KIND: Mapping[str, tuple[tuple[str, Facet], ...]] = {
    kind: tuple((modifier, facet) for modifier, facet in FACETS.items() if facet.kind == kind)
    for kind in ("reference", "token")
}
