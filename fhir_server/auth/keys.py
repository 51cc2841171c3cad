"""The keys that sign access tokens: ES256 (RFC 7518), made once, kept in the store, shared by every process."""

import json
from collections.abc import Sequence
from typing import Protocol

from joserfc.jwk import ECKey

from fhir_server.auth.cache import ExpiringCache
from fhir_server.auth.claims import Claims
from fhir_server.kernel.clock import Clock, system_clock

ALGORITHM = "ES256"
#: How long the store is not asked again: a key withdrawn there stops verifying after that at the latest.
_RELOAD_MS = 60_000
#: An unknown key id asks the store again, but not more often than this.
_RETRY_MS = 1_000


class KeyRows(Protocol):
    """Where the keys are kept."""

    def list(self) -> Sequence[str]:
        """Every key as a private JWK in JSON, newest first."""

    def add_first(self, kid: str, body: str) -> None:
        """Keep a key unless there is one already: the first of several starting processes wins."""


def new_key() -> tuple[str, str]:
    """A fresh key: its id, and itself as a private JWK in JSON."""
    key = ECKey.generate_key("P-256", auto_kid=True)
    return _kid(key), json.dumps(key.as_dict(private=True))


class Keys:
    """The keys as this process knows them."""

    def __init__(self, rows: KeyRows, clock: Clock = system_clock) -> None:
        self._rows = rows
        self.clock = clock
        self._keys: dict[str, ECKey] = {}
        self._loaded_ms = 0
        #: Claims of tokens that verified with these keys, by SHA-256 of the token.
        self.verified: ExpiringCache[bytes, Claims] = ExpiringCache(4096)

    def signing_key(self) -> ECKey:
        """The newest key; the first one of all is made here."""
        self._reload(_RELOAD_MS)
        if not self._keys:
            self._rows.add_first(*new_key())
            self._reload(0)
        return next(iter(self._keys.values()))

    def find(self, kid: str) -> ECKey | None:
        """The key of that id, or None."""
        self._reload(_RELOAD_MS)
        if kid not in self._keys:
            self._reload(_RETRY_MS)
        return self._keys.get(kid)

    def forget(self, _kid: str = "") -> None:
        """Ask the store again: a key was added, or is to verify nothing any more."""
        self._loaded_ms = 0
        self.verified.clear()

    def public_set(self) -> bytes:
        """The public keys as a JWK Set in JSON (RFC 7517)."""
        self.signing_key()
        public = [key.as_dict(private=False) | {"use": "sig", "alg": ALGORITHM} for key in self._keys.values()]
        return json.dumps({"keys": public}).encode()

    def _reload(self, age_ms: int) -> None:
        now = self.clock()
        if self._loaded_ms and now - self._loaded_ms < age_ms:
            return
        keys = [ECKey.import_key(json.loads(body)) for body in self._rows.list()]
        self._keys = {_kid(key): key for key in keys}
        self._loaded_ms = now


def _kid(key: ECKey) -> str:
    key.ensure_kid()
    return str(key.kid)
