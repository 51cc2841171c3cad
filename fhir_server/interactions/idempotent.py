"""One effect for one `Idempotency-Key`: who asks again, because an answer was lost, is told the same.

The key is the partner's own; what is done and the answer kept under it are one transaction, so that neither a crash nor
another worker comes between. Two requests of one key at the same time wait for each other. A refusal leaves nothing
behind, not even its key. Header: draft-ietf-httpapi-idempotency-key-header.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault
from fhir_server.storage import idempotency, resources
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

#: Longest key; leaves room for the number of a part.
_LONGEST = 250
_KEY = re.compile(rf"[\x21-\x7e]{{1,{_LONGEST}}}")


@dataclass(frozen=True, slots=True)
class Key:
    """What a partner calls one thing that it asks for."""

    text: str
    #: A digest of what it asks.
    fingerprint: str

    def part(self, number: int) -> "Key":
        """The key of one of several things that are asked together and done apart."""
        return Key(f"{self.text}#{number}", self.fingerprint)


@dataclass(frozen=True, slots=True)
class Written:
    """A version that was written, or found where it was to be."""

    stored: Stored
    is_created: bool
    #: It was written when the same was asked before.
    is_repeated: bool = False


def key_of(header: str | None, *asked: Any) -> Key | None:
    """The key that a header names, of a request for `asked`: JSON values that say all that the effect depends on.

    None without the header. Quotes about the key are left out. Raises FhirError (INVALID) for one that is empty, longer
    than 250 characters or not of visible ASCII.
    """
    if header is None:
        return None
    text = header.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _KEY.fullmatch(text):
        raise fault(Category.INVALID, f"Idempotency-Key is 1 to {_LONGEST} visible ASCII characters.")
    return Key(text, hashlib.sha256(json.canonical(asked)).hexdigest())


def once(store: Store, actor: Actor, key: Key | None, work: Callable[[UnitOfWork], Any]) -> tuple[Any, bool]:
    """Do `work` in one transaction, unless it was done under that key: then its answer is the one given then.

    `work` answers with a JSON value (status, headers and body, say), which is kept. Returns it, and whether it is a
    repetition. Without a key it is simply done. Raises FhirError: BUSINESS_RULE when the key was used for something
    else, and as `Store.transact`.
    """
    if key is None:
        return store.transact(actor, work), False
    return store.transact(actor, lambda uow: _once(uow, key, work))


def write_once(
    store: Store, actor: Actor, key: Key | None, work: Callable[[UnitOfWork], tuple[Stored, bool]]
) -> Written:
    """As `once`, for one resource that is written, or found, and whether it was created: only its version is kept."""
    if key is None:
        return Written(*store.transact(actor, work))

    def done(uow: UnitOfWork) -> Written:
        made: list[Stored] = []

        def noted(inside: UnitOfWork) -> list[Any]:
            stored, is_created = work(inside)
            made.append(stored)
            return [stored.type, stored.id, stored.version, is_created]

        told, is_repeated = _once(uow, key, noted)
        stored = made[0] if made else _version(uow, *told[:3])
        return Written(stored, bool(told[3]), is_repeated)

    return store.transact(actor, done)


def _once(uow: UnitOfWork, key: Key, work: Callable[[UnitOfWork], Any]) -> tuple[Any, bool]:
    found = idempotency.begin(uow, key.text, key.fingerprint)
    if found is None:
        answer = work(uow)
        idempotency.finish(uow, key.text, json.encode(answer).decode())
        return answer, False
    fingerprint, kept = found
    if fingerprint != key.fingerprint:
        raise fault(Category.BUSINESS_RULE, "This Idempotency-Key was used for another request.")
    return json.load(kept.encode()), True


def _version(uow: UnitOfWork, type_name: str, id_: str, version: int) -> Stored:
    """A version as it was answered."""
    row = resources.load_version(uow.connection, type_name, id_, version)
    if row is None:
        raise fault(Category.DELETED, f"{type_name}/{id_} is gone.")
    return Stored(0, type_name, id_, version, row.updated_ms, False, row.owner, row.updated_ms, row.body)
