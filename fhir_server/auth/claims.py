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
    #: `jti`: by what it can be revoked.
    token_id: str = ""
    #: National id of the professional whom the client acts for; empty for a system by itself.
    user: str = ""
    #: Thumbprint of the certificate over whose connections alone it is good (`cnf`); empty for any connection.
    thumbprint: str = ""
    issued_ms: int = 0
