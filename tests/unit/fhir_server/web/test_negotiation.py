"""Headers of requests: each form, and why."""

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.web import negotiation
from fhir_server.web.negotiation import Preferences

UPDATED_MS = 1_767_596_400_123
SAME_SECOND = "Mon, 05 Jan 2026 07:00:00 GMT"


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        (None, None),
        ("", None),
        ("*/*", None),
        ("application/*", None),
        ("application/fhir+json", None),
        ("application/json", None),
        ("application/json+fhir", None),
        ("APPLICATION/FHIR+JSON", None),
        ("application/fhir+json; fhirVersion=4.0", None),
        ('application/fhir+json; fhirVersion="4.0"; charset=utf-8', None),
        ("application/fhir+xml, application/fhir+json;q=0.5", None),
        ("text/html, */*;q=0.1", None),
        ("application/fhir+xml", "json"),
        ("application/fhir+xml", "application/fhir+json"),
        (None, "application/fhir json"),
        (None, "text/json"),
        (None, "application/fhir+json; fhirVersion=4.0"),
    ],
)
def test_json_will_do(accept: str | None, format_: str | None) -> None:
    negotiation.check_accept(accept, format_)


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("application/fhir+xml", None),
        ("text/html", None),
        ("image/*", None),
        ("application/fhir+json;q=0", None),
        ("*/*;q=0.000", None),
        ("application/fhir+json; fhirVersion=5.0", None),
        (";;,,", None),
        ("application/fhir+json", "xml"),
        (None, ""),
        (None, "ttl"),
    ],
)
def test_json_will_not_do(accept: str | None, format_: str | None) -> None:
    with pytest.raises(FhirError) as caught:
        negotiation.check_accept(accept, format_)

    assert Category.NOT_ACCEPTABLE == caught.value.category


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+json",
        "application/json",
        "application/json+fhir",
        "application/fhir+json; charset=UTF-8",
        'application/fhir+json;charset="utf-8";fhirVersion=4.0',
    ],
)
def test_a_body_is_json(content_type: str) -> None:
    negotiation.check_content_type(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/fhir+xml",
        "application/x-www-form-urlencoded",
        "application/fhir+json; charset=iso-8859-1",
        "application/fhir+json; fhirVersion=3.0",
    ],
)
def test_a_body_is_not_json(content_type: str | None) -> None:
    with pytest.raises(FhirError) as caught:
        negotiation.check_content_type(content_type)

    assert Category.UNSUPPORTED_MEDIA == caught.value.category


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        (None, Preferences()),
        ("", Preferences()),
        ("return=minimal", Preferences("minimal")),
        ('return="minimal"', Preferences("minimal")),
        ("return=OperationOutcome", Preferences("OperationOutcome")),
        ("return=everything", Preferences()),
        ("handling=strict", Preferences(is_strict=True)),
        ("handling=lenient", Preferences()),
        ("return=minimal, handling=strict", Preferences("minimal", is_strict=True)),
        ("return=minimal; handling=strict", Preferences("minimal", is_strict=True)),
        ("return=minimal, return=representation", Preferences("minimal")),
        ("respond-async", Preferences()),
    ],
)
def test_preferences(prefer: str | None, expected: Preferences) -> None:
    assert expected == negotiation.preferences(prefer)


@pytest.mark.parametrize(("if_match", "expected"), [(None, None), ('W/"3"', 3), ('"3"', 3), (' W/"12" ', 12)])
def test_if_match(if_match: str | None, expected: int | None) -> None:
    assert expected == negotiation.version_of(if_match)


@pytest.mark.parametrize(
    "if_match", ["", "3", "*", 'W/"a"', 'W/"3", W/"4"', 'W/"1234567890"', 'w/"3"', 'W/"-1"', 'W/"٣"']
)
def test_if_match_of_another_form(if_match: str) -> None:
    with pytest.raises(FhirError) as caught:
        negotiation.version_of(if_match)

    assert Category.INVALID == caught.value.category


@pytest.mark.parametrize(
    ("tags", "since", "expected"),
    [
        (None, None, False),
        ('W/"3"', None, True),
        ('"3"', None, True),
        ('W/"2", W/"3"', None, True),
        ("*", None, True),
        ('W/"2"', None, False),
        ("3", None, False),
        (None, SAME_SECOND, True),
        (None, "Mon, 05 Jan 2026 06:59:59 GMT", False),
        (None, "Mon, 05 Jan 2026 08:00:00 +0100", True),
        (None, "yesterday", False),
        (None, "Mon, 05 Jan 2026 07:00:00 -0000", False),
        ('W/"2"', SAME_SECOND, False),
    ],
)
def test_is_unchanged(tags: str | None, since: str | None, expected: bool) -> None:
    assert expected is negotiation.is_unchanged(3, UPDATED_MS, tags, since)
