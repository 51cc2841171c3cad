"""The opaque place in a result list that a next link carries: sort keys and row key of a page's last match.

It is sealed with AES-SIV (RFC 5297), for a sort key may be a patient's name and links end up in logs. What it is sealed
with binds it to its query and to who asked: a place in another list, or another partner's, does not open.
"""

import base64
import binascii
import json
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.search.model import Position, SortKey

_MAX_LENGTH = 4096
#: Row keys are signed 64-bit integers.
_MAX_PK = 1 << 63
#: AES-SIV with two keys of 256 bits.
_KEY_BYTES = 64
#: What a sort key of each kind may be; other kinds sort by text.
_KEY_TYPES: dict[str, tuple[type, ...]] = {"date": (int,), "number": (int, float), "quantity": (int, float)}


def seal_of(secret: bytes) -> AESSIV:
    """The seal that a secret of the server makes, used for cursors and for the ids of what `$find` proposes."""
    return AESSIV(HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"creneau search cursor 1").derive(secret))


def identity(path: str, honoured: tuple[tuple[str, str], ...]) -> str:
    """What makes two pages parts of the same list: address and parameters, whatever the size of the page."""
    return json.dumps([path, [pair for pair in honoured if pair[0] not in ("_count", "_total")]])


def write(seal: AESSIV, bound_to: str, position: Position) -> str:
    """The cursor after which the next page starts."""
    place = json.dumps([list(position.keys), position.pk], separators=(",", ":"))
    return base64.urlsafe_b64encode(seal.encrypt(place.encode(), [bound_to.encode()])).decode().rstrip("=")


def read(seals: Iterable[AESSIV], bound_to: str, cursor: str, sort: tuple[SortKey, ...]) -> Position:
    """The place a cursor stands for. Raises FhirError (VALUE) when it was changed, or is another query's."""
    try:
        if len(cursor) > _MAX_LENGTH:
            raise ValueError
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        keys, pk = json.loads(_opened(seals, bound_to, sealed))
    except (ValueError, TypeError, binascii.Error):
        raise foreign() from None
    # The registry may have changed since: a key of another kind would fail in the database.
    if not _is_number(pk) or not _fits(keys, sort):
        raise foreign()
    return Position(tuple(keys), pk)


def foreign() -> FhirError:
    """What a cursor is told that does not open."""
    return fault(Category.VALUE, "_cursor is not one this search gave; start again from the first page.", "_cursor")


def _opened(seals: Iterable[AESSIV], bound_to: str, sealed: bytes) -> bytes:
    for seal in seals:
        try:
            return seal.decrypt(sealed, [bound_to.encode()])
        except InvalidTag:
            continue
    raise ValueError


def _fits(keys: list[object], sort: tuple[SortKey, ...]) -> bool:
    return len(keys) == len(sort) and all(
        key is None
        or (type(key) in _KEY_TYPES.get(asked.parameter.kind, (str,)) and (type(key) is str or _is_number(key)))
        for key, asked in zip(keys, sort, strict=True)
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -_MAX_PK < value < _MAX_PK  # type: ignore[operator]
