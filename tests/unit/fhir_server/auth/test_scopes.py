"""Scopes: what each form allows, which forms are refused, and that narrowing never widens."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.auth.scopes import LETTERS, MAX_LENGTH, ScopeError, Scopes, narrow
from fhir_server.kernel.actor import Restriction

FORMS = [
    ("system/Slot.rs", "Slot", "rs", "second version"),
    ("system/Slot.cruds", "Slot", "cruds", "every letter"),
    ("system/Slot.c", "Slot", "c", "one letter"),
    ("system/Slot.read", "Slot", "rs", "first version: read is read and search"),
    ("system/Slot.write", "Slot", "cud", "first version: write"),
    ("system/Slot.*", "Slot", "cruds", "first version: both"),
    ("system/*.rs", "Slot", "rs", "any type"),
    ("system/Slot.r system/Slot.s", "Slot", "rs", "united"),
    ("system/*.r system/Slot.s", "Slot", "rs", "any type and this one"),
    ("system/Patient.cruds", "Slot", "", "another type"),
    ("", "Slot", "", "no scope"),
]

UNDEFINED = [
    ("system/Slot.sr", "letters out of order"),
    ("system/Slot.rr", "a letter twice"),
    ("system/Slot.", "no letter"),
    ("system/Slot", "no suffix"),
    ("system/Slot.x", "an unknown letter"),
    ("system/Slot.readwrite", "an unknown word"),
    ("system/Slot.RS", "letters in upper case"),
    ("system/slot.rs", "a type in lower case"),
    ("patient/Slot.rs", "a patient's scope"),
    ("user/Slot.rs", "a user's scope"),
    ("system/Slot.rs?", "restricted by nothing"),
    ("system/Slot.rs?status", "a parameter without a value"),
    ("system/Slot.rs?status=", "a parameter with an empty value"),
    ("system/Slot.rs?status:not=free", "a modifier"),
    ("system/Slot.rs?schedule.actor=Practitioner/1", "a chain"),
    ("system/Slot.rs?_has:Appointment:slot:status=booked", "a reverse chain"),
    ("system/Slot.rs?_sort=start", "about the answer"),
    ("system/Slot.rs?_filter=status", "an expression"),
    ("system/*.rs?_id=1", "a restriction of every type"),
    ("openid", "not a resource scope"),
    ("system/Slot.rs,system/Patient.rs", "separated by a comma"),
    ("system/Slot.rs system/Slot.sr", "one good, one bad"),
    ("system/Sl\u00f6t.rs", "not a type's name"),
    ("system/Slot.rs " * MAX_LENGTH, "too long"),
]


@pytest.mark.parametrize(("text", "type_name", "letters", "reason"), FORMS)
def test_allows_what_the_form_says(text: str, type_name: str, letters: str, reason: str) -> None:
    scopes = Scopes.parse(text)

    assert letters == "".join(letter for letter in LETTERS if scopes.allows(type_name, letter)), reason


@pytest.mark.parametrize(("text", "reason"), UNDEFINED)
def test_refuses_undefined_forms(text: str, reason: str) -> None:
    with pytest.raises(ScopeError):
        Scopes.parse(text)


@pytest.mark.parametrize(
    ("requested", "registered", "granted"),
    [
        ("system/Slot.rs", "system/Slot.cruds", "system/Slot.rs"),
        ("system/Slot.cruds", "system/Slot.rs", "system/Slot.rs"),
        ("system/Slot.rs", "system/*.cruds", "system/Slot.rs"),
        ("system/*.rs", "system/Slot.cruds", "system/Slot.rs"),
        ("system/*.cruds", "system/*.r system/Slot.rs", "system/*.r system/Slot.rs"),
        ("system/Slot.cu", "system/Slot.rs", ""),
        ("system/Patient.rs", "system/Slot.rs", ""),
        ("system/Slot.read", "system/Slot.rs", "system/Slot.rs"),
        ("system/Slot.rs?status=free", "system/Slot.cruds", "system/Slot.rs?status=free"),
        ("system/Slot.rs", "system/Slot.r?status=free", "system/Slot.r?status=free"),
        ("system/*.rs", "system/Slot.rs?status=free", "system/Slot.rs?status=free"),
        (
            "system/Slot.rs?specialty=x",
            "system/Slot.r?status=free",
            "system/Slot.r?specialty=x&status=free",
        ),
        ("system/Slot.rs?status=free system/Slot.r", "system/Slot.r", "system/Slot.r"),
        ("system/Slot.rs?status=free", "system/Patient.rs", ""),
    ],
)
def test_narrow(requested: str, registered: str, granted: str) -> None:
    assert granted == str(narrow(Scopes.parse(requested), Scopes.parse(registered)))


_types = st.sampled_from(["*", "Slot", "Patient", "Appointment"])
_letters = st.sets(st.sampled_from(LETTERS), min_size=1).map(lambda found: "".join(c for c in LETTERS if c in found))
_pairs = st.sampled_from([(("status", "free"),), (("status", "busy"),), (("specialty", "a|b&c d"), ("status", "free"))])
_restrictions = st.dictionaries(st.tuples(st.sampled_from(["Slot", "Patient"]), _pairs), _letters)


def _built(letters: dict[str, str], found: dict[Any, str]) -> Scopes:
    return Scopes(letters, tuple(Restriction(name, found[name, pairs], pairs) for name, pairs in sorted(found)))


_scopes = st.builds(_built, st.dictionaries(_types, _letters), _restrictions)


@given(_scopes, _scopes)
def test_narrowing_allows_exactly_what_both_allow(requested: Scopes, registered: Scopes) -> None:
    granted = narrow(requested, registered)

    for type_name in ("Slot", "Patient", "Appointment", "Task"):
        for letter in LETTERS:
            both = requested.allows(type_name, letter) and registered.allows(type_name, letter)
            assert both == granted.allows(type_name, letter)


@given(_scopes)
def test_text_reads_back(scopes: Scopes) -> None:
    assert scopes == Scopes.parse(str(scopes))


@given(_scopes, _scopes)
def test_a_restriction_is_never_narrowed_away(requested: Scopes, registered: Scopes) -> None:
    """What is granted in part is registered, and meets at least what each side that restricts it asks."""
    granted = narrow(requested, registered)

    for one in granted.restrictions:
        for letter in one.letters:
            for side in (requested, registered):
                sides = [set(it.pairs) for it in side.restrictions if it.type == one.type and letter in it.letters]
                assert side.allows(one.type, letter) or any(pairs <= set(one.pairs) for pairs in sides)


def test_a_scope_without_a_search_lifts_those_with_one() -> None:
    scopes = Scopes.parse("system/Slot.rus?status=free system/Slot.s system/*.r")

    assert (Restriction("Slot", "u", (("status", "free"),)),) == scopes.in_force()


def test_a_users_scopes_are_read_by_themselves() -> None:
    scopes = Scopes.parse("user/Slot.rs", "user")

    assert ("user/Slot.rs", True) == (str(scopes), scopes.allows("Slot", "r"))
    with pytest.raises(ScopeError):
        Scopes.parse("system/Slot.rs", "user")
