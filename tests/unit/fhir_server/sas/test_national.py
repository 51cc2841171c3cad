"""National numbers with and without prefix, and telephone numbers."""

import pytest

from fhir_server.sas.national import OF_PERSONS, OF_STRUCTURES, STRUCTURES, number, phone, prefixed, written


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("99700960018", "899700960018"),
        ("899700960018", "899700960018"),
        ("961234567", "0961234567"),
        ("0961234567", "0961234567"),
        ("2A1234567", "02A1234567"),
        ("12", None),
        ("3456780581/11242343", None),
        ("٩٩٧٠٠٩٦٠٠١٨", None),
    ],
)
def test_persons_are_prefixed(value: str, expected: str | None) -> None:
    assert expected == prefixed(value, OF_PERSONS)


def test_a_number_is_looked_for_in_every_form_and_others_as_they_are() -> None:
    found = written(["99700960018", "899700960018", "0961234567", "x"], OF_PERSONS)

    assert ["899700960018", "99700960018", "0961234567", "961234567", "x"] == found


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ({"system": STRUCTURES, "value": "960 000 040"}, "1960000040"),
        ({"system": "https://finess.esante.gouv.fr", "value": "960000040"}, "1960000040"),
        ({"system": "https://sirene.fr", "value": "36082500004001"}, "336082500004001"),
        ({"system": "https://sirene.fr", "value": "960000040"}, None),
        ({"system": STRUCTURES, "value": "1960000040", "use": "old"}, None),
        ({"system": "urn:other", "value": "960000040"}, None),
        ({"system": STRUCTURES}, None),
    ],
)
def test_structures_are_known_by_national_systems_alone(identifier: dict[str, str], expected: str | None) -> None:
    assert expected == number({"identifier": [identifier]}, STRUCTURES, OF_STRUCTURES)


def test_the_first_french_phone_counts() -> None:
    foreign = {"telecom": [{"system": "phone", "value": "+32 2 123 45 67"}, {"system": "email", "value": "0261910001"}]}

    assert phone(foreign, {}, {"telecom": [{"system": "phone", "value": "02-61-91-00-01"}]}) == "+33261910001"
    assert phone(foreign) is None
    assert phone({"telecom": [{"system": "phone"}]}) is None
