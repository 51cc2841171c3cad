"""FHIR history of a resource, a type and the whole server. https://www.hl7.org/fhir/R4/http.html#history"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from sqlalchemy import Row

from fhir_server.interactions.subset import Subset
from fhir_server.interactions.visibility import absent, is_visible
from fhir_server.kernel import dates, json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import to_instant
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.resources import RESOURCES
from fhir_server.registry.search_params import parameters
from fhir_server.search import cursor, restriction
from fhir_server.search.model import Position, SortKey
from fhir_server.search.query import check_single, parse
from fhir_server.storage import history as versions
from fhir_server.storage import resources, seals
from fhir_server.storage.history import Window
from fhir_server.storage.unit_of_work import Store

_DEFAULT_COUNT, _MAX_COUNT = 50, 1000
_STATUS = {"POST": "201 Created", "PUT": "200 OK", "DELETE": "204 No Content"}
#: Which part of each version is shown. https://www.hl7.org/fhir/R4/http.html#parameters
_PART = ("_summary", "_elements")
#: Parameters understood, in the order of the self link; others are left out of it.
_HONOURED = ("_since", "_at", "_count", *_PART)
#: Ignoring these would show other versions than those asked for.
_REFUSED = ("_list", "_type")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request for a history, understood."""

    window: Window
    count: int
    #: `<base>/Patient/1/_history`.
    address: str
    honoured: tuple[tuple[str, str], ...]
    #: The place a next link carried; empty on the first page.
    cursor: str
    part: Subset


def history(
    store: Store,
    actor: Actor,
    type_name: str | None,
    id_: str | None,
    pairs: Sequence[tuple[str, str]],
    base_url: str,
    *,
    types: Iterable[str] | None = None,
    strict: bool = False,
) -> bytes:
    """A Bundle of versions, newest first, paged by `_count` and the next link: of one resource, of a type (`id_` None),
    or of everything (both None), then of `types` alone if they are given.

    A Bundle of versions has no place for warnings: unknown parameters are left out of its self link, or, when handling
    is `strict`, refused. Raises FhirError: NOT_FOUND for a resource unknown or not the actor's to see, VALUE for a
    parameter or a cursor that cannot be read, INVALID for a parameter that is not served.
    """
    if type_name is not None and id_ is not None:
        current = resources.load(store.read(), type_name, id_)
        if current is None or not is_visible(actor, current, store.database.clock()):
            raise absent(type_name, id_)
    types = _whole(actor, type_name, id_, types)
    _check(pairs, strict)
    asked = _read(type_name, id_, dict(pairs), base_url, types)
    bound_to = f"{actor.owner}\n{cursor.identity(asked.address, asked.honoured)}"
    after = _place(store, asked, bound_to)
    window = replace(asked.window, asked_ms=store.database.clock())
    rows = versions.page(store.read(), window, actor, after, asked.count + 1) if asked.count else []
    total = versions.total(store.read(), window, actor)
    following = _following(store, asked, bound_to, rows)
    return _bundle(base_url, rows[: asked.count], total, _links(asked, following), asked.part)


def _whole(actor: Actor, type_name: str | None, id_: str | None, types: Iterable[str] | None) -> Iterable[str] | None:
    """Those of `types` of which the actor may know everything: old versions are not held against restricted scopes.

    Raises FhirError (FORBIDDEN) when it is the one type asked for that it may know in part.
    """
    letter = "s" if id_ is None else "r"
    if type_name is not None:
        restriction.require_whole(actor, type_name, letter)
        return types
    asked = list(types or RESOURCES)
    whole = [name for name in asked if restriction.is_whole(actor, name, letter)]
    if not whole:
        restriction.require_whole(actor, asked[0], letter)
    return whole


def _check(pairs: Sequence[tuple[str, str]], strict: bool) -> None:
    """Raise FhirError (INVALID) for what is not served, unknown where that is refused, or contradictory."""
    for name, text in pairs:
        is_unknown = strict and name not in (*_HONOURED, "_cursor")
        if text and (name in _REFUSED or is_unknown):
            raise fault(Category.INVALID, f"A history is not asked for by {name[:100]} here.", name[:100])
    check_single(pairs, (*_HONOURED, "_cursor"))


