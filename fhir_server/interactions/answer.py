"""What an operation answers: a resource, with a status and headers where they say something of their own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir_server.interactions.outcome import outcome
from fhir_server.kernel.errors import Issue

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is not simply 200 with a resource."""

    content: Json
    status: int = 200
    #: Headers beside those that every answer has: `Expires`, `Location`.
    headers: Mapping[str, str] = field(default_factory=dict)
    #: It was given before, to the same request.
    is_repeated: bool = False


def searchset(matches: Iterable[tuple[str, Json]], total: int, issues: Iterable[Issue] = ()) -> Json:
    """The Bundle that IHE Scheduling answers with: resources by their URL, then what there is to say, if anything."""
    entries: list[Json] = [
        {"fullUrl": url, "resource": resource, "search": {"mode": "match"}} for url, resource in matches
    ]
    told = outcome(issues)
    if told["issue"]:
        entries.append({"resource": told, "search": {"mode": "outcome"}})
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": total}
    return bundle | ({"entry": entries} if entries else {})
