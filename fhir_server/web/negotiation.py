"""What a request's headers ask for: form of the answer, form of the body, preferences, versions.

https://www.hl7.org/fhir/R4/http.html#mime-type, RFC 9110 (Accept, conditional requests), RFC 7240 (Prefer).
"""

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache

from fhir_server.kernel.dates import to_milliseconds
from fhir_server.kernel.errors import Category, fault

#: Media types of JSON and XML that clients send and ask for, the current one first.
JSON_TYPES = ("application/fhir+json", "application/json", "application/json+fhir", "text/json")
XML_TYPES = ("application/fhir+xml", "application/xml", "application/xml+fhir", "text/xml")
FORM_TYPE = "application/x-www-form-urlencoded"
JSON_PATCH_TYPE = "application/json-patch+json"

#: The two forms of an answer, and of a body; a body may also be a JSON Patch.
JSON, XML, JSON_PATCH = "json", "xml", "json-patch"

_FORMS = dict.fromkeys(JSON_TYPES, JSON) | dict.fromkeys(XML_TYPES, XML)
#: What Accept may name; a wildcard is content with JSON.
_ACCEPTED = _FORMS | dict.fromkeys(("application/*", "text/*", "*/*"), JSON)
#: What `_format` may name.
_FORMATS = _FORMS | {"json": JSON, "xml": XML}
_BODIES = _FORMS | {JSON_PATCH_TYPE: JSON_PATCH}
_FHIR_VERSIONS = frozenset({"4.0", "4.0.1"})
_SERVED = "application/fhir+json and application/fhir+xml, FHIR 4.0"
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
def answer_form(accept: str | None, format_: str | None = None) -> str:
    """JSON or XML, as the client likes best; `_format`, unless empty, overrides the header; JSON breaks a tie.

    Raises FhirError (NOT_ACCEPTABLE) when neither will do.
    """
    if format_:
        # A + that was not percent-encoded arrives as a space.
        form = _FORMATS.get(format_.partition(";")[0].strip().lower().replace(" ", "+"))
        if form is None:
            raise fault(Category.NOT_ACCEPTABLE, f"_format: this server answers in {_SERVED}.", "_format")
        return form
    if not accept:
        return JSON
    liked: dict[str, float] = {}
    for name, parameters in map(_media_type, accept.split(",")):
        if name in _ACCEPTED and parameters.get("fhirversion", "4.0") in _FHIR_VERSIONS:
            form = _ACCEPTED[name]
            liked[form] = max(liked.get(form, 0), _quality(parameters.get("q", "1")))
    if not any(liked.values()):
        raise fault(Category.NOT_ACCEPTABLE, f"Accept: this server answers in {_SERVED}.")
    return XML if liked.get(XML, 0) > liked.get(JSON, 0) else JSON


@lru_cache(maxsize=256)
def profiles(accept: str | None) -> tuple[str, ...]:
    """The canonicals that the `profile` of Accept's media types names (RFC 6906), in their order."""
    found = (_media_type(text)[1].get("profile", "") for text in (accept or "").split(","))
    return tuple(url for text in found for url in text.split())


@lru_cache(maxsize=256)
def body_form(content_type: str | None, *, is_patch: bool = False) -> str:
    """JSON, XML or, where `is_patch`, JSON_PATCH, as the body is declared.

    Raises FhirError (UNSUPPORTED_MEDIA) for any other declaration, or another encoding than UTF-8.
    """
    name, parameters = _media_type(content_type or "")
    form = _BODIES.get(name)
    if form is None or (form == JSON_PATCH and not is_patch):
        expected = f"{JSON_PATCH_TYPE}, or FHIRPath Patch in " if is_patch else ""
        reason = f"Content-Type must be {expected}application/fhir+json or application/fhir+xml."
        raise fault(Category.UNSUPPORTED_MEDIA, reason)
    if parameters.get("charset", "utf-8").lower() not in ("utf-8", "utf8", "us-ascii"):
        raise fault(Category.UNSUPPORTED_MEDIA, "Content-Type: bodies are sent in UTF-8.")
    if parameters.get("fhirversion", "4.0") not in _FHIR_VERSIONS:
        raise fault(Category.UNSUPPORTED_MEDIA, "Content-Type: this server speaks FHIR 4.0.")
    return form


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str | None) -> bool:
    """Whether an answer may be compressed (RFC 9110 section 12.5.3)."""
    items = dict(map(_media_type, (accept_encoding or "").split(",")))
    found = items.get("gzip", items.get("*"))
    return found is not None and _quality(found.get("q", "1")) > 0


@lru_cache(maxsize=64)
def check_form_type(content_type: str | None) -> None:
    """Raise FhirError (UNSUPPORTED_MEDIA) unless the body is declared as a form."""
    if _media_type(content_type or "")[0] != FORM_TYPE:
        raise fault(Category.UNSUPPORTED_MEDIA, f"Content-Type of _search must be {FORM_TYPE}.")


@lru_cache(maxsize=256)
def preferences(prefer: str | None) -> Preferences:
    """What Prefer asks for; the first of a kind counts, and what is unknown to FHIR is ignored (RFC 7240).

    Raises FhirError (VALUE) for a handling that is neither strict nor lenient: either guess could be the wrong one.
    """
    found: dict[str, str] = {}
    for item in re.split(r"[,;]", prefer or ""):
        name, _, value = item.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    returned = found.get("return", "")
    if found.get("handling", "lenient") not in ("strict", "lenient"):
        raise fault(Category.VALUE, "Prefer: handling is strict or lenient.")
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


def _quality(text: str) -> float:
    """A weight of RFC 9110 section 12.4.2; what is none counts as 1."""
    return float(text) if re.fullmatch(r"[01](\.[0-9]{0,3})?", text) else 1.0