def _read(
    type_name: str | None, id_: str | None, given: dict[str, str], base_url: str, types: Iterable[str] | None
) -> _Asked:
    shown = tuple(name for name, row in RESOURCES.items() if "history-type" in row.interactions)
    if types is not None:
        allowed = set(types)
        shown = tuple(name for name in shown if name in allowed)
    since, at = (_interval(given, name) for name in ("_since", "_at"))
    window = Window(type_name, id_, shown, None if since is None else since.low, at)
    place = "/".join(part for part in (base_url, type_name, id_, "_history") if part)
    honoured = tuple((name, given[name]) for name in _HONOURED if given.get(name))
    view = parse(type_name or shown[0], [(name, given[name]) for name in _PART if given.get(name)])
    count = 0 if given.get("_summary") == "count" else min(_count(given), _MAX_COUNT)
    return _Asked(window, count, place, honoured, given.get("_cursor", ""), Subset(view.summary, view.elements))


def _interval(given: dict[str, str], name: str) -> dates.Interval | None:
    if not given.get(name):
        return None
    try:
        return dates.interval(given[name])
    except ValueError:
        raise fault(Category.VALUE, f"{name} must be a date or an instant.", name) from None


def _count(given: dict[str, str]) -> int:
    text = given.get("_count") or str(_DEFAULT_COUNT)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise fault(Category.VALUE, "_count must be a whole number from 0 to 999999999.", "_count")
    return int(text)


def _place(store: Store, asked: _Asked, bound_to: str) -> Position | None:
    if not asked.cursor:
        return None
    # Numbers of versions and times are whole numbers, as the keys of a date are.
    order = SortKey(parameters("Patient")["_lastUpdated"], True)
    return cursor.read(seals.every(store.read()), bound_to, asked.cursor, (order,))


def _following(store: Store, asked: _Asked, bound_to: str, rows: Sequence[Row[Any]]) -> str | None:
    """The cursor of the next page, if there is one."""
    if not asked.count or len(rows) <= asked.count:
        return None
    last = rows[asked.count - 1]
    key = last.updated_ms if asked.window.id is None else last.version
    return cursor.write(seals.newest(store.read()), bound_to, Position((key,), last.pk))


def _links(asked: _Asked, following: str | None) -> list[dict[str, str]]:
    here = (*asked.honoured, ("_cursor", asked.cursor)) if asked.cursor else asked.honoured
    links = [{"relation": "self", "url": _url(asked.address, here)}]
    if following is not None:
        links.append({"relation": "next", "url": _url(asked.address, (*asked.honoured, ("_cursor", following)))})
    return links


def _url(address: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{address}?{urlencode(pairs, safe=':', quote_via=quote)}" if pairs else address


def _bundle(
    base_url: str, rows: Sequence[Row[Any]], total: int | None, links: list[dict[str, str]], part: Subset
) -> bytes:
    counted = {} if total is None else {"total": total}
    head = json.encode({"resourceType": "Bundle", "type": "history", **counted, "link": links})
    if not rows:
        return head
    return head[:-1] + b',"entry":[' + b",".join(_entry(base_url, row, part) for row in rows) + b"]}"


def _entry(base_url: str, row: Row[Any], part: Subset) -> bytes:
    about: dict[str, Any] = {
        "fullUrl": f"{base_url}/{row.type}/{row.id}",
        "request": {"method": row.method, "url": row.type if row.method == "POST" else f"{row.type}/{row.id}"},
        "response": {
            "status": _STATUS[row.method] if row.version > 1 or row.method != "PUT" else "201 Created",
            "etag": f'W/"{row.version}"',
            "lastModified": to_instant(row.updated_ms),
        },
    }
    text = json.encode(about)
    return text if row.method == "DELETE" else text[:-1] + b',"resource":' + part.apply(row.body).encode() + b"}"
