"""The prefixes of dates and numbers against stored values of every precision.

Ranges of https://www.hl7.org/fhir/R4/search.html#prefix; `storage.select` is held to the same by tests/property.
"""

from typing import Any

import pytest

from fhir_server.search.match import matches
from fhir_server.search.query import parse

#: 2026-01-05T09:00:00+01:00.
NOW_MS = 1_767_600_000_000
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

#: Against 2026-01-05, Paris time: the prefixes under which a stored value of each precision is found.
DATES = [
    ("2026", "ne gt lt ge le ap", "a year contains the day"),
    ("2026-01", "ne gt lt ge le ap", "a month contains the day"),
    ("2026-01-05", "eq ge le ap", "the same day"),
    ("2026-01-05T08:00+01:00", "eq ge le ap", "a minute of the day"),
    ("2026-01-05T08:00:00+01:00", "eq ge le ap", "a second of the day"),
    ("2026-01-05T08:00:00.250+01:00", "eq ge le ap", "a millisecond of the day"),
    ("2026-01-05T23:30:00Z", "ne gt ge sa", "the next day in Paris"),
    ("2026-01-04", "ne lt le eb", "the day before"),
    ("2026-01-06", "ne gt ge sa", "the day after"),
    ("2027", "ne gt ge sa", "a later year"),
    ("2025-12", "ne lt le eb", "an earlier month"),
]
PERIODS = [
    ({"start": "2026-01-05", "end": "2026-01-05"}, "eq ge le ap", "the day as a Period"),
    ({"start": "2026-01-04", "end": "2026-01-06"}, "ne gt lt ge le ap", "days around it"),
    ({"start": "2026-01-04", "end": "2026-01-05"}, "ne lt ge le ap", "ends with it"),
    ({"start": "2026-01-05"}, "ne gt ge le ap", "open end"),
    ({"end": "2026-01-05"}, "ne lt ge le ap", "open start"),
    ({"end": "2026-01-04"}, "ne lt le eb", "all before"),
]
#: Against 2026-01-05T08:00:00+01:00: instants in columns of their own are moments.
INSTANTS = [
    ("2026-01-05T08:00:00+01:00", "eq ge le ap", "the same instant"),
    ("2026-01-05T07:00:00Z", "eq ge le ap", "the same in another zone"),
    ("2026-01-05T08:00:00.999+01:00", "eq ge le ap", "within the second"),
    ("2026-01-05T08:00:01+01:00", "ne gt ge sa ap", "the next second"),
    ("2026-01-05T07:59:59.999+01:00", "ne lt le eb ap", "just before"),
]
#: Against 5.4, which stands for 5.35 to 5.45 where precision counts.
NUMBERS = [
    (5.4, "eq ge le ap", "the number"),
    (5.44, "eq gt ge sa ap", "within its precision, yet greater"),
    (5.45, "ne gt ge sa ap", "the end of its precision"),
    (5, "ne lt le eb ap", "within a tenth"),
    (7, "ne gt ge sa", "beyond a tenth"),
    (-1, "ne lt le eb", "below"),
]


def found_by(type_name: str, code: str, value: str, resource: dict[str, Any]) -> list[str]:
    return [
        prefix
        for prefix in PREFIXES
        if matches(parse(type_name, [(code, prefix + value)], now_ms=NOW_MS), resource, lambda *_: None)
    ]


@pytest.mark.parametrize(("stored", "prefixes", "reason"), DATES, ids=[case[2] for case in DATES])
def test_dates(stored: str, prefixes: str, reason: str) -> None:
    assert prefixes.split() == found_by("Patient", "birthdate", "2026-01-05", {"birthDate": stored}), reason


@pytest.mark.parametrize(("stored", "prefixes", "reason"), PERIODS, ids=[case[2] for case in PERIODS])
def test_periods(stored: dict[str, str], prefixes: str, reason: str) -> None:
    assert prefixes.split() == found_by("Schedule", "date", "2026-01-05", {"planningHorizon": stored}), reason


@pytest.mark.parametrize(("stored", "prefixes", "reason"), INSTANTS, ids=[case[2] for case in INSTANTS])
def test_instants(stored: str, prefixes: str, reason: str) -> None:
    assert prefixes.split() == found_by("Slot", "start", "2026-01-05T08:00:00+01:00", {"start": stored}), reason


@pytest.mark.parametrize(("stored", "prefixes", "reason"), NUMBERS, ids=[case[2] for case in NUMBERS])
def test_quantities(stored: float, prefixes: str, reason: str) -> None:
    assert prefixes.split() == found_by("Encounter", "length", "5.4", {"length": {"value": stored}}), reason


