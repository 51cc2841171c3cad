"""Lists that are united and elements that are divided: each part has its own time."""

from typing import Any

from fhir_server.interactions import told
from fhir_server.interactions.told import Ledger

OLD, NEW = 1_000, 2_000
ONE, TWO, INS = ({"system": system, "value": "1"} for system in ("urn:a", "urn:b", "urn:ins"))


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def test_identifiers_of_both_stay_and_the_later_word_on_one_counts() -> None:
    ledger = Ledger({})
    first = told.merge({}, patient(identifier=[ONE | {"use": "old"}, TWO]), ledger, NEW)
    second = told.merge(first, patient(identifier=[ONE, INS]), ledger, OLD)

    assert second["identifier"] == [ONE | {"use": "old"}, TWO, INS]
    assert ledger.is_late


def test_the_same_word_told_late_is_not_told_to_be_late() -> None:
    ledger = Ledger({})
    first = told.merge({}, patient(identifier=[ONE], gender="female"), ledger, NEW)

    assert told.merge(first, patient(identifier=[ONE], gender="female"), ledger, OLD) == first
    assert not ledger.is_late


def test_items_of_one_kind_are_removed_and_stay_so_for_what_is_older() -> None:
    ledger = Ledger({})
    first = told.merge({}, patient(identifier=[ONE, INS]), ledger, OLD)
    second = told.merge(first, patient(identifier=[ONE]), ledger, NEW, cleared=["identifier[urn:ins"])
    third = told.merge(second, patient(identifier=[INS]), ledger, OLD)

    assert (second["identifier"], third["identifier"]) == ([ONE], [ONE])
    assert told.fill(third, patient(identifier=[INS]), ledger)["identifier"] == [ONE]
    assert told.merge(third, patient(identifier=[INS]), ledger, NEW + 1)["identifier"] == [ONE, INS]


def test_what_is_removed_and_given_in_one_message_is_replaced() -> None:
    ledger = Ledger({})
    first = told.merge({}, patient(identifier=[INS]), ledger, OLD)
    other = INS | {"value": "2"}

    assert told.merge(first, patient(identifier=[other]), ledger, NEW, cleared=["identifier[urn:ins"]) == patient(
        identifier=[other]
    )


def test_extensions_are_told_apart_by_their_url() -> None:
    ledger = Ledger({})
    place, consent = ({"url": url, "valueBoolean": True} for url in ("urn:place", "urn:consent"))
    first = told.merge({}, patient(extension=[place]), ledger, OLD)

    assert told.merge(first, patient(extension=[consent]), ledger, NEW)["extension"] == [place, consent]


def test_members_of_a_stay_are_told_apart() -> None:
    ledger = Ledger({})
    stay = {"resourceType": "Encounter", "hospitalization": {"dischargeDisposition": {"text": "home"}}}
    first = told.merge({}, stay, ledger, NEW)
    admission = {"admitSource": {"text": "emergency"}, "dischargeDisposition": {"text": "?"}}
    second = told.merge(first, {"resourceType": "Encounter", "hospitalization": admission}, ledger, OLD)

    assert second["hospitalization"] == {
        "dischargeDisposition": {"text": "home"},
        "admitSource": {"text": "emergency"},
    }


def test_filling_takes_nothing_back_and_notes_nothing() -> None:
    ledger = Ledger({})
    known = told.merge({}, patient(gender="female", identifier=[ONE]), ledger, OLD, cleared=["birthDate"])
    filled = told.fill(known, patient(gender="male", birthDate="1979", language="fr", identifier=[ONE, TWO]), ledger)

    assert filled == patient(gender="female", language="fr", identifier=[ONE, TWO])
    assert told.merge(filled, patient(language="en"), ledger, OLD - 1)["language"] == "en"


def test_kinds_of_one_element_exclude_each_other() -> None:
    ledger = Ledger({})
    dead = told.merge({}, patient(deceasedDateTime="2026-03-01"), ledger, NEW)

    assert told.merge(dead, patient(deceasedBoolean=False), ledger, OLD) == dead
    assert told.fill(dead, patient(deceasedBoolean=False), ledger) == dead
    assert told.merge(dead, patient(deceasedBoolean=False), ledger, NEW + 1) == patient(deceasedBoolean=False)
