"""What becomes of tokens once given: they are taken back (RFC 7009), and asked about (RFC 7662)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from fhir_server.auth import tokens
from fhir_server.auth.authority import Authority
from fhir_server.auth.claims import Claims
from fhir_server.auth.oauth_client import METHODS, Client
from fhir_server.kernel.errors import FhirError


@dataclass(frozen=True, slots=True)
class _Token:
    """A good token of ours, as Authlib wants to ask it."""

    claims: Claims
    services: Authority

    def check_client(self, client: Client) -> bool:
        """Whether it was given to that client."""
        return self.claims.client_id == client.get_client_id()

    def is_expired(self) -> bool:
        """Never: an expired token is not found at all."""
        return False

    def is_revoked(self) -> bool:
        """Whether it is good no more, though its signature is: taken back, or its partner gone."""
        services, claims = self.services, self.claims
        return services.changes.is_revoked(claims.token_id) or services.partners.lookup(claims.client_id) is None


class Revocation(RevocationEndpoint):  # type: ignore[misc]  # Authlib has no types
    """A client takes back a token of its own; what is no token of ours is taken back already."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)

    def check_params(self, request: Any, client: Client) -> None:
        """The token is there already; of what type somebody takes it to be is no matter, since there is but one."""

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Token | None:
        return _found(self.server.services, token_string)

    def revoke_token(self, token: _Token, request: Any) -> None:
        """No process accepts it any more once this returns."""
        if not token.is_revoked():
            token.services.changes.revoke(token.claims.token_id, token.claims.expires_ms)


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """What a token says, told to the client it was given to and to those who see the whole territory."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)

    def check_params(self, request: Any, client: Client) -> None:
        """The token is there already; of what type somebody takes it to be is no matter, since there is but one."""

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Token | None:
        return _found(self.server.services, token_string)

    def check_permission(self, token: _Token, client: Client, request: Any) -> bool:
        """Whether the client may know of the token."""
        return token.check_client(client) or client.partner.is_territory

    def introspect_token(self, token: _Token) -> dict[str, Any]:
        claims, settings = token.claims, token.services.settings
        return {
            "active": True,
            "client_id": claims.client_id,
            "scope": str(claims.scopes),
            "token_type": "Bearer",
            "exp": claims.expires_ms // 1000,
            "iat": claims.issued_ms // 1000,
            "sub": claims.user or claims.client_id,
            "aud": settings.base_url,
            "iss": settings.issuer,
            "jti": claims.token_id,
            **({"cnf": {"x5t#S256": claims.thumbprint}} if claims.thumbprint else {}),
        }


def _found(services: Authority, token: str) -> _Token | None:
    settings = services.settings
    try:
        claims = tokens.verify(services.keys, token, issuer=settings.issuer, audience=settings.base_url)
    except FhirError:
        return None
    return _Token(claims, services)
