"""Numbers of persons in France, and how SAS types and prefixes them.

https://mos.esante.gouv.fr (identifiant national PS); https://interop.esante.gouv.fr/ig/fhir/sas
"""

from collections.abc import Iterable, Mapping
from typing import Any

#: Professionals: a prefix (8 RPPS, 0 ADELI, 3 FINESS and a number there …) and the number.
PERSONS = "urn:oid:1.2.250.1.71.4.2.1"
#: Accounts of the SAS platform, for those who have no national number.
SAS_ACCOUNTS = "urn:oid:1.2.250.1.213.3.6"
#: RPPS numbers without their prefix, as FrCore 2 has them too.
RPPS = "https://rpps.esante.gouv.fr"

#: System -> the code that says what kind of number it holds.
TYPES: Mapping[str, str] = {PERSONS: "IDNPS", SAS_ACCOUNTS: "INTRN"}
#: Code system of these codes in the first generation of FrCore, which is the one of SAS.
TYPE_SYSTEM = "http://interopsante.org/fhir/CodeSystem/fr-v2-0203"

#: Digits of a number that came without its prefix -> the prefix.
_PREFIXES = {11: "8", 9: "0"}


def prefixed(value: str) -> str:
    """A professional's number with its prefix.

    >>> prefixed("10100500075"), prefixed("810100500075")
    ('810100500075', '810100500075')
    """
    return _PREFIXES.get(len(value), "") + value if value.isascii() and value.isdigit() else value


def national_numbers(identifiers: Iterable[Mapping[str, Any]]) -> list[str]:
    """The national numbers among the identifiers of a professional, each with its prefix, without repeats."""
    found = [one["value"] for one in identifiers if one.get("system") in (PERSONS, RPPS) and one.get("value")]
    return list(dict.fromkeys(prefixed(value) for value in found))


def typed(system: str, value: str) -> dict[str, Any]:
    """An Identifier of one of these systems as SAS wants it."""
    number = prefixed(value) if system == PERSONS else value
    return {"type": {"coding": [{"system": TYPE_SYSTEM, "code": TYPES[system]}]}, "system": system, "value": number}
