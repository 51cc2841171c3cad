"""Headers of requests: each form, and why."""

import pytest

from fhir_server.kernel.errors import Category, FhirError
from fhir_server.web import negotiation
from fhir_server.web.negotiation import Preferences

UPDATED_MS = 1_767_596_400_123
SAME_SECOND = "Mon, 05 Jan 2026 07:00:00 GMT"


@pytest.mark.parametrize(
    ("accept", "format_", "expected"),
    [
        (None, None, "json"),
        ("", None, "json"),
        ("*/*", None, "json"),
        ("application/*", None, "json"),
        ("application/fhir+json", None, "json"),
        ("application/json", None, "json"),
        ("application/json+fhir", None, "json"),
        ("APPLICATION/FHIR+JSON", None, "json"),
        ("application/fhir+json; fhirVersion=4.0", None, "json"),
        ('application/fhir+json; fhirVersion="4.0"; charset=utf-8', None, "json"),
        ("text/html, */*;q=0.1", None, "json"),
        ("application/fhir+xml", None, "xml"),
        ("application/xml", None, "xml"),
        ("text/xml", None, "xml"),
        ("application/xml+fhir", None, "xml"),
        ("application/fhir+xml, application/fhir+json;q=0.5", None, "xml"),
        ("application/fhir+xml;q=0.4, application/fhir+json;q=0.5", None, "json"),
        ("application/fhir+xml, application/fhir+json", None, "json"),
        ("application/fhir+xml;fhirVersion=5.0, */*;q=0.1", None, "json"),
        ("application/fhir+xml", "json", "json"),
        ("application/fhir+xml", "application/fhir+json", "json"),
        ("application/fhir+json", "xml", "xml"),
        ("text/turtle", "application/fhir xml", "xml"),
        (None, "application/fhir json", "json"),
        (None, "", "json"),
        ("application/fhir+xml", "", "xml"),
        (None, "text/json", "json"),
        (None, "text/xml", "xml"),
        (None, "application/fhir+json; fhirVersion=4.0", "json"),
    ],
)
def test_the_form_of_an_answer(accept: str | None, format_: str | None, expected: str) -> None:
    assert expected == negotiation.answer_form(accept, format_)


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("text/plain", None),
        ("text/html", None),
        ("image/*", None),
        ("application/fhir+json;q=0", None),
        ("*/*;q=0.000", None),
        ("application/fhir+json; fhirVersion=5.0", None),
        (";;,,", None),
        (None, "ttl"),
        ("application/fhir+json", "html"),
    ],
)
def test_no_form_will_do(accept: str | None, format_: str | None) -> None:
    with pytest.raises(FhirError) as caught:
        negotiation.answer_form(accept, format_)

    assert Category.NOT_ACCEPTABLE == caught.value.category


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/fhir+json", "json"),
        ("application/json", "json"),
        ("application/json+fhir", "json"),
        ("application/fhir+json; charset=UTF-8", "json"),
        ('application/fhir+json;charset="utf-8";fhirVersion=4.0', "json"),
        ("application/fhir+xml; charset=utf-8", "xml"),
        ("text/xml", "xml"),
    ],
)
def test_the_form_of_a_body(content_type: str, expected: str) -> None:
    assert expected == negotiation.body_form(content_type)


def test_only_a_patch_may_be_json_patch() -> None:
    assert "json-patch" == negotiation.body_form("application/json-patch+json", is_patch=True)
    with pytest.raises(FhirError):
        negotiation.body_form("application/json-patch+json")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/fhir+json; charset=iso-8859-1",
        "application/fhir+xml; charset=utf-16",
        "application/fhir+json; fhirVersion=3.0",
    ],
)
def test_a_body_of_no_form(content_type: str | None) -> None:
    with pytest.raises(FhirError) as caught:
        negotiation.body_form(content_type)

    assert Category.UNSUPPORTED_MEDIA == caught.value.category


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*", True),
        ("*;q=0", False),
        ("br", False),
        ("identity", False),
    ],
)
def test_compression(accept_encoding: str | None, expected: bool) -> None:
    assert expected is negotiation.takes_gzip(accept_encoding)


def test_handling_is_strict_or_lenient() -> None:
    with pytest.raises(FhirError) as caught:
        negotiation.preferences("handling=foo")

    assert Category.VALUE == caught.value.category


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
