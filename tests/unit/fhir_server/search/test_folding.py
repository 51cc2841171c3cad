"""Folding of strings, and the written forms of references."""

import doctest

import pytest

from fhir_server.search import folding, references


@pytest.mark.parametrize("module", [folding, references])
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Jean-Pierre", "jean pierre"),
        ("  d’Étampes ", "d etampes"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("12, rue", "12 rue"),
        ("-", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert folded == folding.fold(text)
