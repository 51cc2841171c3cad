"""How a client proves who it is at the token endpoint: one function for each method that RFC 7591 and 8705 name.

To a guesser all failures look alike. A client that signed its assertion, or has a good certificate, is told more.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote_plus

from fhir_server.auth import assertions
from fhir_server.auth.assertions import ASSERTION_TYPE, Assertions, RefusedError
from fhir_server.auth.partner import Partner
from fhir_server.auth.partners import Partners
from fhir_server.auth.peer import PeerCertificate
from fhir_server.auth.secrets import SecretCheck
from fhir_server.auth.throttle import Throttle
from fhir_server.kernel.clock import Clock

_log = logging.getLogger("fhir_server.clients")


class Proof(Protocol):
    """What a request to the token endpoint brings."""

    @property
    def authorization(self) -> str: ...

    @property
    def form(self) -> Mapping[str, str]: ...

    @property
    def certificate(self) -> PeerCertificate | None: ...


@dataclass
class UnprovenError(Exception):
    """A client that is not who it says, or says nothing."""

    #: What the client itself may be told; empty for what would help a guesser.
    reason: str = ""


Method = Callable[[Proof], Partner | None]


class Clients:
    """The partners as clients of the token endpoint."""

    def __init__(
        self,
        partners: Partners,
        asserted: Assertions,
        throttle: Throttle,
        audiences: frozenset[str],
        clock: Clock,
        environment: str = "production",
    ) -> None:
        """`audiences` are the names by which an assertion may call this server, `environment` which one it is of."""
        self._environment = environment
        self._partners, self._assertions, self._throttle = partners, asserted, throttle
        self._audiences, self._clock = audiences, clock
        self._secrets = SecretCheck(clock)
        #: By the name of the method; None from a method that the request does not use.
        self.methods: Mapping[str, Method] = {
            "private_key_jwt": self.by_assertion,
            "tls_client_auth": self.by_certificate,
            "client_secret_basic": self.by_secret,
        }

    def by_assertion(self, proof: Proof) -> Partner | None:
        """By a JWT signed with its private key. Raises UnprovenError."""
        form = proof.form
        if "client_assertion" not in form and "client_assertion_type" not in form:
            return None
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise UnprovenError(f"client_assertion_type is not {ASSERTION_TYPE}.")
        try:
            return self._asserted(assertions.read(form.get("client_assertion", "")), form.get("client_id"))
        except RefusedError as refusal:
            _log.info("client assertion refused: %s", refusal.reason)
            raise UnprovenError(f"The assertion is refused: {refusal.reason}." if refusal.is_signed else "") from None

    def _asserted(self, assertion: assertions.Assertion, named: str | None) -> Partner:
        partner = self._partners.lookup(assertion.client_id)
        if partner is None or named not in (None, assertion.client_id):
            raise RefusedError("no client of that id")
        self._assertions.check(assertion, partner, self._audiences)
        return partner

    def by_certificate(self, proof: Proof) -> Partner | None:
        """By the certificate of the connection, with its client id in the form (RFC 8705). Raises UnprovenError."""
        client_id = proof.form.get("client_id")
        if client_id is None or proof.authorization or proof.certificate is None:
            return None
        partner = self._partners.lookup(client_id)
        if partner is None or not partner.is_known_by(proof.certificate, self._environment):
            _log.info("client certificate refused")
            raise UnprovenError
        return partner

    def by_secret(self, proof: Proof) -> Partner | None:
        """By HTTP Basic. Raises UnprovenError, and TooManyError after too many wrong secrets."""
        if not proof.authorization:
            return None
        credentials = _credentials(proof.authorization)
        if credentials is None:
            raise UnprovenError
        client_id, secret = credentials
        partner = self._partners.lookup(client_id)
        if partner is None or not self._is_secret(partner, secret):
            raise UnprovenError
        return partner

    def _is_secret(self, partner: Partner, secret: str) -> bool:
        former, until_ms = partner.former_secret
        hashes = [partner.secret_hash, *([former] if self._clock() < until_ms else [])]
        hashes = [one for one in hashes if one]
        client_id = partner.client_id
        if any(self._secrets.knows(client_id, secret, one) for one in hashes):
            return True
        is_watched = self._throttle.check(client_id)
        if any(self._secrets.matches(client_id, secret, one) for one in hashes):
            if is_watched:
                self._throttle.right(client_id)
            return True
        if hashes:
            self._throttle.wrong(client_id)
        return False


def ways(proof: Proof) -> int:
    """How many methods the request uses; more than one is against RFC 6749 section 2.3."""
    form: Mapping[str, Any] = proof.form
    return bool(proof.authorization) + ("client_assertion" in form) + ("client_secret" in form)


def _credentials(header: str) -> tuple[str, str] | None:
    """Client id and secret of an HTTP Basic header; both are form-encoded inside it (RFC 6749 section 2.3.1)."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, colon, secret = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        return (unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")) if colon else None
    except (binascii.Error, ValueError):
        return None
