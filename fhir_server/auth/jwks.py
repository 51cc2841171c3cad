"""Public keys by which partners prove who they are: given inline, or fetched from where they publish them (RFC 7517).

Fetched keys are kept no longer than their Cache-Control lets them be, except while their server does not answer: then
they are used for an hour more. A key id that is not among them makes the server ask again, at most once a second.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from fhir_server.auth.fetching import Fetched, FetchError
from fhir_server.kernel.clock import Clock

PublicKey = RSAKey | ECKey

#: The algorithms of client assertions, as SMART asks of every client, with their keys: kty and curve.
ALGORITHMS: Mapping[str, tuple[str, str]] = {"RS384": ("RSA", ""), "ES384": ("EC", "P-384")}
#: Keys of one partner that are looked at.
MAX_KEYS = 50

#: Milliseconds that keys are kept when their server does not say, and at the most.
_DEFAULT_MS, _LONGEST_MS = 300_000, 86_400_000
#: How much longer while their server does not answer.
_STALE_MS = 3_600_000
#: A server is not asked more often than this for an unknown key, nor than that after a failure.
_AGAIN_MS, _AFTER_FAILURE_MS = 1_000, 5_000
_LEAST_BITS = 2048
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KEYS: Mapping[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}

_log = logging.getLogger("fhir_server.jwks")


class UnusableKeyError(ValueError):
    """A key that cannot be used. The text says why."""


class Fetches(Protocol):
    """What asks other servers."""

    def get(self, url: str) -> Fetched:
        """What the address answers. Raises FetchError."""


@dataclass
class _Published:
    """The keys of one address, as they were last seen."""

    lock: Lock = field(default_factory=Lock)
    keys: tuple[PublicKey, ...] = ()
    fetched_ms: int = 0
    fresh_until_ms: int = 0
    stale_until_ms: int = 0
    failed_until_ms: int = 0


class KeySets:
    """Published keys, kept by this process."""

    def __init__(self, fetcher: Fetches, clock: Clock) -> None:
        self._fetcher, self._clock = fetcher, clock
        self._published: dict[str, _Published] = {}

    def published(self, url: str, kid: str, kty: str) -> list[PublicKey]:
        """The keys of that id and type at an address; none when it cannot be asked and nothing is known of it."""
        known = self._published.setdefault(url, _Published())
        with known.lock:
            now = self._clock()
            if now >= known.fresh_until_ms:
                self._fetch(url, known, now)
            found = with_id(known.keys, kid, kty)
            if not found and now - known.fetched_ms >= _AGAIN_MS:
                self._fetch(url, known, now)
                found = with_id(known.keys, kid, kty)
            return found

    def _fetch(self, url: str, known: _Published, now: int) -> None:
        answer = self._ask(url) if now >= known.failed_until_ms else None
        if answer is not None:
            known.keys, kept_ms = answer
            known.fetched_ms, known.fresh_until_ms, known.failed_until_ms = now, now + kept_ms, 0
            # What may not be kept at all is not kept while its server is away either.
            known.stale_until_ms = known.fresh_until_ms + (_STALE_MS if kept_ms else 0)
            return
        if now >= known.failed_until_ms:
            known.failed_until_ms = now + _AFTER_FAILURE_MS
        if now >= known.stale_until_ms:
            known.keys = ()

    def _ask(self, url: str) -> tuple[tuple[PublicKey, ...], int] | None:
        try:
            fetched = self._fetcher.get(url)
            keys = read_set(json.loads(fetched.body))
        except (FetchError, ValueError, RecursionError) as error:
            _log.warning("keys of %s: %s", urlsplit(url).hostname, error)
            return None
        return keys, _DEFAULT_MS if fetched.max_age is None else min(fetched.max_age * 1000, _LONGEST_MS)


def with_id(keys: Sequence[PublicKey], kid: str, kty: str) -> list[PublicKey]:
    """Those of an id and a type."""
    return [key for key in keys if key.kid == kid and key.key_type == kty]


def read_set(jwks: Any) -> tuple[PublicKey, ...]:
    """The usable keys of a JWK Set; keys of other kinds are passed over. Raises UnusableKeyError for what is none."""
    if not isinstance(jwks, dict) or not isinstance(jwks.get("keys"), list):
        raise UnusableKeyError("not a JWK Set")
    found = []
    for jwk in jwks["keys"][:MAX_KEYS]:
        try:
            found.append(read_key(jwk))
        except UnusableKeyError:
            continue
    return tuple(found)


def read_key(jwk: Any) -> PublicKey:
    """A public key with an id. Raises UnusableKeyError for a private one, a weak one, and any other."""
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or not jwk["kid"]:
        raise UnusableKeyError("a key without kid")
    if not _PRIVATE.isdisjoint(jwk):
        raise UnusableKeyError("a private key, which is known to others now: make a new one")
    if jwk.get("kty") not in _KEYS or jwk.get("use", "sig") != "sig":
        raise UnusableKeyError("a key that signs nothing here")
    # Six bits a character of base64url.
    if jwk["kty"] == "RSA" and len(str(jwk.get("n"))) * 6 < _LEAST_BITS:
        raise UnusableKeyError(f"an RSA key of less than {_LEAST_BITS} bits")
    try:
        return _KEYS[jwk["kty"]].import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise UnusableKeyError("a key that cannot be read") from None
