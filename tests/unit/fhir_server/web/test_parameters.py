"""Query strings and forms as pairs."""

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.search.pairs import MAX_PARAMETERS, Pairs
from fhir_server.web import parameters


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")]),
        (b"a=&b", [("a", ""), ("b", "")]),
        (b"name=%C3%A9t%C3%A9+x", [("name", "été x")]),
        (b"identifier=urn%3Aoid%3A1.2%7C3", [("identifier", "urn:oid:1.2|3")]),
        (b"date=ge2026-01-05T08:00:00%2B01:00", [("date", "ge2026-01-05T08:00:00+01:00")]),
        (b"a=1;b=2", [("a", "1;b=2")]),
    ],
)
def test_pairs(text: bytes, expected: Pairs) -> None:
    assert expected == parameters.pairs(text)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        (b"name=%FF", Category.INVALID),
        (b"name=\xc3\xa9", Category.INVALID),
        (b"name=%00", Category.INVALID),
        (b"a" * (parameters.MAX_BYTES + 1), Category.TOO_LONG),
        (b"a=1&" * (MAX_PARAMETERS + 1), Category.TOO_COSTLY),
    ],
)
def test_refused(text: bytes, category: Category) -> None:
    with pytest.raises(FhirError) as caught:
        parameters.pairs(text)

    assert category == caught.value.category


def test_the_form_of_the_answer_is_not_searched() -> None:
    found = parameters.pairs(b"status=free&_format=json&_pretty=true&_format=xml")

    assert ([("status", "free")], "json") == parameters.split(found)
