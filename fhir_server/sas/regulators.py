"""Accounts of regulators, told by the SAS platform (INT_R02): made, changed, never deleted.

An account is a Practitioner kept apart from the catalogue (`registry.resources`). Its identifier changes: from the
platform's own to the national one when the person first logs in with it. https://interop.esante.gouv.fr/ig/fhir/sas
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fhir_server.interactions import write
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.errors import Category, fault, raise_any
from fhir_server.registry.national import PERSONS, TYPES, prefixed
from fhir_server.registry.resources import REGULATORS
from fhir_server.sas.regulator_rules import completed, emails, identifiers, issues
from fhir_server.search.pairs import decoded
from fhir_server.storage import accounts
from fhir_server.storage.accounts import Key
from fhir_server.storage.resources import Stored
from fhir_server.storage.unit_of_work import Store, UnitOfWork

Json = dict[str, Any]


def create(store: Store, actor: Actor, content: Json) -> Stored:
    """A new account.

    Raises FhirError: REQUIRED and BUSINESS_RULE for what the profile refuses, DUPLICATE when an identifier or address
    is an account's already; those of an inactive account are free for an active one.
    """
    raise_any(issues(content))
    account = completed(content)

    def work(uow: UnitOfWork) -> Stored:
        known = _holders(uow, _keys(account))
        return _insert(uow, account, known)

    return store.transact(_keeper(actor), work)


def put(store: Store, actor: Actor, key: tuple[str, str], content: Json) -> tuple[Stored, bool]:
    """Change the account of that identifier (system, value), or make it. Says whether it was made.

    The body may carry another identifier; the same request sent again then finds the account by the new one.
    Raises FhirError as `create`.
    """
    raise_any(issues(content))
    account = completed(content)
    old = accounts.by_identifier(*key)

    def work(uow: UnitOfWork) -> tuple[Stored, bool]:
        known = _holders(uow, [old, *_keys(account)])
        before = _meant(old, account, known)
        if before is None:
            return _insert(uow, account, known), True
        _check_free(account, [one for one in known if one.id != before.id and _shares(one, account)])
        return write.replace(uow, before, account), False

    return store.transact(_keeper(actor), work)


def key_of(query_text: str) -> tuple[str, str]:
    """System and value of the one parameter that names an account: `identifier`, however it is capitalised.

    Raises FhirError (REQUIRED) without it or without its system, INVALID for any other parameter.
    """
    pairs = [(name, value) for name, value in decoded(query_text) if name not in ("_format", "_pretty")]
    if len(pairs) != 1 or pairs[0][0].lower() != "identifier":
        raise fault(Category.INVALID, "An account is named by its identifier alone.", "identifier")
    system, _, value = pairs[0][1].strip().partition("|")
    if system not in TYPES or not value:
        raise fault(Category.REQUIRED, "The identifier is system|value, of a system of regulators.", "identifier")
    return system, prefixed(value) if system == PERSONS else value


def _keeper(actor: Actor) -> Actor:
    return replace(actor, owner=REGULATORS, is_territory=False)


def _keys(account: Json) -> list[Key]:
    numbers = [accounts.by_identifier(*one) for one in identifiers(account)]
    return numbers + [accounts.by_email(one) for one in emails(account)]


def _holders(uow: UnitOfWork, keys: Sequence[Key]) -> list[Stored]:
    uow.lock(*("|".join(("regulator", *key)) for key in sorted(set(keys))))
    return accounts.holders(uow, keys)


def _insert(uow: UnitOfWork, account: Json, known: Sequence[Stored]) -> Stored:
    _check_free(account, [one for one in known if _shares(one, account)], is_new=True)
    return write.insert(uow, accounts.TYPE, account)


def _shares(stored: Stored, account: Json) -> bool:
    return not set(_keys(stored.content())).isdisjoint(_keys(account))


def _check_free(account: Json, others: Sequence[Stored], *, is_new: bool = False) -> None:
    """An active account shares its keys with no other active one; a new inactive one with none at all."""
    is_active = account["active"]
    if any(one.content()["active"] if is_active else is_new for one in others):
        raise fault(Category.DUPLICATE, "Another account has that identifier or e-mail address.", "Practitioner")


def _meant(old: Key, account: Json, known: Sequence[Stored]) -> Stored | None:
    """The account that a change is for: of those with the identifier named, the one with the same address, else the
    active one, else the latest. Without any, the one that has all the body's keys: the change was made before.
    """
    wanted = set(_keys(account))
    keys = {one.id: set(_keys(one.content())) for one in known}
    named = [one for one in known if old in keys[one.id]]
    if not named:
        return next((one for one in known if wanted <= keys[one.id]), None)
    addresses = {accounts.by_email(one) for one in emails(account)}
    return max(
        named, key=lambda one: (not addresses.isdisjoint(keys[one.id]), one.content()["active"], one.updated_ms, one.pk)
    )
