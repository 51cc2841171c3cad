"""The opaque place in a result list that a next link carries: sort keys and row key of a page's last match.

It is bound to its query by a digest, so that it cannot be carried to another one or be changed.
"""

import base64
import binascii
import hashlib
import json

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.search.model import Position, SortKey

_MAX_LENGTH = 4096
#: Row keys are signed 64-bit integers.
_MAX_PK = 1 << 63
#: What a sort key of each kind may be; other kinds sort by text.
_KEY_TYPES: dict[str, tuple[type, ...]] = {"date": (int,), "number": (int, float), "quantity": (int, float)}


def identity(type_name: str, honoured: tuple[tuple[str, str], ...]) -> str:
    """What makes two pages parts of the same list: type and parameters, whatever the size of the page."""
    return json.dumps([type_name, [pair for pair in honoured if pair[0] not in ("_count", "_total")]])


def write(query_identity: str, position: Position) -> str:
    """The cursor after which the next page starts."""
    place = json.dumps([list(position.keys), position.pk], separators=(",", ":"))
    return base64.urlsafe_b64encode(f"{_digest(query_identity, place)}{place}".encode()).decode().rstrip("=")


def read(query_identity: str, cursor: str, sort: tuple[SortKey, ...]) -> Position:
    """The place a cursor stands for. Raises FhirError (VALUE) when it was changed or is another query's."""
    try:
        if len(cursor) > _MAX_LENGTH:
            raise ValueError
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        digest, place = text[:16], text[16:]
        keys, pk = json.loads(place)
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise _foreign() from None
    if digest != _digest(query_identity, place) or not _is_number(pk) or not _fits(keys, sort):
        raise _foreign()
    return Position(tuple(keys), pk)


def _fits(keys: list[object], sort: tuple[SortKey, ...]) -> bool:
    return len(keys) == len(sort) and all(
        key is None
        or (type(key) in _KEY_TYPES.get(asked.parameter.kind, (str,)) and (type(key) is str or _is_number(key)))
        for key, asked in zip(keys, sort, strict=True)
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -_MAX_PK < value < _MAX_PK  # type: ignore[operator]


def _digest(query_identity: str, place: str) -> str:
    return hashlib.blake2b(f"{query_identity}\n{place}".encode(), digest_size=8).hexdigest()


def _foreign() -> FhirError:
    return fault(Category.VALUE, "_cursor is not one this search gave; start again from the first page.", "_cursor")
