"""The one guard: from an Authorization header to who acts and what it may do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.auth import tokens
from fhir_server.auth.authority import Authority
from fhir_server.auth.challenge import insufficient_scope, invalid_token, missing_token
from fhir_server.auth.claims import Claims
from fhir_server.auth.partner import Partner
from fhir_server.auth.peer import PeerCertificate
from fhir_server.auth.rates import Rates
from fhir_server.auth.scopes import Scopes
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.deed import Deed
from fhir_server.kernel.errors import Category, fault

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Access:
    """A request let in: in whose name it acts, within which scopes."""

    actor: Actor
    scopes: Scopes
    #: Requests a second that are agreed with the partner; None for what the settings say.
    requests_per_second: int | None = None

    @property
    def token_id(self) -> str:
        """`jti` of its token, for audit."""
        return self.actor.token_id

    def require(self, type_name: str, letter: str) -> None:
        """Raise FhirError (FORBIDDEN, with its challenge) unless a scope allows `letter` of `cruds` on `type_name`.

        A scope for some resources of the type is not enough.
        """
        if not self.scopes.allows(type_name, letter):
            raise insufficient_scope(f"{self.scopes.context}/{type_name}.{letter}")

    def admit(self, type_name: str, letter: str) -> None:
        """As `require`, or with a scope for some resources of the type: what follows must ask the actor which.

        `search.restriction` does so for searches, and for resources in hand.
        """
        if not self.scopes.admits(type_name, letter):
            raise insufficient_scope(f"{self.scopes.context}/{type_name}.{letter}")


def authenticate(
    services: Authority,
    authorization: str | None,
    request_id: str = "",
    environ: Mapping[str, Any] | None = None,
    deed: Deed | None = None,
) -> Access:
    """Let in the bearer of a good token. Raises FhirError (LOGIN, with its challenge) for anyone else.

    A token revoked, and one of a partner suspended or removed since it was issued, are refused in every process as soon
    as the revocation is answered. One bound to a certificate is good with the connection of `environ` alone. What is
    done as the actor is told in the audit trail as `deed`.
    """
    if not authorization or authorization[: len(_SCHEME)].lower() != _SCHEME:
        raise missing_token()
    services.changes.refresh()
    claims = _claims(services, authorization, environ)
    partner = services.partners.lookup(claims.client_id)
    if partner is None:
        raise invalid_token("The client of this access token is not registered or is suspended.")
    if partner.subjects and not partner.comes_with(_certificate(services, environ), services.settings.environment):
        raise invalid_token("The client comes with the certificate registered for this environment only.")
    return _access(partner, claims, request_id, deed)


def by_certificate(
    services: Authority, environ: Mapping[str, Any], request_id: str = "", deed: Deed | None = None
) -> Access | None:
    """Let in the one partner whose certificate the connection has, without a token; None for nobody.

    For those who ask by mutual TLS alone, as the national SAS platform does: within all their registered scopes.
    """
    certificate = _certificate(services, environ)
    if certificate is None:
        return None
    services.changes.refresh()
    partner = services.partners.coming_with(certificate, services.settings.environment)
    return None if partner is None else _access(partner, Claims(partner.client_id, partner.scopes, 0), request_id, deed)


def throttle(rates: Rates, access: Access) -> None:
    """Raise FhirError (THROTTLED, with Retry-After) when who was let in has asked too much lately."""
    seconds = rates.wait(access.actor.client, access.requests_per_second)
    if seconds:
        reason = "You ask more than is agreed; wait before the next request."
        raise fault(Category.THROTTLED, reason, headers={"Retry-After": str(math.ceil(seconds))})


def _claims(services: Authority, authorization: str, environ: Mapping[str, Any] | None) -> Claims:
    """What the token says. Raises FhirError (LOGIN) for one that is not good here."""
    settings = services.settings
    token = authorization[len(_SCHEME) :].strip()
    claims = tokens.verify(services.keys, token, issuer=settings.issuer, audience=settings.base_url)
    if services.changes.is_revoked(claims.token_id):
        raise invalid_token("The access token was revoked.")
    if claims.thumbprint:
        _check_certificate(services, claims, environ)
    return claims


def _access(partner: Partner, claims: Claims, request_id: str, deed: Deed | None) -> Access:
    actor = Actor(
        partner.acts_for,
        partner.is_territory,
        "fhir",
        request_id,
        audiences=partner.audiences,
        direct_access=partner.direct_access,
        max_holds=partner.max_holds,
        restrictions=claims.scopes.in_force(),
        token_id=claims.token_id,
        user=claims.user,
        is_auditor=partner.is_auditor,
        reads_ins=claims.scopes.reads_ins,
        client_id=partner.client_id,
        deed=deed,
    )
    return Access(actor, claims.scopes, partner.requests_per_second)


def _check_certificate(services: Authority, claims: Claims, environ: Mapping[str, Any] | None) -> None:
    """RFC 8705 section 3: a bound token is good over a connection with its certificate alone."""
    certificate = _certificate(services, environ)
    if certificate is None or certificate.thumbprint != claims.thumbprint:
        raise invalid_token("The access token is bound to another certificate than that of this connection.")


def _certificate(services: Authority, environ: Mapping[str, Any] | None) -> PeerCertificate | None:
    return None if environ is None else services.peers.certificate(environ)
