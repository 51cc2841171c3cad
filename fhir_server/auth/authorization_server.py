"""The OAuth server, by Authlib: tokens for systems, and for the professionals they vouch for.

The token endpoint (RFC 6749), revocation (RFC 7009) and introspection (RFC 7662), for confidential clients.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

from authlib.integrations.flask_oauth2 import AuthorizationServer as FlaskAuthorizationServer
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from flask import Response, g, request

from fhir_server.auth import endpoints, tokens
from fhir_server.auth.authority import TokenAuthority
from fhir_server.auth.clients import UnprovenError
from fhir_server.auth.grants import EXCHANGE, ExchangeGrant, SystemGrant
from fhir_server.auth.oauth_client import Client, ScopeCheck, ThrottledClientError, UnprovenClientError
from fhir_server.auth.scopes import SYSTEM, USER, Scopes
from fhir_server.auth.throttle import TooManyError
from fhir_server.auth.token_request import TokenRequest
from fhir_server.settings import Settings


class TokenServer(FlaskAuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """Authlib's server with our partners as its clients and our tokens as its tokens."""

    def __init__(self, services: TokenAuthority, scope_check: ScopeCheck = lambda _scopes: None) -> None:
        super().__init__()
        # Authlib logs whole tokens at DEBUG.
        logging.getLogger("authlib").setLevel(logging.INFO)
        self.services, self._scope_check = services, scope_check
        self.register_grant(SystemGrant)
        if services.pro_sante_connect is not None:
            self.register_grant(ExchangeGrant)
        self.register_token_generator("default", _generator(services))
        self.register_endpoint(endpoints.Revocation)
        self.register_endpoint(endpoints.Introspection)

    def create_token_response(self, request: Any = None) -> Response:
        """The answer to a token request, good or bad, in the form RFC 6749 section 5 gives it."""
        return self._answer(super().create_token_response, "grant_type")

    def create_endpoint_response(self, name: str, request: Any = None) -> Response:
        """The answer to a request for `revocation` or `introspection`."""
        answer = super().create_endpoint_response
        return self._answer(lambda form: answer(name, form), "token")

    def _answer(self, answer: Callable[[TokenRequest], Any], required: str) -> Response:
        form = self.create_oauth2_request(None)
        self.services.changes.refresh()
        try:
            form.check(required)
        except InvalidRequestError as error:
            return cast(Response, self.handle_error_response(form, error))
        return cast(Response, answer(form))

    def query_client(self, client_id: str) -> None:
        """Never asked: the authentication methods find the client themselves."""

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Tokens are signed, not kept."""

    def create_oauth2_request(self, known: Any) -> TokenRequest:
        """The request at hand."""
        return known if isinstance(known, TokenRequest) else TokenRequest(request, self.services.peers)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def authenticate_client(self, request: TokenRequest, methods: list[str], endpoint: str = "token") -> Client:
        """The client that proved who it is, in whichever way. Raises InvalidClientError."""
        proved = (self.services.clients.methods[name](request) for name in methods)
        try:
            partner = next((partner for partner in proved if partner is not None), None)
        except UnprovenError as error:
            raise UnprovenClientError(error.reason) from None
        except TooManyError as error:
            raise ThrottledClientError(error.seconds) from None
        if partner is None:
            raise UnprovenClientError
        if not partner.comes_with(request.certificate, self.services.settings.environment):
            raise UnprovenClientError("The client comes with the certificate registered for this environment only.")
        # The request's log line, and its audit, name the client.
        g.client_id = partner.client_id
        return Client(partner, request, self._scope_check)


def _generator(services: TokenAuthority) -> BearerTokenGenerator:
    settings: Settings = services.settings

    def sign(client: Client, grant_type: str, user: str | None, scope: str) -> str:
        return tokens.issue(
            services.keys,
            issuer=settings.issuer,
            audience=settings.base_url,
            client_id=client.get_client_id(),
            scopes=Scopes.parse(scope, USER if user else SYSTEM),
            seconds=settings.token_seconds,
            user=user or "",
            thumbprint=client.thumbprint,
        )

    return BearerTokenGenerator(sign, expires_generator=settings.token_seconds)


def grant_types(settings: Settings) -> list[str]:
    """The grants that this server gives tokens for."""
    return ["client_credentials", *([EXCHANGE] if settings.psc_issuer else [])]
