"""What commands do with partners and signing keys. Each change is known to every process when its function returns."""

import base64
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fhir_server.auth.keys import new_key
from fhir_server.auth.partner import CLIENT_ID, Partner, PartnerError, parse
from fhir_server.auth.secrets import hash_secret
from fhir_server.bootstrap import Services, build
from fhir_server.kernel import json
from fhir_server.kernel.dates import to_instant
from fhir_server.kernel.errors import FhirError
from fhir_server.search import restriction
from fhir_server.settings import Settings, SettingsError
from fhir_server.storage.partners import KeyTable, PartnerTable

#: How long other servers may keep our public keys: as long a replaced key still verifies at the least.
_PUBLISHED_MS = 300_000


@dataclass(frozen=True, slots=True)
class Registry:
    """The partners of a server, for whoever runs it."""

    services: Services

    @classmethod
    def opened(cls, settings: Settings) -> "closing[Self]":
        """The registry of the server of these settings, closed at the end of the block."""
        return closing(cls(build(settings)))

    def close(self) -> None:
        """Give back what was opened."""
        self.services.close()

    @property
    def _rows(self) -> PartnerTable:
        return PartnerTable(self.services.store)

    def add(self, members: Mapping[str, Any], *, has_secret: bool) -> str:
        """Register a partner; the text tells its secret, if it is to have one. Raises SettingsError."""
        secret = _new_secret() if has_secret else ""
        row = dict(members) | ({"secret_hash": hash_secret(secret)} if secret else {})
        partner = self._checked(row)
        if self.services.partners.is_of_file(partner.client_id):
            raise SettingsError(f"{partner.client_id} has a file in partners/, which goes before what a command adds")
        if self._rows.find(partner.client_id) is not None:
            raise SettingsError(f"{partner.client_id} is registered already: change, rotate, suspend or remove it")
        self._save(row)
        return _told(partner.client_id, secret)

    def change(self, client_id: str, members: Mapping[str, Any]) -> str:
        """Let other members count for a partner; tokens given before say what they said. Raises SettingsError."""
        row = self._row(client_id) | dict(members)
        self._checked(row)
        self._save(row)
        return self.show(client_id)

    def rotate(self, client_id: str, keep_hours: int) -> str:
        """Give a partner a new secret, and let the one before be good for some hours more. Raises SettingsError."""
        row = self._aged(self._row(client_id), keep_hours)
        secret = _new_secret()
        self._save(row | {"secret_hash": hash_secret(secret)})
        return _told(client_id, secret)

    def exchange_keys(self, client_id: str, proof: Mapping[str, Any], keep_hours: int) -> str:
        """Know a partner by other public keys from now on; a secret it had is good for some hours more.

        Raises SettingsError.
        """
        row = self._aged(self._row(client_id), keep_hours)
        row = {name: value for name, value in row.items() if name not in ("jwks", "jwks_uri")} | dict(proof)
        self._checked(row)
        self._save(row)
        return f"{client_id} proves who it is by its new keys."

    def suspend(self, client_id: str, *, is_suspended: bool) -> str:
        """Let a partner in no more, or again; its tokens go with it. Raises SettingsError for one unknown."""
        if not self.services.partners.is_of_file(client_id):
            self._row(client_id)
        self._rows.suspend(client_id, is_suspended=is_suspended)
        self.services.changes.settle()
        return f"{client_id} is {'suspended: no token of its is good any more' if is_suspended else 'let in again'}."

    def remove(self, client_id: str) -> str:
        """Forget a partner that a command added. Raises SettingsError."""
        self._row(client_id)
        self._rows.remove(client_id)
        self.services.changes.settle()
        return f"{client_id} is removed; what it wrote stays."

    def lines(self) -> Iterator[str]:
        """Every partner, one a line."""
        suspended = self._rows.suspended()
        for partner in self._all():
            reads = "territory" if partner.is_territory else "audit" if partner.is_auditor else "own"
            is_out = partner.is_suspended or partner.client_id in suspended
            state = " suspended" if is_out else ""
            yield f"{partner.client_id:<24} {reads:<9} {partner.name}{state}: {_scopes(partner)}"

    def show(self, client_id: str) -> str:
        """All that is registered of a partner, secrets apart. Raises SettingsError for one unknown."""
        partner = next((one for one in self._all() if one.client_id == client_id), None)
        if partner is None:
            raise SettingsError(f"there is no partner {client_id}")
        is_out = partner.is_suspended or client_id in self._rows.suspended()
        facts = {
            "client_id": client_id,
            "name": partner.name,
            "acts for": partner.acts_for,
            "state": "suspended" if is_out else "active",
            "kept in": "a file" if self.services.partners.is_of_file(client_id) else "the database",
            "proves itself by": ", ".join(_proofs(partner)),
            "tokens bound": "to its certificate" if partner.is_bound else "to nothing",
            "reads": "territory" if partner.is_territory else "audit" if partner.is_auditor else "own",
            "scopes": _scopes(partner),
            "audiences": ", ".join(sorted(partner.audiences)),
            "direct access": ", ".join(sorted(partner.direct_access)) or "none",
        }
        return "\n".join(f"{name:<17} {value}" for name, value in facts.items())

    def rotate_keys(self, *, at_once: bool) -> str:
        """Sign with a new key from now on. The one before still verifies as long as its tokens and its copies last;
        `at_once`, it verifies nothing any more, and every token given so far is worthless.
        """
        kid, body = new_key()
        last_ms = self.services.settings.token_seconds * 1000 + _PUBLISHED_MS
        dropped = KeyTable(self.services.store).rotate(kid, body, 0 if at_once else last_ms)
        self.services.changes.settle()
        return "\n".join([f"{kid} signs from now on.", *(f"{one} is dropped." for one in dropped)])

    def key_lines(self) -> Iterator[str]:
        """Every signing key, one a line, newest first."""
        for number, (kid, created_ms) in enumerate(KeyTable(self.services.store).ages()):
            yield f"{kid} {to_instant(created_ms)} {'verifies' if number else 'signs'}"

    def _all(self) -> Iterator[Partner]:
        try:
            rows = [parse(json.load(body.encode()), "partner") for body in self._rows.load()]
            yield from (*self.services.partners.registered(), *rows)
        except PartnerError as error:
            raise SettingsError(str(error)) from None

    def _row(self, client_id: str) -> dict[str, Any]:
        body = self._rows.find(client_id) if CLIENT_ID.fullmatch(client_id) else None
        if body is None and self.services.partners.is_of_file(client_id):
            raise SettingsError(f"{client_id} has a file in partners/: change that")
        if body is None:
            raise SettingsError(f"there is no partner {client_id}")
        row: dict[str, Any] = json.load(body.encode())
        return row

    def _checked(self, row: Mapping[str, Any]) -> Partner:
        try:
            partner = parse(dict(row), str(row["client_id"]))
        except PartnerError as error:
            raise SettingsError(str(error)) from None
        for scopes in (partner.scopes, partner.user_scopes):
            problem = restriction.problem(scopes.restrictions)
            if problem is not None:
                raise SettingsError(f"{partner.client_id}: scopes: {problem}")
        return partner

    def _aged(self, row: dict[str, Any], keep_hours: int) -> dict[str, Any]:
        """A partner whose secret is the former one, good for some hours more, or not at all."""
        secret_hash = row.get("secret_hash")
        aged = {name: value for name, value in row.items() if "secret" not in name}
        if not keep_hours or secret_hash is None:
            return aged
        until_ms = self.services.store.database.clock() + keep_hours * 3_600_000
        return aged | {"former_secret_hash": secret_hash, "former_secret_until_ms": until_ms}

    def _save(self, row: Mapping[str, Any]) -> None:
        self._rows.save(str(row["client_id"]), json.encode(dict(row)).decode())
        self.services.changes.settle()


def keys_of(file: Path) -> dict[str, Any]:
    """The JWK Set, or the one JWK, of a file of JSON, as a partner's member. Raises SettingsError."""
    try:
        found = json.decode(file.read_bytes())
    except FhirError as error:
        raise SettingsError(f"{file.name}: {error}") from None
    return {"jwks": found if isinstance(found, dict) and "keys" in found else {"keys": [found]}}


def _new_secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def _told(client_id: str, secret: str) -> str:
    if not secret:
        return f"client_id     {client_id}"
    return f"client_id     {client_id}\nclient_secret {secret}\nThe secret is not kept: note it now."


def _scopes(partner: Partner) -> str:
    return f"{partner.scopes} {partner.user_scopes}".strip()


def _proofs(partner: Partner) -> Iterator[str]:
    if partner.secret_hash:
        yield "a secret"
    if partner.former_secret[0]:
        yield f"the secret before it until {to_instant(partner.former_secret[1])}"
    if partner.keys:
        yield f"keys {' '.join(str(key.kid) for key in partner.keys)}"
    if partner.jwks_uri:
        yield f"the keys at {partner.jwks_uri}"
    if partner.certificate:
        yield f"a certificate with {partner.certificate[0]} {partner.certificate[1]}"
