"""What shaping has in common: why something cannot be shown, and the pieces that several types are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel import json
from fhir_server.sas import codes
from fhir_server.search.references import local

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a resource cannot be shown in a valid shape, and which element is at fault."""

    reason: str
    expression: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A resource in the shape of an answer, as JSON text, with its id."""

    id: str
    text: str
    #: Ids of the HealthcareServices that it names.
    services: tuple[str, ...] = ()


def shown(resource: Json, services: tuple[str, ...] = ()) -> Shown:
    """The resource as text, without anything empty."""
    return Shown(resource["id"], json.encode(filled(resource)).decode(), services)


def head(shape: codes.Shape, type_name: str, id_: str) -> Json:
    """The first members of every resource: what it is, and its one profile."""
    return {"resourceType": type_name, "id": id_, "meta": {"profile": [shape.profiles[type_name]]}}


def filled(elements: Json) -> Json:
    """The elements that have something in them: FHIR has no empty strings, lists or objects."""
    return {name: element for name, element in elements.items() if element}


def parsed(body: str) -> Json:
    """A stored resource."""
    content: Json = json.load(body.encode())
    return content


def reference(type_name: str, id_: str) -> Json:
    """A relative reference, which an entry of the Bundle answers."""
    return {"reference": f"{type_name}/{id_}"}


def targets(references: Any, type_name: str) -> list[str]:
    """Ids of the resources of one type that references lead to, each once."""
    found = (local(str(one.get("reference", ""))) for one in references)
    return list(dict.fromkeys(target[1] for target in found if target and target[0] == type_name))


def codings(concepts: Any, system: str) -> Iterator[str]:
    """The codes of one system in CodeableConcepts, in order."""
    for concept in concepts:
        for coding in concept.get("coding", ()):
            if coding.get("system") == system and coding.get("code"):
                yield coding["code"]


def phone(number: str | None) -> list[Json]:
    """A telecom of one telephone number, or of none."""
    return [] if number is None else [{"system": "phone", "value": number}]
