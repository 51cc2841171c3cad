"""National identifiers of persons and structures, with and without their prefix, and telephone numbers.

The first character of a national identifier says what the others are: `8` an RPPS, `1` a FINESS. Many systems store
the number alone; both forms are found, and the prefixed one is shown.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.registry.national import PERSONS

#: System of national identifiers of structures, as the guide has it; that of persons is `registry.national.PERSONS`.
STRUCTURES = "urn:oid:1.2.250.1.71.4.2.2"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of national number: what stands before it, and what it looks like."""

    prefix: str
    number: re.Pattern[str]
    #: Systems in which the number stands alone.
    systems: frozenset[str] = frozenset()


# In Corsica the department is 2A or 2B.
_NINE = re.compile(r"[0-9][0-9AB][0-9]{7}")
RPPS = Kind("8", re.compile(r"[0-9]{11}"), frozenset({"https://rpps.esante.gouv.fr"}))
ADELI = Kind("0", _NINE, frozenset({"https://adeli.esante.gouv.fr"}))
FINESS = Kind("1", _NINE, frozenset({"https://finess.esante.gouv.fr", "http://finess.sante.gouv.fr"}))
SIRET = Kind("3", re.compile(r"[0-9]{14}"), frozenset({"https://sirene.fr"}))
RPPS_RANK = Kind("4", re.compile(r"[0-9]{14}"))

#: The kinds that SAS takes, the best first.
OF_PERSONS, OF_STRUCTURES = (RPPS, ADELI), (FINESS, SIRET, RPPS_RANK)
PERSON_SYSTEMS, STRUCTURE_SYSTEMS = (
    sorted({system, *(one for kind in kinds for one in kind.systems)})
    for system, kinds in ((PERSONS, OF_PERSONS), (STRUCTURES, OF_STRUCTURES))
)


def prefixed(value: str, kinds: Sequence[Kind]) -> str | None:
    """The number with its prefix, whichever way it is written; None when it is of none of the kinds.

    >>> prefixed("99700960018", OF_PERSONS), prefixed("899700960018", OF_PERSONS), prefixed("1", OF_PERSONS)
    ('899700960018', '899700960018', None)
    """
    for kind in kinds:
        if value.startswith(kind.prefix) and kind.number.fullmatch(value[1:]):
            return value
    found = next((kind for kind in kinds if kind.number.fullmatch(value)), None)
    return None if found is None else found.prefix + value


def written(values: Iterable[str], kinds: Sequence[Kind]) -> list[str]:
    """Every form under which these numbers may be stored: as given, with and without their prefix."""
    found: dict[str, None] = {}
    for value in values:
        full = prefixed(value, kinds)
        found |= dict.fromkeys([value] if full is None else [full, full[1:]])
    return list(found)


def number(resource: Any, system: str, kinds: Sequence[Kind]) -> str | None:
    """The best national number that a resource carries, prefixed; None when it carries none."""
    found = [_of_identifier(one, system, kinds) for one in resource.get("identifier", ())]
    by_kind = ((kind, value) for kind in kinds for value in found if value and value[0] == kind.prefix)
    return next((value for _, value in by_kind), None)


def _of_identifier(identifier: Any, system: str, kinds: Sequence[Kind]) -> str | None:
    value = str(identifier.get("value", "")).replace(" ", "")
    if identifier.get("use") == "old":
        return None
    if identifier.get("system") == system:
        return prefixed(value, kinds)
    return next(
        (
            kind.prefix + value
            for kind in kinds
            if identifier.get("system") in kind.systems and kind.number.fullmatch(value)
        ),
        None,
    )


#: What a number of ten digits begins with overseas, and the country code there; elsewhere it is 33.
_OVERSEAS = {
    **dict.fromkeys(("0262", "0263", "0269", "0639", "0692", "0693"), "262"),
    **dict.fromkeys(("0590", "0690", "0691"), "590"),
    **dict.fromkeys(("0594", "0694"), "594"),
    **dict.fromkeys(("0596", "0696", "0697"), "596"),
}
_PUNCTUATION = re.compile(r"\(0\)|[\s.\-/()]")
_NATIONAL = re.compile(r"0[1-9][0-9]{8}")
_PHONE = re.compile(r"\+(?:33|262|590|594|596)[1-9][0-9]{8}")


def phone(*resources: Any) -> str | None:
    """The first telephone number that one of the resources has, as SAS writes it; None when none has a French one.

    >>> phone({"telecom": [{"system": "phone", "value": "02 61 91 00 01"}]})
    '+33261910001'
    >>> phone({}, {"telecom": [{"system": "phone", "value": "0262 90 00 01"}]})
    '+262262900001'
    """
    points = (point for resource in resources for point in resource.get("telecom", ()))
    found = (_phone(point.get("value", "")) for point in points if point.get("system") == "phone")
    return next((one for one in found if one), None)


def _phone(text: str) -> str | None:
    digits = _PUNCTUATION.sub("", text)
    if digits.startswith("00"):
        digits = f"+{digits[2:]}"
    if _NATIONAL.fullmatch(digits):
        digits = f"+{_OVERSEAS.get(digits[:4], '33')}{digits[1:]}"
    return digits if _PHONE.fullmatch(digits) else None
