"""The number of the national health identity (INS): how it is known, and kept from who may not read it.

The RNIV lets those read it who care for the person; others need the Patient without. What is hidden leaves a mark in
its place, by which a client that writes the resource back keeps it: https://www.hl7.org/fhir/R4/extension-data-absent-reason.html
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from fhir_server.kernel import json

#: The scope that lets a token read it, beside scopes for the types it stands in.
SCOPE = "creneau/ins.read"
#: Type of an identifier -> its system. The last two are of invented persons.
SYSTEMS: Mapping[str, str] = {
    "INS-NIR": "urn:oid:1.2.250.1.213.1.4.8",
    "INS-NIA": "urn:oid:1.2.250.1.213.1.4.9",
    "INS-NIR-TEST": "urn:oid:1.2.250.1.213.1.4.10",
    "INS-NIR-DEMO": "urn:oid:1.2.250.1.213.1.4.11",
}

_OF_INS = frozenset(SYSTEMS.values())
#: What all systems begin with: a body without it holds no INS.
_MARK = b"urn:oid:1.2.250.1.213.1.4."
_HIDDEN = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
_NUMBER = re.compile(r"[0-9]{5}(?:[0-9]{2}|2[AB])[0-9]{8}")
_LENGTH = 15
#: Corsica's departments as they count in the key.
_CORSICA = {"2A": "19", "2B": "18"}


def has_key(number: str) -> bool:
    """Whether a number of 13 characters and its key fit: the key is 97 less the remainder by 97.

    >>> has_key("270019600100171"), has_key("270019600100172"), has_key("2700A9600100171")
    (True, False, False)
    """
    if not _NUMBER.fullmatch(number):
        return False
    digits = number[:5] + _CORSICA.get(number[5:7], number[5:7]) + number[7:13]
    return 97 - int(digits) % 97 == int(number[13:])


def is_asked(system: str | None, code: str) -> bool:
    """Whether a criterion for an identifier tells something of an INS: by its system, its type or a number alone.

    With `:of-type` the code begins with that of the type and ends with the number.
    """
    if system in _OF_INS or code.upper().startswith(tuple(SYSTEMS)):
        return True
    return (not system or len(code) > _LENGTH) and has_key(code[-_LENGTH:])


def hidden(body: bytes) -> bytes:
    """JSON without any INS: a mark stands in the place of each, and nothing in that of its copies in texts."""
    if _MARK not in body:
        return body
    content = json.load(body)
    numbers: set[str] = set()
    _hide(content, numbers)
    if not numbers:
        return body
    text = json.encode(content)
    for number in numbers:
        if _NUMBER.fullmatch(number):
            text = text.replace(number.encode(), b"")
    return text


def kept(content: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A Patient as a client that cannot read the INS wrote it, with the numbers that it could not see."""
    unseen = [one for one in before.get("identifier", ()) if one.get("system") in _OF_INS]
    if not unseen:
        return content
    told = [one for one in content.get("identifier", ()) if one.get("system") not in _OF_INS or "value" in one]
    return content | {"identifier": [*unseen, *(one for one in told if one not in unseen)]}


def _hide(part: Any, numbers: set[str]) -> None:
    if isinstance(part, dict):
        if part.get("system") in _OF_INS and isinstance(part.get("value"), str):
            numbers.add(part.pop("value"))
            part["_value"] = _HIDDEN
        _hide_all(part.values(), numbers)
    elif isinstance(part, list):
        _hide_all(part, numbers)


def _hide_all(parts: Iterable[Any], numbers: set[str]) -> None:
    for part in parts:
        _hide(part, numbers)
