"""What a verified access token says."""

from dataclasses import dataclass

from fhir_server.auth.scopes import Scopes


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of an access token that this server acts upon (RFC 9068)."""

    client_id: str
    scopes: Scopes
    #: First moment at which the token is no longer good, in epoch milliseconds.
    expires_ms: int
