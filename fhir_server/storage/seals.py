"""What search cursors are sealed with: secrets derived from the token signing keys, which every process shares.

A search takes a token, so a key is there before the first cursor. docs/decisions/0009-cursors.md
"""

import secrets
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import Connection, Engine, select

from fhir_server.search.cursor import seal_of
from fhir_server.storage.ledgers import signing_key

_keys = select(signing_key.c.body).order_by(signing_key.c.created_ms.desc(), signing_key.c.kid)
#: For a store without signing keys, which no partner can have searched: this process alone opens its cursors.
_lonely = seal_of(secrets.token_bytes(32))
_by_engine: WeakKeyDictionary[Engine, tuple[AESSIV, ...]] = WeakKeyDictionary()


def newest(connection: Connection) -> AESSIV:
    """The seal of new cursors."""
    known = _by_engine.get(connection.engine) or _load(connection)
    return known[0] if known else _lonely


def every(connection: Connection) -> Iterator[AESSIV]:
    """Each seal that a cursor may have been given: those known first, then those made since by other processes."""
    known = _by_engine.get(connection.engine, ())
    yield from known
    yield from (seal for seal in _load(connection) if seal not in known)
    yield _lonely


def _load(connection: Connection) -> tuple[AESSIV, ...]:
    found = tuple(seal_of(body.encode()) for body in connection.execute(_keys).scalars())
    if found:
        _by_engine[connection.engine] = found
    return found
