"""What a regulator's account must be: the profile FrPractitionerRegul, told fault by fault.

https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/FrPractitionerRegul
"""

from collections.abc import Iterator
from typing import Any

from fhir_server.kernel.errors import Category, Issue
from fhir_server.kernel.paths import read
from fhir_server.registry.national import PERSONS, SAS_ACCOUNTS, TYPE_SYSTEM, TYPES, prefixed

Json = dict[str, Any]

PROFILE = "https://interop.esante.gouv.fr/ig/fhir/sas/StructureDefinition/FrPractitionerRegul"
#: By which an account is told from a professional who is seen by patients.
TAG = {"system": "urn:creneau:sas", "code": "regulator"}

_SYSTEM_OF = {code: system for system, code in TYPES.items()}


def issues(account: Json) -> list[Issue]:
    """All that keeps a valid Practitioner from being a regulator's account."""
    return [*_of_identifiers(account), *_of_names(account), *_of_addresses(account), *_of_state(account)]


def completed(account: Json) -> Json:
    """The account as it is stored: typed and prefixed identifiers, profile, source and tag; its id is the server's."""
    identifiers = [_typed(one) for one in account["identifier"]]
    meta = {"profile": [PROFILE], "source": SAS_ACCOUNTS, "tag": [TAG]}
    rest = {name: value for name, value in account.items() if name not in ("id", "meta")}
    return {**rest, "meta": meta, "identifier": identifiers}


def identifiers(account: Json) -> list[tuple[str, str]]:
    """System and value of those by which an account is known."""
    return [(one["system"], one["value"]) for one in account.get("identifier", ()) if one.get("system") in TYPES]


def emails(account: Json) -> list[str]:
    """Its addresses."""
    return [str(text) for text in read(account, "telecom[system=email].value")]


def _typed(one: Json) -> Json:
    system = one.get("system", "")
    if system not in TYPES:
        return one
    kind = one.get("type") or {"coding": [{"system": TYPE_SYSTEM, "code": TYPES[system]}]}
    return {**one, "type": kind, "value": prefixed(one["value"]) if system == PERSONS else one["value"]}


def _of_identifiers(account: Json) -> Iterator[Issue]:
    known = [one for one in account.get("identifier", ()) if one.get("system") in TYPES]
    if not known:
        yield _missing("a national identifier or one of SAS", "identifier")
    for system, code in TYPES.items():
        if sum(one.get("system") == system for one in known) > 1:
            yield _wrong(f"A regulator has one identifier of type {code}.", "identifier")
    for place, one in enumerate(account.get("identifier", ())):
        yield from _of_identifier(one, f"identifier[{place}]")


def _of_identifier(one: Json, path: str) -> Iterator[Issue]:
    system, codes = one.get("system", ""), read(one, "type.coding.code")
    if any(code in _SYSTEM_OF and _SYSTEM_OF[code] != system for code in codes):
        yield _wrong("The type of the identifier is not that of its system.", f"{path}.type")
    elif system in TYPES and codes and TYPES[system] not in codes:
        yield _wrong(f"An identifier of that system has the type {TYPES[system]}.", f"{path}.type")
    if system in TYPES and not _is_told(one.get("value")):
        yield _missing("the value of its identifier", f"{path}.value")


def _of_names(account: Json) -> Iterator[Issue]:
    names = account.get("name", ())
    if not names:
        yield _missing("a name", "name")
    for place, name in enumerate(names):
        if not _is_told(name.get("family")):
            yield _missing("a family name", f"name[{place}].family")
        given = name.get("given", ())
        if not any(map(_is_told, given)):
            yield _missing("a given name", f"name[{place}].given")
        elif len(given) > 1:
            yield _wrong("A regulator has one given name.", f"name[{place}].given")


def _of_addresses(account: Json) -> Iterator[Issue]:
    if not account.get("telecom"):
        yield _missing("an e-mail address", "telecom")
    for place, one in enumerate(account.get("telecom", ())):
        if one.get("system") != "email":
            yield _wrong("The system is email.", f"telecom[{place}].system")
        if not _is_told(one.get("value")):
            yield _missing("an e-mail address", f"telecom[{place}].value")


def _of_state(account: Json) -> Iterator[Issue]:
    if "active" not in account:
        yield _missing("its state: active or not", "active")


def _is_told(text: Any) -> bool:
    return isinstance(text, str) and bool(text.strip())


def _missing(what: str, path: str) -> Issue:
    return Issue(Category.REQUIRED, f"A regulator's account has {what}.", f"Practitioner.{path}")


def _wrong(diagnostics: str, path: str) -> Issue:
    return Issue(Category.BUSINESS_RULE, diagnostics, f"Practitioner.{path}")
