"""FHIR search interaction: a searchset Bundle spliced of stored text. https://www.hl7.org/fhir/R4/http.html#search"""

from typing import Any
from urllib.parse import quote, urlencode

from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.search.model import Query
from fhir_server.storage import select
from fhir_server.storage.select import Page, Row
from fhir_server.storage.unit_of_work import Store

_MATCH, _INCLUDE = ',"search":{"mode":"match"}}', ',"search":{"mode":"include"}}'
_CUT = f"More resources than {select.MAX_INCLUDED} would come along; some were left out."


def search(store: Store, actor: Actor, query: Query, base_url: str) -> bytes:
    """The Bundle of one page: matches, includes and links the actor may see, and an outcome entry for warnings."""
    page = select.run(store.read(), query, actor)
    warnings = (*query.warnings, _CUT) if page.is_cut else query.warnings
    entries = [_entry(base_url, row, _MATCH) for row in page.matches]
    entries += [_entry(base_url, row, _INCLUDE) for row in page.included]
    entries += [_outcome(warnings)] if warnings else []
    head = json.encode(_head(query, page, base_url)).decode()
    return (head if not entries else f'{head[:-1]},"entry":[{",".join(entries)}]}}').encode()


def _head(query: Query, page: Page, base_url: str) -> dict[str, Any]:
    members: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if page.total is not None:
        members["total"] = page.total
    address, honoured = f"{base_url}/{query.type}", list(query.honoured)
    here = [*honoured, ("_cursor", query.cursor)] if query.cursor else honoured
    members["link"] = [{"relation": "self", "url": _url(address, here)}]
    if page.next_cursor is not None:
        members["link"].append({"relation": "next", "url": _url(address, [*honoured, ("_cursor", page.next_cursor)])})
    return members


def _url(address: str, pairs: list[tuple[str, str]]) -> str:
    # Commas, colons and bars are what search values are made of, and legal in a query once bars are escaped.
    return f"{address}?{urlencode(pairs, safe=',:/', quote_via=quote)}" if pairs else address


def _entry(base_url: str, row: Row, mode: str) -> str:
    return f'{{"fullUrl":"{base_url}/{row.type}/{row.id}","resource":{row.body}{mode}'


def _outcome(warnings: tuple[str, ...]) -> str:
    issues = [{"severity": "warning", "code": "processing", "diagnostics": text} for text in warnings]
    outcome = {"resourceType": "OperationOutcome", "issue": issues}
    return json.encode({"resource": outcome, "search": {"mode": "outcome"}}).decode()