def test_approximately_widens_by_a_tenth_of_the_distance_from_now() -> None:
    # Ten years from the day asked for: a year to either side.
    query = parse("Patient", [("birthdate", "ap2016-01-05")], now_ms=NOW_MS)

    found = [year for year in range(2012, 2020) if matches(query, {"birthDate": f"{year}-01-20"}, lambda *_: None)]

    assert [2015, 2016] == found


TYPED = {"identifier": [{"type": {"coding": [{"system": "http://t", "code": "MR"}]}, "value": "1"}]}
CONTEXTS: dict[str, Any] = {
    "useContext": [
        {"code": {"code": "age"}, "valueCodeableConcept": {"coding": [{"code": "child"}]}},
        {"code": {"code": "venue"}, "valueCodeableConcept": {"coding": [{"system": "urn:s", "code": "adult"}]}},
        {"code": {"code": "span"}, "valueRange": {"low": {"value": 2}, "high": {"value": 9}}},
    ]
}
MODIFIERS = [
    ("Patient", "identifier", "urn:s|ab", {"identifier": [{"system": "urn:s", "value": "AB"}]}, False),
    ("Patient", "identifier", "urn:s|AB", {"identifier": [{"system": "urn:s", "value": "AB"}]}, True),
    ("Slot", "status", "FREE", {"status": "free"}, True),
    ("Slot", "status:not", "free", {"status": "busy"}, True),
    ("Slot", "service-type:not", "x", {}, True),
    ("Patient", "family", "lef", {"name": [{"family": "Lefèvre"}]}, True),
    ("Patient", "family:exact", "Lefevre", {"name": [{"family": "Lefèvre"}]}, False),
    ("Patient", "family:contains", "FEV", {"name": [{"family": "Lefèvre"}]}, True),
    ("Patient", "link:missing", "true", {"link": [{"other": {"identifier": {"value": "1"}}}]}, False),
    ("Patient", "birthdate:missing", "true", {}, True),
    ("Patient", "birthdate:missing", "true,false", {}, True),
    ("Slot", "service-type:text", "CONS", {"serviceType": [{"text": "Consultation"}]}, True),
    ("Slot", "service-type:text", "cons", {"serviceType": [{"coding": [{"display": "Consultation"}]}]}, True),
    ("Slot", "service-type:text", "sult", {"serviceType": [{"text": "Consultation"}]}, False),
    ("Patient", "identifier:text", "ins", {"identifier": [{"type": {"text": "INS-NIR"}, "value": "1"}]}, True),
    ("Patient", "identifier:of-type", "http://t|mr|1", TYPED, True),
    ("Patient", "identifier:of-type", "http://t|MR|2", TYPED, False),
    ("Patient", "identifier:of-type", "http://u|MR|1", TYPED, False),
    ("ServiceRequest", "intent:below", "order", {"intent": "instance-order"}, True),
    ("ServiceRequest", "intent:below", "filler-order", {"intent": "order"}, False),
    ("ServiceRequest", "intent:above", "instance-order", {"intent": "order"}, True),
    ("ServiceRequest", "intent:above", "order", {"intent": "instance-order"}, False),
    ("Slot", "_profile:below", "http://p/a/", {"meta": {"profile": ["http://p/a/b/c"]}}, True),
    ("Slot", "_profile:below", "http://p/a", {"meta": {"profile": ["http://p/a"]}}, True),
    ("Slot", "_profile:below", "http://p/a", {"meta": {"profile": ["http://p/ab"]}}, False),
    ("Slot", "_profile:above", "http://p/a/b", {"meta": {"profile": ["http://p/a"]}}, True),
    ("Slot", "_profile:above", "http://p/a/b", {"meta": {"profile": ["http://p/a/b/c"]}}, False),
    ("ValueSet", "context-type-value", "age$child", CONTEXTS, True),
    ("ValueSet", "context-type-value", "age$urn:s|adult", CONTEXTS, False),
    ("ValueSet", "context-type-value", "age$adult,venue$urn:s|adult", CONTEXTS, True),
    ("ValueSet", "context-type-quantity", "span$gt5", CONTEXTS, True),
    ("ValueSet", "context-type-quantity", "span$gt10", CONTEXTS, False),
    ("ValueSet", "context-type-quantity", "age$gt5", CONTEXTS, False),
    ("ValueSet", "context-type-quantity:missing", "false", CONTEXTS, True),
    ("ValueSet", "context-type-quantity:missing", "true", {"useContext": CONTEXTS["useContext"][:1]}, True),
]


@pytest.mark.parametrize(("type_name", "name", "text", "resource", "is_found"), MODIFIERS)
def test_modifiers(type_name: str, name: str, text: str, resource: dict[str, Any], is_found: bool) -> None:
    assert is_found is matches(parse(type_name, [(name, text)]), resource, lambda *_: None)
