"""What goes with a national health identity: item 33 of France's checklist."""

from typing import Any

import pytest

from fhir_server.validation.ins import has_key, issues

Json = dict[str, Any]

FIRST, SECOND = "http://interopsante.org/fhir/", "https://hl7.fr/ig/fhir/core/"
RELIABILITY = {
    FIRST: f"{FIRST}StructureDefinition/FrPatientIdentReliability",
    SECOND: f"{SECOND}StructureDefinition/fr-core-identity-reliability",
}
COMMUNE = {
    FIRST: f"{FIRST}StructureDefinition/FrAddressInseeCode",
    SECOND: f"{SECOND}StructureDefinition/fr-core-address-insee-code",
}
SYSTEM = "urn:oid:1.2.250.1.213.1.4.8"


def number(kind: str = "INS-NIR", value: str = "279035799999941", system: str = SYSTEM, **more: str) -> Json:
    coding = {"system": f"{SECOND}CodeSystem/fr-core-cs-v2-0203", "code": kind}
    return {"type": {"coding": [coding]}, "system": system, "value": value} | more


def reliability(status: str = "VALI", generation: str = SECOND) -> Json:
    part = {"url": "identityStatus", "valueCoding": {"code": status}}
    return {"url": RELIABILITY[generation], "extension": [part]}


def birth_place(generation: str = SECOND) -> Json:
    place = {"extension": [{"url": COMMUNE[generation], "valueCoding": {"code": "57999"}}]}
    return {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueAddress": place}


def patient(*numbers: Json, **elements: Any) -> Json:
    return {
        "resourceType": "Patient",
        "extension": [reliability(), birth_place()],
        "identifier": list(numbers) or [number()],
        "name": [{"use": "official", "family": "ESSAI", "given": ["Camille"]}],
        "gender": "female",
        "birthDate": "1979-03-28",
    } | elements


ALLOWED = {
    "a qualified identity": patient(),
    "of the first generation": patient(extension=[reliability("VALI", FIRST), birth_place(FIRST)]),
    "by the four statuses to come": patient(extension=[reliability("QUAL"), birth_place()]),
    "a provisional number": patient(number("INS-NIA", system="urn:oid:1.2.250.1.213.1.4.9")),
    "no INS at all": patient(number("PI", "4711", "urn:oid:1.2.3"), gender="other", extension=[]),
    "the billing number, of the same system": patient(number("NH", "anything"), extension=[]),
    "a former one": patient(number(use="old"), extension=[]),
}
REFUSED: dict[str, tuple[Json, set[str]]] = {
    "a wrong key": (patient(number(value="279035799999942")), {"identifier[0].value"}),
    "a short number": (patient(number(value="2790357999999")), {"identifier[0].value"}),
    "another system": (patient(number(system="urn:oid:1.2.250.1.213.1.4.9")), {"identifier[0].system"}),
    "an identity in doubt": (patient(extension=[reliability("PROV"), birth_place()]), {"extension"}),
    "no reliability": (patient(extension=[birth_place()]), {"extension"}),
    "no place of birth": (patient(extension=[reliability()]), {"extension"}),
    "no official name": (patient(name=[{"use": "usual", "family": "ESSAI", "given": ["Camille"]}]), {"name"}),
    "no given name": (patient(name=[{"use": "official", "family": "ESSAI"}]), {"name"}),
    "another gender": (patient(gender="other"), {"gender"}),
    "nothing but the number": (
        {"resourceType": "Patient", "identifier": [number()]},
        {"name", "gender", "birthDate", "extension"},
    ),
}


@pytest.mark.parametrize("allowed", ALLOWED.values(), ids=ALLOWED.keys())
def test_item_33_allowed(allowed: Json) -> None:
    assert issues(allowed) == []


@pytest.mark.parametrize(("refused", "elements"), REFUSED.values(), ids=REFUSED.keys())
def test_item_33_refused(refused: Json, elements: set[str]) -> None:
    found = issues(refused)

    assert {one.expression for one in found} == {f"Patient.{name}" for name in elements}
    assert not any(text in one.diagnostics for one in found for text in ("2790357", "ESSAI", "1979"))


@pytest.mark.parametrize(
    ("value", "is_good"),
    [
        ("279035799999941", True),
        ("279032A99999955", False),
        ("1850578006084" + "91", True),
        ("279035799999940", False),
        ("27903579999994", False),
        ("2790C5799999941", False),
    ],
)
def test_the_key(value: str, is_good: bool) -> None:
    assert has_key(value) is is_good


@pytest.mark.parametrize(("department", "counted"), [("2A", "19"), ("2B", "18")])
def test_the_key_in_corsica(department: str, counted: str) -> None:
    key = 97 - int(f"17001{counted}001001") % 97

    assert has_key(f"17001{department}001001{key:02d}")


def test_item_36_invented_identities_where_they_are_not_taken() -> None:
    invented = patient(number("INS-NIR-TEST", system="urn:oid:1.2.250.1.213.1.4.10"))

    assert issues(invented) == []
    assert [one.expression for one in issues(invented, takes_invented=False)] == ["Patient.identifier[0]"]
