"""Answers: bodies as they were stored, headers built by hand, because every read passes here."""

from collections.abc import Iterable, Mapping, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from flask import Response

from fhir_server.interactions.answer import Answer
from fhir_server.kernel import json
from fhir_server.kernel.errors import FhirError, Issue
from fhir_server.storage.resources import Stored
from fhir_server.web.negotiation import Preferences

FHIR_JSON = "application/fhir+json; charset=utf-8"

#: What an answer depends on beside its address.
VARY = "Accept, Accept-Encoding, Authorization, Prefer"

#: How many resources the header `Conflicts` names.
_NAMED = 20
#: Answers hold persons' data: nobody on the way may keep them.
_PRIVATE = (("Content-Type", FHIR_JSON), ("Cache-Control", "no-store"), ("Vary", VARY))
#: What the server says of itself: the same for everyone.
_PUBLIC = (
    ("Cache-Control", "public, max-age=300"),
    ("Access-Control-Allow-Origin", "*"),
    ("Vary", "Accept, Accept-Encoding"),
)


def resource(stored: Stored) -> Response:
    """200 with a resource."""
    return Response(stored.body, 200, _versioned(stored))


def not_modified(stored: Stored) -> Response:
    """304: the client has this version."""
    return Response(None, 304, [pair for pair in _versioned(stored) if pair[0] != "Content-Type"])


def written(
    stored: Stored, *, is_created: bool, wanted: Preferences, base_url: str, remarks: Sequence[Issue] = ()
) -> Response:
    """201 with Location or 200, with the body that Prefer asked for. https://www.hl7.org/fhir/R4/http.html#ops

    What `remarks` are about is named in a header, and told in an OperationOutcome.
    """
    headers = _versioned(stored)
    if remarks:
        headers.append(("Conflicts", _named(remarks)))
    if is_created:
        headers.append(("Location", f"{base_url}/{stored.reference}/_history/{stored.version}"))
    return Response(_body(stored, is_created, wanted, remarks), 201 if is_created else 200, headers)


def repeated(response: Response, is_repeated: bool) -> Response:
    """The answer, with a word that it was given before when it was: `Idempotent-Replayed`."""
    if is_repeated:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def deleted(wanted: Preferences) -> Response:
    """204, or 200 with an OperationOutcome when Prefer asked for one."""
    if wanted.returned == "OperationOutcome":
        return Response(_note("Deleted."), 200, [*_PRIVATE])
    return Response(None, 204, [pair for pair in _PRIVATE if pair[0] != "Content-Type"])


def bundle(body: bytes) -> Response:
    """200 with a Bundle built elsewhere."""
    return Response(body, 200, [*_PRIVATE])


def answered(answer: Answer) -> Response:
    """What an operation answers, with a status and headers of its own."""
    response = Response(json.encode(answer.content), answer.status, [*_PRIVATE, *answer.headers.items()])
    return repeated(response, answer.is_repeated)


def public(body: bytes, content_type: str, etag: str | None = None, *, known: str | None = None) -> Response:
    """200 with something the server says of itself to everyone, that may be kept for five minutes.

    304 when `known`, the client's If-None-Match, names `etag`.
    """
    headers = [*_PUBLIC, *([("ETag", etag)] if etag else [])]
    if etag and known and (etag in known or known.strip() == "*"):
        return Response(None, 304, headers)
    return Response(body, 200, [("Content-Type", content_type), *headers])


def live(body: bytes) -> Response:
    """200 with something true at this moment only."""
    return Response(body, 200, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])


def refusal(error: FhirError) -> Response:
    """The answer to a FhirError: its status, its headers, every issue."""
    return outcome(error.issues, error.category.http_status, error.headers)


def outcome(issues: Sequence[Issue], status: int, headers: Mapping[str, str]) -> Response:
    """An OperationOutcome with one entry for each issue."""
    return Response(json.encode(outcome_of(issues)), status, [*_PRIVATE, *headers.items()])


def outcome_of(issues: Sequence[Issue]) -> dict[str, Any]:
    """The OperationOutcome that tells these issues."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def _versioned(stored: Stored) -> list[tuple[str, str]]:
    return [
        *_PRIVATE,
        ("ETag", f'W/"{stored.version}"'),
        ("Last-Modified", _http_date(stored.updated_ms // 1000)),
    ]


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def _named(remarks: Sequence[Issue]) -> str:
    """`Slot/1, Slot/2`: what remarks are about; how many, when they are too many for a header."""
    names = [issue.expression for issue in remarks if issue.expression]
    return ", ".join(names) if len(names) <= _NAMED else f"{', '.join(names[:_NAMED])}, and {len(names) - _NAMED} more"


def _body(stored: Stored, is_created: bool, wanted: Preferences, remarks: Sequence[Issue] = ()) -> str | bytes | None:
    if wanted.returned == "minimal":
        return None
    if wanted.returned == "OperationOutcome":
        return _note("Created." if is_created else "Updated.", remarks)
    return stored.body


def _note(text: str, remarks: Sequence[Issue] = ()) -> bytes:
    issue = {"severity": "information", "code": "informational", "diagnostics": text}
    issues = [issue, *(_issue(remark) for remark in remarks)]
    return json.encode({"resourceType": "OperationOutcome", "issue": issues})


def _issue(issue: Issue) -> dict[str, Any]:
    members: dict[str, Any] = {
        "severity": issue.severity,
        "code": issue.category.issue_code,
        "diagnostics": issue.diagnostics,
    }
    return members | {"expression": [issue.expression]} if issue.expression else members


def allow(methods: Iterable[str]) -> dict[str, str]:
    """The Allow header of a 405."""
    return {"Allow": ", ".join(sorted(methods))}
