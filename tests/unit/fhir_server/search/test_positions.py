"""What is near: distances, units, poles and the 180th meridian, and values that name no place."""

import doctest

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.search import positions
from fhir_server.search.match import matches
from fhir_server.search.query import parse

#: Metz, and what is 0.45, 47.6 and 280.49 km from it by the haversine formula.
METZ, NEAR_BY, NANCY, PARIS = (49.1203, 6.1756), (49.1230, 6.1710), (48.6921, 6.1844), (48.8566, 2.3522)


def is_near(asked: str, latitude: float, longitude: float) -> bool:
    query = parse("Location", [("near", asked)], strict=True)
    place = {"position": {"latitude": latitude, "longitude": longitude}}
    return matches(query, place, lambda *_: None)


def test_examples() -> None:
    assert doctest.testmod(positions).failed == 0


@pytest.mark.parametrize(
    ("asked", "place", "is_found"),
    [
        ("49.1203|6.1756", NEAR_BY, True),
        ("49.1203|6.1756", NANCY, False),
        ("49.1203|6.1756||", NEAR_BY, True),
        ("49.1203|6.1756||m", NEAR_BY, True),
        ("49.1203|6.1756|48", NANCY, True),
        ("49.1203|6.1756|47", NANCY, False),
        ("49.1203|6.1756|48|km", NANCY, True),
        ("49.1203|6.1756|48000|m", NANCY, True),
        ("49.1203|6.1756|30|[mi_i]", NANCY, True),
        ("49.1203|6.1756|29|[mi_us]", NANCY, False),
        ("49.1203|6.1756|1500|[ft_i]", NEAR_BY, True),
        ("49.1203|6.1756|1400|[ft_i]", NEAR_BY, False),
        ("49.1203|6.1756|280.5", PARIS, True),
        ("49.1203|6.1756|280.4", PARIS, False),
        ("49.1203|6.1756|0", METZ, True),
        ("49.1203|6.1756|1|m", (49.12031, 6.1756), False),
        ("49.1203|6.1756|2|m", (49.12031, 6.1756), True),
        ("0|0|5|km,49.1203|6.1756|5|km", NEAR_BY, True),
        ("-17|179.99|5", (-17, -179.99), True),
        ("89.99|0|5", (89.99, 180), True),
        ("90|0|0", (90, 135), True),
        ("-90|0|2", (-89.99, -77), True),
        ("0|0|20015", (0, 180), False),
        ("0|0|20016", (0, 180), True),
        ("0|0|999999999", (0, 180), True),
    ],
)
def test_what_is_near(asked: str, place: tuple[float, float], is_found: bool) -> None:
    assert is_found == is_near(asked, *place)


@pytest.mark.parametrize(
    "asked",
    [
        "49.1",
        "49.1|",
        "|6.1",
        "|||",
        "91|0|1|km",
        "-90.01|0",
        "0|180.5",
        "0|-181",
        "north|6",
        "1e1|6",
        "NaN|6",
        "inf|6",
        "٤٩|6",
        "49|6|-1|km",
        "49|6|1e3|km",
        "49|6|far|km",
        "49|6|1|parsec",
        "49|6|1|KM",
        "49|6||furlong",
        "49|6|1|km|",
        "49|6|1|km|x",
        "49,6",
        "49|6\\|1",
    ],
)
def test_what_is_no_place(asked: str) -> None:
    with pytest.raises(FhirError) as caught:
        parse("Location", [("near", asked)])

    (issue,) = caught.value.issues
    assert (Category.VALUE, "near") == (issue.category, issue.expression)


@pytest.mark.parametrize(
    "position",
    [{"latitude": 91, "longitude": 0}, {"latitude": 0, "longitude": 10**400}, {"latitude": 3}, {"altitude": 3}],
)
def test_what_is_not_on_earth_is_near_nothing(position: dict[str, int]) -> None:
    for asked, is_found in ((("near", "0|0|999999999"), False), (("near:missing", "true"), True)):
        query = parse("Location", [asked], strict=True)

        assert is_found == matches(query, {"position": position}, lambda *_: None)


@pytest.mark.parametrize(
    "pair", [("near:exact", "0|0"), ("near:contains", "0|0"), ("phonetic:exact", "a"), ("phonetic:contains", "a")]
)
def test_modifiers_that_make_no_sense(pair: tuple[str, str]) -> None:
    with pytest.raises(FhirError) as caught:
        parse("Location" if pair[0].startswith("near") else "Patient", [pair])

    assert (Category.INVALID, pair[0]) == (caught.value.issues[0].category, caught.value.issues[0].expression)


def test_places_have_no_order() -> None:
    assert () == parse("Location", [("_sort", "near")]).sort
    with pytest.raises(FhirError):
        parse("Location", [("_sort", "near")], strict=True)


def test_a_name_without_letters_is_refused() -> None:
    with pytest.raises(FhirError) as caught:
        parse("Patient", [("phonetic", "?!")])

    assert (Category.VALUE, "phonetic") == (caught.value.issues[0].category, caught.value.issues[0].expression)
