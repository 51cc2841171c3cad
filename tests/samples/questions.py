"""The samples of every type, and for each search parameter the questions that their values answer."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhir_server.kernel.dates import to_instant
from fhir_server.registry.model import SearchParameter
from fhir_server.registry.search_params import parameters
from fhir_server.search.extract import entries

FOLDER = Path(__file__).parent
#: No sample is of that year, and none holds that word or number.
NO_YEAR, NO_WORD, NO_NUMBER = "1907", "introuvable", 1_000_000

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Question:
    """One value of a resource."""

    #: What asks for the value, and what asks for another.
    asked: Pairs
    other: Pairs
    #: Whether a resource has the value.
    is_met: Callable[[dict[str, Any]], bool]


def samples(type_name: str) -> list[dict[str, Any]]:
    """The samples of a type, made anew at every call."""
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{type_name}.json").read_text(encoding="utf-8"))
    return found


def questions(parameter: SearchParameter, content: dict[str, Any]) -> Iterator[Question]:
    """A question for each value that the parameter finds in the resource."""
    if parameter.kind == "composite":
        yield from _composite_questions(parameter, content)
        return
    for entry in entries(parameter, content):
        asked, other = _ASK[parameter.kind](parameter, entry)
        yield Question(
            [(parameter.code, value) for value in asked],
            [(parameter.code, other)],
            lambda found, entry=entry: _has(parameter, entry, found),  # type: ignore[misc]
        )


def _has(parameter: SearchParameter, entry: Any, content: dict[str, Any]) -> bool:
    found = entries(parameter, content)
    if parameter.kind == "date":
        return any(low <= entry[0] < high for low, high in found)
    if parameter.kind == "string":
        return any(other[0].startswith(entry[0]) for other in found)
    return entry in found


def _composite_questions(parameter: SearchParameter, content: dict[str, Any]) -> Iterator[Question]:
    """Each element that holds every component is found by them together, and not with another component."""
    (path,) = parameter.paths
    parts = [parameters(parameter.base)[code] for code in parameter.targets]
    for element in content.get(path, ()):
        values = [[_ASK[part.kind](part, entry) for entry in entries(part, {path: [element]})] for part in parts]
        if all(values):
            asked = "$".join(found[0][0][0] for found in values)
            other = "$".join([values[0][0][0][0], *(found[0][1] for found in values[1:])])
            yield Question([(parameter.code, asked)], [(parameter.code, other)], lambda _found: True)


def _escaped(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, f"\\{character}")
    return text


def _token(parameter: SearchParameter, entry: Any) -> tuple[list[str], str]:
    system, code = (_escaped(text) for text in entry[:2])
    bar = "" if parameter.column and not system else f"{system}|"
    return [f"{bar}{code}"], f"{bar}{code}-{NO_WORD}"


def _reference(_parameter: SearchParameter, entry: Any) -> tuple[list[str], str]:
    target = "/".join(part for part in map(_escaped, entry) if part)
    return [target], f"{target}-{NO_WORD}"


def _date(_parameter: SearchParameter, entry: Any) -> tuple[list[str], str]:
    moment = to_instant(entry[0])
    return [f"ge{moment}", f"le{moment}"], NO_YEAR


def _string(_parameter: SearchParameter, entry: Any) -> tuple[list[str], str]:
    return [_escaped(entry[1])], NO_WORD


def _uri(_parameter: SearchParameter, entry: Any) -> tuple[list[str], str]:
    return [_escaped(entry[0])], f"urn:x:{NO_WORD}"


def _quantity(_parameter: SearchParameter, entry: Any) -> tuple[list[str], str]:
    unit = "|".join(map(_escaped, entry[1:3]))
    return [f"{entry[0]:g}|{unit}"], f"{NO_NUMBER}|{unit}"


def _place(_parameter: SearchParameter, entry: Any) -> tuple[list[str], str]:
    x, y, z = entry
    latitude, longitude = math.degrees(math.asin(z)), math.degrees(math.atan2(y, x))
    return [f"{latitude:.9f}|{longitude:.9f}|1|m"], f"{-latitude:.9f}|{longitude:.9f}|1|m"


_ASK: dict[str, Callable[[SearchParameter, Any], tuple[list[str], str]]] = {
    "token": _token,
    "reference": _reference,
    "date": _date,
    "string": _string,
    "uri": _uri,
    "quantity": _quantity,
    "special": _place,
}
