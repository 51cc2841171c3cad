"""Cursors: a place comes back from its own list only, and tells nothing to who holds it."""

import base64
from typing import Any

import pytest

from fhir_server.kernel.errors import FhirError
from fhir_server.search import cursor
from fhir_server.search.model import Position
from fhir_server.search.query import parse, query_identity

SEAL, OTHER = cursor.seal_of(b"one"), cursor.seal_of(b"other")
SORT = parse("Patient", [("_sort", "family,birthdate")]).sort
PLACE = Position(("lefevre", 1_767_596_400_000), 7)


def test_a_place_comes_back_from_its_list() -> None:
    text = cursor.write(SEAL, "list", PLACE)

    assert PLACE == cursor.read([OTHER, SEAL], "list", text, SORT)


def test_a_cursor_shows_nothing_of_its_place() -> None:
    text = cursor.write(SEAL, "list", PLACE)

    sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert b"lefevre" not in sealed
    assert b"1767596400000" not in sealed


def _changed(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


FOREIGN = [
    ("AAAA", "list", "nothing of ours"),
    ("", "list", "empty"),
    ("é", "list", "no base64"),
    ("A" * 5000, "list", "too long"),
    (_changed(cursor.write(SEAL, "list", PLACE)), "list", "changed"),
    (cursor.write(SEAL, "list", PLACE)[:-4], "list", "cut"),
    (cursor.write(SEAL, "list", PLACE), "other list", "of another list"),
    (cursor.write(OTHER, "list", PLACE), "list", "of another server"),
    (base64.urlsafe_b64encode(b'0123456789abcdef[["x",1],7]').decode(), "list", "in clear"),
]


@pytest.mark.parametrize(("text", "bound_to", "reason"), FOREIGN, ids=[case[2] for case in FOREIGN])
def test_what_is_refused(text: str, bound_to: str, reason: str) -> None:
    with pytest.raises(FhirError):
        cursor.read([SEAL], bound_to, text, SORT)


@pytest.mark.parametrize("keys", [("text",), (1, 2), ("a", "b"), ("a", 1.5), ("a", 1 << 70), (["a"], 1), ("a", 1, 2)])
def test_keys_of_another_kind_are_refused(keys: tuple[Any, ...]) -> None:
    text = cursor.write(SEAL, "list", Position(keys, 7))

    with pytest.raises(FhirError):
        cursor.read([SEAL], "list", text, SORT)


def test_the_size_of_the_page_is_no_part_of_the_list() -> None:
    one, other, another = (
        query_identity(parse("Slot", pairs))
        for pairs in (
            [("status", "free"), ("_count", "5")],
            [("status", "free"), ("_count", "9")],
            [("status", "busy")],
        )
    )

    assert one == other
    assert one != another
