"""The national health identity (INS): what a Patient must tell with it.

FrCore patient-ins, and the RNIV's rule that the number is never without its five traits and a qualified identity. The
billing number (type `NH`) has the OID of the INS and obeys none of this: the type tells them apart.
https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient-ins
"""

from collections.abc import Iterator
from typing import Any

from fhir_server.kernel.errors import Category, Issue
from fhir_server.kernel.paths import read
from fhir_server.registry.canonicals import spellings
from fhir_server.registry.extensions import COMMUNE_CODE
from fhir_server.registry.ins import SYSTEMS, has_key

Json = dict[str, Any]

INVENTED = frozenset({"INS-NIR-TEST", "INS-NIR-DEMO"})
#: Statuses of an identity that is qualified: FrCore 2.1, and what is to follow it.
_QUALIFIED = frozenset({"VALI", "QUAL"})
_RELIABILITY = frozenset(spellings("https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-identity-reliability"))
_BIRTH_PLACE = "http://hl7.org/fhir/StructureDefinition/patient-birthPlace"


def issues(patient: Json, *, takes_invented: bool = True) -> list[Issue]:
    """All that forbids the INS of a Patient; nothing for one without. No issue repeats a value."""
    found: list[Issue] = []
    is_carried = False
    for place, identifier in enumerate(patient.get("identifier", ())):
        kind = next((code for code in read(identifier, "type.coding.code") if code in SYSTEMS), None)
        if kind is not None:
            is_carried |= identifier.get("use") != "old"
            found += _of_number(kind, identifier, f"identifier[{place}]", takes_invented)
    return [*found, *_of_traits(patient), *_of_reliability(patient)] if is_carried else found


def _of_number(kind: str, identifier: Json, path: str, takes_invented: bool) -> Iterator[Issue]:
    if kind in INVENTED and not takes_invented:
        yield _issue("Invented identities are refused here.", path)
    if identifier.get("system") != SYSTEMS[kind]:
        yield _issue(f"An INS of type {kind} has the system {SYSTEMS[kind]}.", f"{path}.system")
    if not has_key(identifier.get("value", "")):
        yield _issue("An INS has 13 characters and the key that fits them.", f"{path}.value")


def _of_traits(patient: Json) -> Iterator[Issue]:
    official = [name for name in patient.get("name", ()) if name.get("use") == "official"]
    if not any(name.get("family") and name.get("given") for name in official):
        yield _issue("An INS goes with the official name: family and first given name.", "name")
    if patient.get("gender") not in ("male", "female", "unknown"):
        yield _issue("An INS goes with the gender: male, female or unknown.", "gender")
    if "birthDate" not in patient:
        yield _issue("An INS goes with the date of birth.", "birthDate")
    places = [one.get("valueAddress") for one in patient.get("extension", ()) if one.get("url") == _BIRTH_PLACE]
    if not any(place and COMMUNE_CODE & set(_urls(place)) for place in places):
        yield _issue("An INS goes with the place of birth and its INSEE code.", "extension")


def _of_reliability(patient: Json) -> Iterator[Issue]:
    told = [one for one in patient.get("extension", ()) if one.get("url") in _RELIABILITY]
    parts = [part for one in told for part in one.get("extension", ()) if part.get("url") == "identityStatus"]
    if not any(code in _QUALIFIED for part in parts for code in _codes(part)):
        yield _issue("An INS goes with a qualified identity: status VALI.", "extension")


def _codes(part: Json) -> list[Any]:
    return [*read(part, "valueCoding.code"), *read(part, "valueCode"), *read(part, "valueCodeableConcept.coding.code")]


def _urls(address: Json) -> list[Any]:
    return [*read(address, "extension.url"), *read(address, "_city.extension.url")]


def _issue(diagnostics: str, path: str) -> Issue:
    return Issue(Category.BUSINESS_RULE, diagnostics, f"Patient.{path}")
