"""The reads of a batch or transaction: read, version read, search and history. https://www.hl7.org/fhir/R4/http.html"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from fhir_server.interactions import reach, spread
from fhir_server.interactions.bundle_answer import Answer, Context, status, versioned
from fhir_server.interactions.bundle_entry import Entry
from fhir_server.interactions.history import history
from fhir_server.interactions.read import read, vread
from fhir_server.interactions.search import search, search_across
from fhir_server.kernel import json
from fhir_server.kernel.dates import interval
from fhir_server.registry.resources import RESOURCES
from fhir_server.search.model import Query
from fhir_server.search.pairs import decoded
from fhir_server.search.query import ELSEWHERE, parse
from fhir_server.storage.resources import Stored


def look(context: Context, entry: Entry) -> Answer:
    """Answer one read; to HEAD without the resource."""
    answer = _LOOKS[entry.interaction](context, entry)
    if entry.method == "HEAD":
        answer.pop("resource", None)
    return answer


def _read(context: Context, entry: Entry) -> Answer:
    return _resource(context, entry, read(context.store, context.actor, entry.type, entry.id))


def _vread(context: Context, entry: Entry) -> Answer:
    version = entry.version or 0
    return _resource(context, entry, vread(context.store, context.actor, entry.type, entry.id, version))


def _search(context: Context, entry: Entry) -> Answer:
    query = reach.within(parse(entry.type, _pairs(entry), **_frame(context)), context.access_check)
    return _bundle(search(context.store, context.actor, query, context.base_url))


def _search_everything(context: Context, entry: Entry) -> Answer:
    return _spread(context, spread.across(context.access_check, _pairs(entry), **_frame(context)))


def _search_compartment(context: Context, entry: Entry) -> Answer:
    place = (entry.type, entry.id)
    return _spread(context, spread.inside(context.access_check, place, entry.member, _pairs(entry), **_frame(context)))


def _spread(context: Context, queries: tuple[Query, ...]) -> Answer:
    return _bundle(search_across(context.store, context.actor, queries, context.base_url))


def _frame(context: Context) -> dict[str, Any]:
    """What decides how parameters are read, beside themselves."""
    return {"strict": context.is_strict, "base_url": context.base_url, "now_ms": context.store.database.clock()}


def _history(context: Context, entry: Entry) -> Answer:
    types = None if entry.type else [name for name in RESOURCES if reach.allows(context.access_check, name, "s")]
    return _bundle(
        history(
            context.store,
            context.actor,
            entry.type or None,
            entry.id or None,
            _pairs(entry),
            context.base_url,
            types=types,
            strict=context.is_strict,
        )
    )


_LOOKS: Mapping[str, Callable[[Context, Entry], Answer]] = {
    "read": _read,
    "vread": _vread,
    "search-type": _search,
    "search-system": _search_everything,
    "search-compartment": _search_compartment,
    "history-instance": _history,
    "history-type": _history,
    "history-system": _history,
}


def _pairs(entry: Entry) -> list[tuple[str, str]]:
    """What a search or history is asked by; the form of the answer is that of the whole Bundle."""
    return [(name, text) for name, text in decoded(entry.query) if name not in ELSEWHERE]


def _resource(context: Context, entry: Entry, stored: Stored) -> Answer:
    response: dict[str, Any] = versioned(stored)
    if _is_known(entry, stored):
        return {"response": {"status": status(HTTPStatus.NOT_MODIFIED), **response}}
    return {
        "fullUrl": f"{context.base_url}/{stored.reference}",
        "resource": stored.content(),
        "response": {"status": status(HTTPStatus.OK), **response},
    }


def _is_known(entry: Entry, stored: Stored) -> bool:
    """Whether the client has this version already; ifNoneMatch decides over ifModifiedSince."""
    if entry.if_none_match is not None:
        return entry.if_none_match.strip() == "*" or f'"{stored.version}"' in entry.if_none_match
    return entry.if_modified_since is not None and stored.updated_ms < interval(entry.if_modified_since).high


def _bundle(body: bytes) -> Answer:
    return {"resource": json.load(body), "response": {"status": status(HTTPStatus.OK)}}
