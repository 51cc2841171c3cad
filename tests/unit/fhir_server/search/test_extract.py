"""What search parameters find in a resource."""

from typing import Any

import pytest

from fhir_server.kernel.dates import DUSK, interval
from fhir_server.kernel.errors import Category, FhirError
from fhir_server.registry.search_params import parameters
from fhir_server.search.extract import entries
from fhir_server.search.facets import found
from fhir_server.search.folding import MAX_LENGTH

JANUARY = interval("2026-01")

CASES: list[tuple[str, str, dict[str, Any], list[tuple[Any, ...]], str]] = [
    ("Slot", "status", {"status": "free"}, [("http://hl7.org/fhir/slotstatus", "free")], "a code has a fixed system"),
    ("Schedule", "active", {"active": True}, [("", "true")], "boolean"),
    ("Encounter", "class", {"class": {"system": "s", "code": "EMER"}}, [("s", "emer")], "Coding, without case"),
    (
        "Slot",
        "service-type",
        {"serviceType": [{"coding": [{"system": "s", "code": "1"}, {"code": "2"}]}, {"text": "t"}]},
        [("s", "1"), ("", "2")],
        "CodeableConcept",
    ),
    ("Patient", "identifier", {"identifier": [{"system": "s", "value": "Ab"}]}, [("s", "Ab")], "Identifier, with case"),
    (
        "Patient",
        "phone",
        {"telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "a@b"}]},
        [("", "1")],
        "ContactPoint of one system",
    ),
    ("Patient", "deceased", {}, [("", "false")], "nobody said that they died"),
    ("Patient", "deceased", {"deceasedDateTime": "2026"}, [("", "true")], "died at some time"),
    (
        "Patient",
        "name",
        {"name": [{"family": "Lefèvre", "given": ["Zoë", "Léa"]}]},
        [("lefevre", "Lefèvre"), ("zoe", "Zoë"), ("lea", "Léa")],
        "parts of a name",
    ),
    (
        "Organization",
        "name",
        {"name": "CPTS", "alias": ["Nord"]},
        [("cpts", "CPTS"), ("nord", "Nord")],
        "two paths",
    ),
    ("Patient", "birthdate", {"birthDate": "2026-01"}, [(JANUARY.low, JANUARY.high)], "partial date"),
    ("Schedule", "date", {"planningHorizon": {"start": "2026-01"}}, [(JANUARY.low, DUSK)], "open Period"),
    (
        "Slot",
        "start",
        {"start": "2026-01-01T00:00:00+01:00"},
        [(JANUARY.low, JANUARY.low + 1)],
        "an instant is a moment",
    ),
    (
        "ServiceRequest",
        "occurrence",
        {"occurrenceTiming": {"event": ["2026-01"]}},
        [(JANUARY.low, JANUARY.high)],
        "Timing",
    ),
    (
        "Appointment",
        "actor",
        {"participant": [{"actor": {"reference": "Patient/1/_history/2"}}, {"actor": {"reference": "#c"}}]},
        [("Patient", "1")],
        "versions set aside, contained ones unseen",
    ),
    (
        "Appointment",
        "location",
        {"participant": [{"actor": {"reference": "Patient/1"}}, {"actor": {"reference": "Location/2"}}]},
        [("Location", "2")],
        "one type of target",
    ),
    (
        "Appointment",
        "patient",
        {"participant": [{"actor": {"reference": "https://o.example/Location/1"}}, {"actor": {"reference": "urn:x"}}]},
        [("", "urn:x")],
        "an absolute URL tells its type, a URN does not",
    ),
    (
        "ServiceRequest",
        "instantiates-canonical",
        {"instantiatesCanonical": ["http://p|1"]},
        [("", "http://p|1"), ("", "http://p")],
        "canonical with and without version",
    ),
    ("Slot", "_source", {"meta": {"source": "urn:m:1"}}, [("urn:m:1",)], "uri"),
    (
        "Encounter",
        "length",
        {"length": {"value": 90, "unit": "min", "system": "u", "code": "min"}},
        [(90.0, "u", "min", "min")],
        "quantity",
    ),
]


@pytest.mark.parametrize(("type_name", "code", "resource", "found", "reason"), CASES, ids=[case[4] for case in CASES])
def test_entries(
    type_name: str, code: str, resource: dict[str, Any], found: list[tuple[Any, ...]], reason: str
) -> None:
    assert found == entries(parameters(type_name)[code], resource), reason


def test_identifiers_of_references() -> None:
    actor = {"type": "Patient", "identifier": {"system": "s", "value": "A"}}
    resource = {"participant": [{"actor": actor}]}

    assert [("s", "A")] == found("identifier", parameters("Appointment")["patient"], resource)
    assert [] == found("identifier", parameters("Appointment")["location"], resource)


def test_a_date_that_does_not_exist_is_refused() -> None:
    with pytest.raises(FhirError) as caught:
        entries(parameters("Patient")["birthdate"], {"birthDate": "2026-02-30"})

    assert Category.VALUE is caught.value.category


def test_values_too_long_for_an_index_keep_their_identity() -> None:
    one, other = ("x" * 5000 + end for end in "ab")
    parameter = parameters("Patient")["identifier"]

    ((_, first),) = entries(parameter, {"identifier": [{"value": one}]})
    ((_, second),) = entries(parameter, {"identifier": [{"value": other}]})

    assert max(len(first), len(second)) <= MAX_LENGTH
    assert first != second
