"""Client assertions: a client proves who it is by a JWT signed with its private key (RFC 7523, `private_key_jwt`).

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html. What is checked, in this order: the
shape, who it claims to be, the algorithm and key, the signature, then times, audience, and that it was not used before.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError

from fhir_server.auth.jwks import ALGORITHMS, KeySets, PublicKey, with_id
from fhir_server.auth.partner import Partner

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

#: Seconds that an assertion may be good for, and by which clocks may differ.
LIFETIME, SKEW = 300, 30
#: Longest assertion and longest jti read.
MAX_LENGTH, MAX_JTI = 8_192, 1_024

_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_TYPES = frozenset({None, "JWT", "client-authentication+jwt"})


class UsedAssertions(Protocol):
    """Which assertions were shown before, to whichever process."""

    def use(self, client_id: str, jti_hash: str, until_ms: int) -> bool:
        """Note one, to be remembered until then; False when it was noted before."""


@dataclass
class RefusedError(Exception):
    """An assertion that proves nothing."""

    reason: str
    #: The signature was good: the client itself may be told the reason, and nobody else.
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion as it was sent, not yet believed."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def client_id(self) -> str:
        """Who it claims to be."""
        return str(self.claims.get("sub", ""))


def read(text: str) -> Assertion:
    """The parts of an assertion. Raises RefusedError for what has not the shape of a JWT."""
    if len(text) > MAX_LENGTH or _COMPACT.fullmatch(text) is None:
        raise RefusedError("not a signed JWT")
    header, claims = (_part(part) for part in text.split(".")[:2])
    return Assertion(text, header, claims)


class Assertions:
    """What believes assertions, or does not."""

    def __init__(self, key_sets: KeySets, used: UsedAssertions, clock: Callable[[], int]) -> None:
        self._key_sets, self._used, self._clock = key_sets, used, clock

    def check(self, assertion: Assertion, partner: Partner, audiences: Iterable[str]) -> None:
        """Believe that the partner made it, just now, for us, and shows it the first time. Raises RefusedError.

        `audiences` are the names by which the partner may call us.
        """
        algorithm = str(assertion.header.get("alg"))
        key = self._key(assertion, partner, algorithm)
        try:
            jwt.decode(assertion.text, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError):
            raise RefusedError("the signature does not verify") from None
        now = self._clock() // 1000
        reason = next(_problems(assertion.claims, partner.client_id, frozenset(audiences), now), None)
        if reason is not None:
            raise RefusedError(reason, is_signed=True)
        digest = hashlib.sha256(assertion.claims["jti"].encode("utf-8", "surrogatepass")).hexdigest()
        if not self._used.use(partner.client_id, digest, (int(assertion.claims["exp"]) + SKEW) * 1000):
            raise RefusedError("jti was used before", is_signed=True)

    def _key(self, assertion: Assertion, partner: Partner, algorithm: str) -> PublicKey:
        header = assertion.header
        if algorithm not in ALGORITHMS:
            raise RefusedError(f"alg is none of {', '.join(ALGORITHMS)}")
        if header.get("typ") not in _TYPES or "crit" in header or "b64" in header:
            raise RefusedError("a header that is not understood")
        if "jku" in header and (not partner.jwks_uri or header["jku"] != partner.jwks_uri):
            raise RefusedError("jku is not the address registered")
        kid, (kty, curve) = str(header.get("kid", "")), ALGORITHMS[algorithm]
        inline = with_id(partner.keys, kid, kty)
        found = inline or (self._key_sets.published(partner.jwks_uri, kid, kty) if partner.jwks_uri else [])
        found = [key for key in found if not curve or getattr(key, "curve_name", "") == curve]
        if len(found) != 1:
            raise RefusedError("kid names no key, or several")
        return found[0]


def _problems(claims: dict[str, Any], client_id: str, audiences: frozenset[str], now: int) -> Iterator[str]:
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        yield "iss and sub are not the client id"
    named = claims.get("aud")
    named = named if isinstance(named, list) else [named]
    if not named or not all(isinstance(one, str) and one in audiences for one in named):
        yield f"aud is none of {', '.join(sorted(audiences))}"
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if not all(isinstance(it, int | float) and not isinstance(it, bool) for it in times.values()) or "exp" not in times:
        yield "exp, iat or nbf is no number"
    elif times["exp"] <= now - SKEW:
        yield "exp is past"
    elif times["exp"] > now + LIFETIME + SKEW:
        yield f"exp is more than {LIFETIME} seconds ahead"
    elif max(times.get("iat", 0), times.get("nbf", 0)) > now + SKEW:
        yield "iat or nbf is in the future"
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        yield "jti is missing or too long"


def _part(text: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise RefusedError("not a signed JWT") from None
    if not isinstance(found, dict):
        raise RefusedError("not a signed JWT")
    return found
