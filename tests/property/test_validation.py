"""Whatever is done to a good resource, validation passes it or tells where it is wrong; it never fails otherwise."""

import copy
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.kernel import json
from fhir_server.kernel.errors import FhirError, Issue
from fhir_server.validation import gates

GOOD = Path(__file__).parents[1] / "unit" / "fhir_server" / "validation" / "good"
TYPES = sorted(path.stem for path in GOOD.glob("*.json"))

Way = tuple[str | int, ...]


@cache
def good(type_name: str) -> dict[str, Any]:
    resource: dict[str, Any] = json.decode((GOOD / f"{type_name}.json").read_bytes())
    return resource


def ways(value: Any, way: Way = ()) -> list[Way]:
    """The way to every property and item of a tree."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in [(*way, key), *ways(item, (*way, key))]]


def holder(resource: Any, way: Way) -> Any:
    for step in way[:-1]:
        resource = resource[step]
    return resource


PLACES = st.sampled_from(TYPES).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(ways(good(name)))))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["#p", "Patient/1", "2026-02-30", "9999-12-31", "free", "http://a b", Decimal("1.0")]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "extension", "value", "reference", "code", "start", "a b"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def check(resource: dict[str, Any], type_name: str) -> None:
    assert all((issue.expression or "").startswith(type_name) for issue in faults(resource, type_name))


def faults(resource: dict[str, Any], type_name: str) -> tuple[Issue, ...]:
    try:
        gates.validate(resource, type_name)
    except FhirError as error:
        return error.issues
    return ()


@settings(max_examples=300, deadline=None)
@given(PLACES)
def test_without_one_element(place: tuple[str, Way]) -> None:
    type_name, way = place
    resource = copy.deepcopy(good(type_name))
    del holder(resource, way)[way[-1]]

    check(resource, type_name)


@settings(max_examples=500, deadline=None)
@given(PLACES, VALUES)
def test_with_one_element_of_another_shape(place: tuple[str, Way], value: Any) -> None:
    type_name, way = place
    resource = copy.deepcopy(good(type_name))
    holder(resource, way)[way[-1]] = value

    check(resource, type_name)


@settings(max_examples=300, deadline=None)
@given(PLACES, PLACES)
def test_with_an_element_of_another_type(place: tuple[str, Way], source: tuple[str, Way]) -> None:
    type_name, way = place
    resource = copy.deepcopy(good(type_name))
    holder(resource, way)[way[-1]] = copy.deepcopy(holder(good(source[0]), source[1])[source[1][-1]])

    check(resource, type_name)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TYPES), st.dictionaries(st.text(max_size=10), VALUES, max_size=3))
def test_with_elements_of_any_name(type_name: str, more: dict[str, Any]) -> None:
    check(good(type_name) | more, type_name)
