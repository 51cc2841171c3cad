"""The FHIRPath of patches: what a path finds, and what is no path."""

from typing import Any

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.patching.path import MAX_LENGTH, compile_path
from fhir_server.patching.place import root

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": False,
    "contained": [{"resourceType": "Organization", "id": "o", "name": "CPTS"}],
    "extension": [{"url": "http://x.test/a", "valueCodeableConcept": {"text": "t"}}, {"url": "http://x.test/b"}],
    "identifier": [{"system": "s1", "value": "it's"}, {"system": "s2", "value": "2"}, {"value": "3"}],
    "name": [{"use": "official", "family": "ESSAI", "given": ["A", "B"]}, {"use": "usual", "given": ["C"]}],
    "multipleBirthInteger": 2,
}


def _values(path: str) -> list[Any]:
    return [place.value for place in compile_path(path)([root(PATIENT)])]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Patient", [PATIENT]),
        ("Resource.id", ["p"]),
        ("DomainResource.id", ["p"]),
        ("Slot.id", []),
        ("id", ["p"]),
        ("Patient.name.given", ["A", "B", "C"]),
        ("Patient.name[1].given[0]", ["C"]),
        ("Patient.name.given[2]", ["C"]),
        ("Patient.`name`.first().given.last()", ["B"]),
        ("Patient.multipleBirth", [2]),
        ("Patient.multipleBirth.ofType(integer)", [2]),
        ("Patient.multipleBirth.ofType(FHIR.boolean)", []),
        ("Patient.identifier.where(system = 's1').value", ["it's"]),
        ("Patient.identifier.where(value = 'it\\'s').system", ["s1"]),
        ("Patient.identifier.where(system.exists().not()).value", ["3"]),
        ("Patient.identifier.where(system.empty()).value", ["3"]),
        ("Patient.identifier.where(system != 's1').value", ["2"]),
        ("Patient.identifier.where(system ~ 'S2').value", ["2"]),
        ("Patient.identifier.where(system = 's1' or value = '2').value", ["it's", "2"]),
        ("Patient.identifier.where(system = 's1' and value = '2').value", []),
        ("Patient.identifier.where((system = 's1' or system = 's2') and value = '2').value", ["2"]),
        ("Patient.identifier.where(value.startsWith('it')).system", ["s1"]),
        ("Patient.identifier.where(value.endsWith('s')).system", ["s1"]),
        ('Patient.identifier.where(value.contains("x"))', None),
        ("Patient.name.where(given = 'C').use", ["usual"]),
        ("Patient.name.where(given.exists($this = 'A')).family", ["ESSAI"]),
        ("Patient.extension('http://x.test/a').value.text", ["t"]),
        ("Patient.extension.where(url = 'http://x.test/a').value.text", ["t"]),
        ("Patient.contained.where(id = 'o').name", ["CPTS"]),
        ("Patient.active", [False]),
        ("Patient.where(active = false).id", ["p"]),
        ("Patient.where(multipleBirth > 1).id", ["p"]),
        ("Patient.where(multipleBirth <= 1).id", []),
        ("Patient.where(multipleBirth > 'x').id", []),
        ("Patient.id.extension", []),
        ("Patient.nonsense", []),
    ],
)
def test_what_a_path_finds(path: str, expected: list[Any] | None) -> None:
    if expected is None:
        with pytest.raises(FhirError):
            compile_path(path)
    else:
        assert _values(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "",
        " ",
        "Patient.",
        ".name",
        "Patient..name",
        "Patient.name[",
        "Patient.name[x]",
        "Patient.name[-1]",
        "Patient.name[1.5]",
        "Patient.name.where(use = )",
        "Patient.name.where(use = 'official'",
        "Patient.name.where()",
        "Patient.name.nonsense()",
        "Patient.name.repeat(given)",
        "Patient.name ; drop",
        "'unclosed",
        "Patient name",
        "(" * 50 + "id" + ")" * 50,
        "a" * (MAX_LENGTH + 1),
        ".".join(["a"] * 900),
        " or ".join(["a"] * 300),
    ],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(FhirError) as caught:
        compile_path(path)

    assert caught.value.category is Category.VALUE
