"""Forms of references, and the walk that finds them all."""

import pytest

from fhir_server.validation import references
from fhir_server.validation.references import Parsed

UUID = "0b1e2f3a-1111-4222-8333-444455556666"

FORMS = [
    ("Patient/1", Parsed("local", "Patient")),
    ("Patient/1/_history/2", Parsed("local", "Patient")),
    ("Observation/a.b-C", Parsed("local", "Observation")),
    ("#p", Parsed("contained")),
    ("#", Parsed("contained")),
    ("http://example.org/fhir/Patient/1", Parsed("absolute", "Patient")),
    ("https://example.org/Patient/1/_history/2", Parsed("absolute", "Patient")),
    ("https://example.org", Parsed("absolute")),
    ("https://example.org/Foo/1", Parsed("absolute")),
    ("https://example.org/Patient/1?a=b", Parsed("absolute")),
    (f"urn:uuid:{UUID}", Parsed("urn")),
    ("urn:oid:1.2.250", Parsed("urn")),
    ("Patient?identifier=a%7Cb", Parsed("search", "Patient")),
    ("", Parsed("")),
    ("Patient", Parsed("")),
    ("Patient/", Parsed("")),
    ("Patient/a b", Parsed("")),
    ("Patient/1\n", Parsed("")),
    (f"Patient/{'x' * 65}", Parsed("")),
    ("Resource/1", Parsed("")),
    ("Foo/1", Parsed("")),
    ("Foo?a=b", Parsed("")),
    ("../Patient/1", Parsed("")),
    ("//example.org/Patient/1", Parsed("")),
    ("https://", Parsed("")),
    ("https://example.org/a b", Parsed("")),
    ('https://example.org/"', Parsed("")),
    ("javascript:a()", Parsed("")),
    ("file:///etc/passwd", Parsed("")),
    ("ftp://example.org/Patient/1", Parsed("")),
    ("urn:uuid:1", Parsed("")),
    ("urn:oid:3.1", Parsed("")),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_form(text: str, expected: Parsed) -> None:
    assert expected == references.parse(text)


def test_hostile_text_is_read_in_linear_time() -> None:
    expected = Parsed("")
    assert expected == references.parse("https://" + "a" * 1_000_000 + '"')
    assert expected == references.parse("https://" + "/Aa" * 300_000 + '"')


def test_every_reference_is_found() -> None:
    resource = {
        "resourceType": "Appointment",
        "contained": [{"resourceType": "Patient", "id": "p", "generalPractitioner": [{"reference": "Practitioner/1"}]}],
        "extension": [{"url": "a", "valueReference": {"reference": "Organization/1"}}],
        "participant": [
            {"actor": {"reference": "#p", "_display": {"extension": [{"valueReference": {"display": "a"}}]}}}
        ],
    }

    expected = [
        ("Appointment.contained[0].generalPractitioner[0]", {"reference": "Practitioner/1"}),
        ("Appointment.extension[0].value", {"reference": "Organization/1"}),
        ("Appointment.participant[0].actor", resource["participant"][0]["actor"]),
        ("Appointment.participant[0].actor.display.extension[0].value", {"display": "a"}),
    ]
    assert expected == list(references.iter_references(resource))


def test_references_of_bundled_resources_are_found() -> None:
    slot = {"resourceType": "Slot", "schedule": {"reference": "Schedule/1"}}

    expected = [("Bundle.entry[1].resource.schedule", {"reference": "Schedule/1"})]
    assert expected == list(references.iter_references({"resourceType": "Bundle", "entry": [{}, {"resource": slot}]}))


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"resourceType": "Foo", "a": {"reference": "b"}},
        {"resourceType": 5},
        {"resourceType": "Slot", "schedule": "Schedule/1"},
        {
            "resourceType": "Slot",
            "schedule": [{"reference": "Schedule/1"}],
            "extension": {"url": 1},
            "contained": [None],
        },
    ],
)
def test_what_has_not_the_shape_of_its_type_is_passed_over(resource: dict[str, object]) -> None:
    assert not list(references.iter_references(resource))
