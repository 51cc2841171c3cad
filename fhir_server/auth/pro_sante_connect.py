"""Pro Santé Connect, the French State's identity provider for health professionals: who stands behind its tokens.

A token is believed when its own signature, issuer, client and level of assurance are right, and Pro Santé Connect says
that it is active still. https://industriels.esante.gouv.fr/produits-et-services/pro-sante-connect
"""

import base64
import json
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError

from fhir_server.auth.fetching import Fetcher, FetchError
from fhir_server.auth.jwks import KeySets
from fhir_server.kernel.clock import Clock

#: Level of assurance that Pro Santé Connect gives; others are of other realms.
ASSURANCE = "eidas1"
#: Longest token read: Pro Santé Connect puts all that it knows of a professional into some.
MAX_LENGTH = 32_768
#: How long its own description is kept, and by which clocks may differ.
_DESCRIPTION_MS, _SKEW = 3_600_000, 30
_ALGORITHM = "RS256"


@dataclass
class NotBelievedError(Exception):
    """A token that does not stand for a professional here. The text says why, and holds nothing of the token."""

    reason: str
    #: Nothing is wrong with the token: Pro Santé Connect did not answer.
    is_away: bool = False


@dataclass(frozen=True, slots=True)
class Professional:
    """Who logged in."""

    #: The national id (IDNPS): `8` and the RPPS number.
    id: str
    #: When the login's token is no longer good, in epoch seconds.
    expires: int


class ProSanteConnect:
    """One realm of Pro Santé Connect, as a server that it knows as a client may ask it."""

    def __init__(self, issuer: str, client_id: str, secret: str, fetcher: Fetcher, clock: Clock) -> None:
        """`client_id` and `secret` are ours there."""
        self._issuer, self._fetcher, self._clock = issuer.rstrip("/"), fetcher, clock
        self._credentials = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
        self._keys = KeySets(fetcher, clock)
        self._lock = threading.Lock()
        self._described: tuple[int, dict[str, Any]] = (0, {})

    def professional(self, token: str, client_id: str) -> Professional:
        """Who logged in, by an access token that Pro Santé Connect gave the partner's client there. Raises
        NotBelievedError.
        """
        description = self._description()
        claims = self._verified(token, str(description.get("jwks_uri", "")))
        reason = self._problem(claims, client_id)
        if reason is not None:
            raise NotBelievedError(reason)
        told = self._introspected(token, str(description.get("introspection_endpoint", "")))
        national_id = told.get("SubjectNameID") or claims.get("SubjectNameID")
        if told.get("active") is not True or not isinstance(national_id, str) or not national_id.isalnum():
            raise NotBelievedError("the token is not active, or names no professional")
        return Professional(national_id, int(claims["exp"]))

    def _problem(self, claims: dict[str, Any], client_id: str) -> str | None:
        now = self._clock() // 1000
        if claims.get("iss") != self._issuer:
            return "iss is another realm"
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= now - _SKEW:
            return "the token has expired"
        if not client_id or claims.get("azp", claims.get("client_id")) != client_id:
            return "the token was given to another client"
        if claims.get("acr") != ASSURANCE:
            return f"acr is not {ASSURANCE}"
        return None

    def _verified(self, token: str, keys_url: str) -> dict[str, Any]:
        try:
            if len(token) > MAX_LENGTH:
                raise ValueError(token[:0])
            head = token.partition(".")[0]
            header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
            (key,) = self._keys.published(keys_url, str(header.get("kid", "")), "RSA")
            return dict(jwt.decode(token, key, algorithms=[_ALGORITHM]).claims)
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
            raise NotBelievedError("the signature does not verify") from None

    def _introspected(self, token: str, url: str) -> dict[str, Any]:
        headers = {"Authorization": f"Basic {self._credentials}"}
        return self._object(self._asked(lambda: self._fetcher.post(url, urlencode({"token": token}), headers).body))

    def _description(self) -> dict[str, Any]:
        """The realm's own word on where its keys and endpoints are."""
        with self._lock:
            until, known = self._described
            if self._clock() < until:
                return known
            url = f"{self._issuer}/.well-known/wallet-openid-configuration"
            found = self._object(self._asked(lambda: self._fetcher.get(url).body))
            if found.get("issuer") != self._issuer:
                raise NotBelievedError("the realm calls itself by another name", is_away=True)
            self._described = (self._clock() + _DESCRIPTION_MS, found)
            return found

    @staticmethod
    def _asked(ask: Any) -> bytes:
        try:
            body: bytes = ask()
        except FetchError:
            raise NotBelievedError("Pro Santé Connect does not answer", is_away=True) from None
        return body

    @staticmethod
    def _object(body: bytes) -> dict[str, Any]:
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise NotBelievedError("Pro Santé Connect answers what cannot be read", is_away=True)
        return found
