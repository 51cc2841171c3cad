"""Paths into plain JSON."""

import pytest

from fhir_server.kernel import paths

PERSON = {
    "name": [{"family": "ESSAI", "given": ["A", "B"]}, {"given": ["C"]}],
    "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "a.b@x"}],
    "contact": {"name": {"family": "AUTRE"}},
    "active": False,
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("name.given", ["A", "B", "C"]),
        ("name.family", ["ESSAI"]),
        ("telecom[system=email].value", ["a.b@x"]),
        ("telecom[value=a.b@x].system", ["email"]),
        ("contact.name.family", ["AUTRE"]),
        ("active", [False]),
        ("nothing.at.all", []),
        ("active.deeper", []),
    ],
)
def test_every_value_is_found_in_order(path: str, expected: list[object]) -> None:
    assert paths.read(PERSON, path) == expected
    assert paths.first(PERSON, path) == (expected[0] if expected else None)


@pytest.mark.parametrize("path", ["", "a..b", "a[b]", "a[b=c", "1a"])
def test_a_malformed_path_is_a_mistake_of_ours(path: str) -> None:
    with pytest.raises(ValueError):
        paths.read({}, path)
