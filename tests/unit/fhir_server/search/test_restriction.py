"""Scopes of some resources of a type alone: what they show is what one of them shows, and nothing is read half."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.auth.scopes import Scopes
from fhir_server.kernel.actor import Actor
from fhir_server.registry.search_params import parameters
from fhir_server.search import restriction
from fhir_server.search.match import matches
from fhir_server.search.query import parse
from tests import builders

_pairs = st.lists(
    st.sampled_from(
        [
            ("status", "free"),
            ("status", "busy,busy-tentative"),
            ("schedule", "Schedule/a"),
            ("start", "ge2026-03-03"),
            ("start", "lt2026-03-04"),
            ("specialty", "1"),
        ]
    ),
    min_size=1,
    max_size=3,
    unique=True,
)


def _slot(status: str, schedule: str, day: int, specialty: str) -> dict[str, Any]:
    return builders.slot(
        id="s",
        status=status,
        schedule={"reference": f"Schedule/{schedule}"},
        start=f"2026-03-0{day}T09:00:00+01:00",
        end=f"2026-03-0{day}T09:15:00+01:00",
        specialty=[{"coding": [{"code": specialty}]}],
    )


_slots = st.builds(
    _slot, st.sampled_from(["free", "busy"]), st.sampled_from("ab"), st.integers(2, 4), st.sampled_from("12")
)


@given(st.lists(_pairs, min_size=1, max_size=3), _slots)
def test_several_scopes_show_what_one_of_them_shows(alternatives: list[Any], slot: dict[str, Any]) -> None:
    text = " ".join("system/Slot.r?" + "&".join(f"{name}={value}" for name, value in it) for it in alternatives)
    actor = Actor("one", restrictions=Scopes.parse(text).in_force())
    one = any(matches(parse("Slot", it), slot, lambda _type, _id: None) for it in alternatives)

    assert one == restriction.shows(actor, "Slot", slot)


def test_a_letter_without_restrictions_shows_everything() -> None:
    actor = Actor("one", restrictions=Scopes.parse("system/Slot.u?status=busy").in_force())

    assert [True, False] == [restriction.shows(actor, "Slot", builders.slot(), letter) for letter in "ru"]


@pytest.mark.parametrize("value", [",", "|", "%20", "x", "%5C", "%00", "%C3%A9", "1|2|3", "2026-13", "1e999", "/"])
def test_a_value_is_read_or_named_as_wrong(value: str) -> None:
    for code in parameters("Slot"):
        scopes = Scopes.parse(f"system/Slot.rs?{code}={value}")
        actor = Actor("one", restrictions=scopes.in_force())
        if restriction.problem(scopes.restrictions) is None:
            restriction.shows(actor, "Slot", builders.slot())


def test_scopes_that_combine_in_too_many_ways_are_refused() -> None:
    search = "status=free&schedule=Schedule/a&specialty=1"
    scopes = Scopes.parse(" ".join(f"system/Slot.r?{search}&start=ge202{year}" for year in range(4)))

    assert "too many ways" in (restriction.problem(scopes.restrictions) or "")
