"""FHIR instance history. https://www.hl7.org/fhir/R4/http.html#history"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from fhir_server.interactions.visibility import absent, is_visible
from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.dates import to_instant
from fhir_server.kernel.errors import Category, fault
from fhir_server.storage import resources
from fhir_server.storage.unit_of_work import Store

_DEFAULT_COUNT, _MAX_COUNT = 50, 1000
_NO_BOUND = 999_999_999
_STATUS = {"POST": "201 Created", "PUT": "200 OK", "DELETE": "204 No Content"}


def history(
    store: Store, actor: Actor, type_name: str, id_: str, pairs: Sequence[tuple[str, str]], base_url: str
) -> bytes:
    """A Bundle of the resource's versions, newest first, paged by `_count` and the next link.

    Raises FhirError: NOT_FOUND for a resource unknown or not the actor's to see, VALUE for a `_count` that is no
    number.
    """
    current = resources.load(store.read(), type_name, id_)
    if current is None or not is_visible(actor, current):
        raise absent(type_name, id_)
    asked = dict(pairs)
    count = min(_number(asked, "_count", _DEFAULT_COUNT), _MAX_COUNT)
    before = _number(asked, "_before", _NO_BOUND)
    rows = resources.history(store.read(), type_name, id_, before=before, count=count + 1)
    address = f"{base_url}/{type_name}/{id_}"
    total = resources.count_versions(store.read(), type_name, id_)
    return _bundle(address, rows[:count], total, _links(address, asked, rows, count))


def _bundle(address: str, rows: Sequence[Row[Any]], total: int, links: list[dict[str, str]]) -> bytes:
    head = json.encode({"resourceType": "Bundle", "type": "history", "total": total, "link": links})
    if not rows:
        return head
    return head[:-1] + b',"entry":[' + b",".join(_entry(address, row) for row in rows) + b"]}"


def _entry(address: str, row: Row[Any]) -> bytes:
    about: dict[str, Any] = {
        "fullUrl": address,
        "request": {"method": row.method, "url": row.type if row.method == "POST" else f"{row.type}/{row.id}"},
        "response": {
            "status": _STATUS[row.method] if row.version > 1 or row.method != "PUT" else "201 Created",
            "etag": f'W/"{row.version}"',
            "lastModified": to_instant(row.updated_ms),
        },
    }
    text = json.encode(about)
    return text if row.method == "DELETE" else text[:-1] + b',"resource":' + row.body.encode() + b"}"


def _links(address: str, asked: dict[str, str], rows: Sequence[Row[Any]], count: int) -> list[dict[str, str]]:
    shown = "&".join(f"{name}={asked[name]}" for name in ("_count", "_before") if name in asked)
    links = [{"relation": "self", "url": f"{address}/_history" + (f"?{shown}" if shown else "")}]
    if count and len(rows) > count:
        links.append(
            {"relation": "next", "url": f"{address}/_history?_count={count}&_before={rows[count - 1].version}"}
        )
    return links


def _number(asked: dict[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise fault(Category.VALUE, f"{name} must be a whole number from 0 to 999999999.", name)
    return int(text)
