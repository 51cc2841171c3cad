"""The one guard: from an Authorization header to who acts and what it may do."""

from dataclasses import dataclass
from typing import Protocol

from fhir_server.auth import tokens
from fhir_server.auth.challenge import insufficient_scope, invalid_token, missing_token
from fhir_server.auth.keys import Keys
from fhir_server.auth.partners import Partners
from fhir_server.auth.scopes import Scopes
from fhir_server.kernel.actor import Actor
from fhir_server.settings import Settings

_SCHEME = "bearer "


class Authority(Protocol):
    """What the guard needs of the server's services."""

    @property
    def settings(self) -> Settings: ...

    @property
    def partners(self) -> Partners: ...

    @property
    def keys(self) -> Keys: ...


@dataclass(frozen=True, slots=True)
class Access:
    """A request let in: in whose name it acts, within which scopes."""

    actor: Actor
    scopes: Scopes

    def require(self, type_name: str, letter: str) -> None:
        """Raise FhirError (FORBIDDEN, with its challenge) unless a scope allows `letter` of `cruds` on `type_name`."""
        if not self.scopes.allows(type_name, letter):
            raise insufficient_scope(type_name, letter)


def authenticate(services: Authority, authorization: str | None, request_id: str = "") -> Access:
    """Let in the bearer of a good token. Raises FhirError (LOGIN, with its challenge) for anyone else.

    A partner suspended or removed since its token was issued is refused, too.
    """
    if not authorization or authorization[: len(_SCHEME)].lower() != _SCHEME:
        raise missing_token()
    settings = services.settings
    token = authorization[len(_SCHEME) :].strip()
    claims = tokens.verify(services.keys, token, issuer=settings.issuer, audience=settings.base_url)
    partner = services.partners.lookup(claims.client_id)
    if partner is None:
        raise invalid_token("The client of this access token is not registered or is suspended.")
    actor = Actor(
        partner.client_id,
        partner.is_territory,
        "fhir",
        request_id,
        audiences=partner.audiences,
        direct_access=partner.direct_access,
    )
    return Access(actor, claims.scopes)
