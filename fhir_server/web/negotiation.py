"""What a request's headers ask for: form of the answer, form of the body, preferences, versions.

https://www.hl7.org/fhir/R4/http.html#mime-type, RFC 9110 (Accept, conditional requests), RFC 7240 (Prefer).
"""

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache

from fhir_server.kernel.dates import to_milliseconds
from fhir_server.kernel.errors import Category, fault

#: Media types of JSON that clients send and ask for, the current one first.
JSON_TYPES = ("application/fhir+json", "application/json", "application/json+fhir", "text/json")
FORM_TYPE = "application/x-www-form-urlencoded"

_ACCEPTED = frozenset({*JSON_TYPES, "application/*", "text/*", "*/*"})
_FORMATS = frozenset({*JSON_TYPES, "json"})
_FHIR_VERSIONS = frozenset({"4.0", "4.0.1"})
_RETURNS = frozenset({"minimal", "representation", "OperationOutcome"})
# W/"3"
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"')
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Preferences:
    """The preferences of RFC 7240 that FHIR gives a meaning."""

    #: minimal, representation or OperationOutcome.
    returned: str = "representation"
    #: Unknown search parameters are refused rather than ignored.
    is_strict: bool = False


@lru_cache(maxsize=256)
def check_accept(accept: str | None, format_: str | None = None) -> None:
    """Raise FhirError (NOT_ACCEPTABLE) unless JSON will do; `_format`, when given, overrides the header."""
    if format_ is not None:
        # A + that was not percent-encoded arrives as a space.
        if format_.partition(";")[0].strip().replace(" ", "+") not in _FORMATS:
            raise fault(
                Category.NOT_ACCEPTABLE, "_format: this server answers in application/fhir+json only.", "_format"
            )
    elif accept and not any(_is_json(*_media_type(item)) for item in accept.split(",")):
        raise fault(Category.NOT_ACCEPTABLE, "Accept: this server answers in application/fhir+json, FHIR 4.0, only.")


@lru_cache(maxsize=256)
def check_content_type(content_type: str | None) -> None:
    """Raise FhirError (UNSUPPORTED_MEDIA) unless the body is declared as JSON in UTF-8."""
    name, parameters = _media_type(content_type or "")
    if name not in JSON_TYPES:
        raise fault(Category.UNSUPPORTED_MEDIA, "Content-Type must be application/fhir+json or application/json.")
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise fault(Category.UNSUPPORTED_MEDIA, "Content-Type: JSON is sent in UTF-8.")
    if parameters.get("fhirversion", "4.0") not in _FHIR_VERSIONS:
        raise fault(Category.UNSUPPORTED_MEDIA, "Content-Type: this server speaks FHIR 4.0.")


@lru_cache(maxsize=64)
def check_form_type(content_type: str | None) -> None:
    """Raise FhirError (UNSUPPORTED_MEDIA) unless the body is declared as a form."""
    if _media_type(content_type or "")[0] != FORM_TYPE:
        raise fault(Category.UNSUPPORTED_MEDIA, f"Content-Type of _search must be {FORM_TYPE}.")


@lru_cache(maxsize=256)
def preferences(prefer: str | None) -> Preferences:
    """What Prefer asks for; the first of a kind counts, and what is unknown to FHIR is ignored (RFC 7240)."""
    found: dict[str, str] = {}
    for item in re.split(r"[,;]", prefer or ""):
        name, _, value = item.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    returned = found.get("return", "")
    return Preferences(returned if returned in _RETURNS else "representation", found.get("handling") == "strict")


def version_of(if_match: str | None) -> int | None:
    """The version that If-Match names, None without the header. Raises FhirError (INVALID) for any other form."""
    if if_match is None:
        return None
    match = _VERSION.fullmatch(if_match.strip())
    if match is None:
        raise fault(Category.INVALID, 'If-Match must name one version, as in W/"3".')
    return int(match[1])


def is_unchanged(version: int, updated_ms: int, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Whether the client already has this version (RFC 9110 section 13.1); If-None-Match decides over a date."""
    if if_none_match is not None:
        return if_none_match.strip() == "*" or str(version) in _TAG.findall(if_none_match)
    if if_modified_since is None:
        return False
    try:
        since = parsedate_to_datetime(if_modified_since)
    except ValueError:
        # RFC 9110 section 13.1.3: a date that is none is ignored.
        return False
    return since.tzinfo is not None and updated_ms // 1000 <= to_milliseconds(since) // 1000


def _media_type(text: str) -> tuple[str, dict[str, str]]:
    name, *parameters = text.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return name.strip().lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}


def _is_json(name: str, parameters: dict[str, str]) -> bool:
    if name not in _ACCEPTED or parameters.get("fhirversion", "4.0") not in _FHIR_VERSIONS:
        return False
    return re.fullmatch(r"0(\.0{0,3})?", parameters.get("q", "1")) is None
