"""FHIR search interaction: a searchset Bundle spliced of stored text. https://www.hl7.org/fhir/R4/http.html#search"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlencode

from fhir_server.interactions import audit_trail
from fhir_server.interactions.subset import Subset
from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.registry.resources import RESOURCES
from fhir_server.search import windows
from fhir_server.search.model import Query
from fhir_server.storage import select
from fhir_server.storage.select import Page
from fhir_server.storage.select_follow import MAX_INCLUDED
from fhir_server.storage.select_rows import Row
from fhir_server.storage.unit_of_work import Store

_MATCH, _INCLUDE = ',"search":{"mode":"match"}}', ',"search":{"mode":"include"}}'
_CUT = f"More resources than {MAX_INCLUDED} would come along; some were left out."
_CIRCULAR = "A repeated include led back to a resource that is here already, and was not followed further."


def search(store: Store, actor: Actor, query: Query, base_url: str) -> bytes:
    """The Bundle of one page: matches, includes and links the actor may see, and an outcome entry for warnings.

    Raises FhirError for a window of slots that is none, or too wide (`search.windows`).
    """
    is_bound = actor.is_partner and not actor.is_territory
    windows.check(query, store.policy.slot_window_days if is_bound else 0)
    return search_across(store, actor, (query,), base_url)


def search_across(store: Store, actor: Actor, queries: Sequence[Query], base_url: str) -> bytes:
    """As `search`, over several types: of the whole server, or of a compartment (`search.across`)."""
    queries = [replace(query, asked_ms=store.database.clock()) for query in queries]
    query = queries[0]
    page = _page(store, actor, queries)
    # The elements asked for are those of the matches; what comes along is another thing.
    of_matches, of_includes = Subset(query.summary, query.elements), Subset(query.summary)
    entries = [_entry(base_url, row, of_matches, _MATCH) for row in page.matches]
    entries += [_entry(base_url, row, of_includes, _INCLUDE) for row in page.included]
    issues = _issues(queries, page)
    entries += [_outcome(issues)] if issues else []
    head = json.encode(_head(query, page, base_url)).decode()
    return (head if not entries else f'{head[:-1]},"entry":[{",".join(entries)}]}}').encode()


def _page(store: Store, actor: Actor, queries: Sequence[Query]) -> Page:
    """The audit trail is searched by itself: beside other types, nobody has it."""
    stored = [query for query in queries if not RESOURCES[query.type].is_ledger]
    return select.run_all(store.read(), stored, actor) if stored else audit_trail.search(store, actor, queries[0])


def _head(query: Query, page: Page, base_url: str) -> dict[str, Any]:
    members: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if page.total is not None:
        members["total"] = page.total
    address, honoured = f"{base_url}/{query.path}".rstrip("/"), list(query.honoured)
    here = [*honoured, ("_cursor", query.cursor)] if query.cursor else honoured
    members["link"] = [{"relation": "self", "url": _url(address, here)}]
    if page.next_cursor is not None:
        members["link"].append({"relation": "next", "url": _url(address, [*honoured, ("_cursor", page.next_cursor)])})
    return members


def _url(address: str, pairs: list[tuple[str, str]]) -> str:
    # Commas, colons and bars are what search values are made of, and legal in a query once bars are escaped.
    return f"{address}?{urlencode(pairs, safe=',:/', quote_via=quote)}" if pairs else address


def _entry(base_url: str, row: Row, subset: Subset, mode: str) -> str:
    return f'{{"fullUrl":"{base_url}/{row.type}/{row.id}","resource":{subset.apply(row.body)}{mode}'


def _issues(queries: Sequence[Query], page: Page) -> list[dict[str, str]]:
    warnings = list(dict.fromkeys(text for query in queries for text in query.warnings))
    warnings += [_CUT] if page.is_cut else []
    issues = [{"severity": "warning", "code": "processing", "diagnostics": text} for text in warnings]
    if page.is_circular:
        issues.append({"severity": "information", "code": "informational", "diagnostics": _CIRCULAR})
    return issues


def _outcome(issues: list[dict[str, str]]) -> str:
    outcome = {"resourceType": "OperationOutcome", "issue": issues}
    return json.encode({"resource": outcome, "search": {"mode": "outcome"}}).decode()
