"""The token endpoint's rules: client credentials (RFC 6749 section 4.4) by Authlib, for confidential system clients.

A further way to authenticate (`private_key_jwt`) is one more function beside `_by_secret`, and its name in METHODS.
"""

import base64
import binascii
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar, cast
from urllib.parse import unquote_plus

from authlib.integrations.flask_oauth2 import AuthorizationServer as FlaskAuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, InvalidRequestError, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from flask import Request, Response, g, request
from werkzeug.datastructures import MultiDict

from fhir_server.auth import tokens
from fhir_server.auth.guard import Authority
from fhir_server.auth.partners import Partner
from fhir_server.auth.scopes import ScopeError, Scopes, narrow

#: Ways a client may prove who it is at the token endpoint, as RFC 7591 names them.
METHODS = ("client_secret_basic",)
GRANT_TYPES = ("client_credentials",)


class TokenServer(FlaskAuthorizationServer):  # type: ignore[misc]  # Authlib has no types
    """Authlib's server with our partners as its clients and our tokens as its tokens."""

    def __init__(self, services: Authority) -> None:
        super().__init__()
        # Authlib logs whole tokens at DEBUG.
        logging.getLogger("authlib").setLevel(logging.INFO)
        self.register_grant(_Grant)
        self.register_client_auth_method("client_secret_basic", _by_secret(services))
        self.register_token_generator("default", _generator(services))

    def create_token_response(self, request: Any = None) -> Response:
        """The answer to a token request, good or bad, in the form RFC 6749 section 5 gives it."""
        form = self.create_oauth2_request(request)
        try:
            form.check()
        except InvalidRequestError as error:
            return cast(Response, self.handle_error_response(form, error))
        return cast(Response, super().create_token_response(request))

    def query_client(self, client_id: str) -> None:
        """Never asked: the authentication methods find the client themselves."""

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Tokens are signed, not kept."""

    def create_oauth2_request(self, _request: Any) -> "_TokenRequest":
        """The request at hand."""
        return _TokenRequest(request)

    def send_signal(self, name: str, *args: Any, client: "_Client", **kwargs: Any) -> None:
        """Only one signal is sent here, when a client proved who it is: the request's log line names it."""
        g.client_id = client.get_client_id()


class _TokenRequest(OAuth2Request):  # type: ignore[misc]
    """A token request: parameters are taken from the form only, so that none is ever sent in a URL."""

    def __init__(self, flask_request: Request) -> None:
        # Authlib refuses plain HTTP by the URL it sees; here TLS ends at the proxy in front, which it cannot see.
        super().__init__(flask_request.method, "https://localhost/oauth/token", headers=flask_request.headers)
        self.payload = _Form(flask_request.form)

    @property
    def form(self) -> Any:
        return self.payload.data

    def check(self) -> None:
        """Raise InvalidRequestError for a parameter given twice (RFC 6749 section 3.2) or without its grant type."""
        if any(len(values) > 1 for values in self.payload.datalist.values()):
            raise InvalidRequestError("A parameter is given more than once.")
        if not self.payload.grant_type:
            raise InvalidRequestError("grant_type is missing from the form.")


class _Form(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, form: MultiDict[str, str]) -> None:
        self._form = form

    @property
    def data(self) -> MultiDict[str, str]:
        return self._form

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, self._form.lists())


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)


class _Client(ClientMixin):  # type: ignore[misc]
    """A partner that proved who it is, as Authlib wants to ask it."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner

    def get_client_id(self) -> str:
        return self.partner.client_id

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in GRANT_TYPES

    def get_allowed_scope(self, scope: str | None) -> str:
        if not scope:
            return str(self.partner.scopes)
        try:
            allowed = narrow(Scopes.parse(scope), self.partner.scopes)
        except ScopeError as error:
            raise InvalidScopeError(str(error)) from None
        if not allowed:
            raise InvalidScopeError("None of the scopes asked for is registered for this client.")
        return str(allowed)


class _UnprovenClientError(InvalidClientError):  # type: ignore[misc]
    """One answer for an unknown client, a wrong secret and none at all: it tells a guesser nothing."""

    def __init__(self) -> None:
        super().__init__("The client is unknown, suspended, or did not prove who it is.", status_code=401)

    def get_headers(self) -> list[tuple[str, str]]:
        headers = [pair for pair in super().get_headers() if pair[0] != "WWW-Authenticate"]
        return [*headers, ("WWW-Authenticate", 'Basic realm="oauth", charset="UTF-8"')]


def _by_secret(services: Authority) -> Callable[[Any, _TokenRequest], _Client]:
    def authenticate(_query_client: Any, token_request: _TokenRequest) -> _Client:
        credentials = _credentials(token_request.headers.get("Authorization", ""))
        partner = services.partners.authenticate(*credentials) if credentials else None
        if partner is None:
            raise _UnprovenClientError
        return _Client(partner)

    return authenticate


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


def _generator(services: Authority) -> BearerTokenGenerator:
    settings = services.settings

    def sign(client: _Client, grant_type: str, user: None, scope: str) -> str:
        return tokens.issue(
            services.keys,
            issuer=settings.issuer,
            audience=settings.base_url,
            client_id=client.get_client_id(),
            scopes=Scopes.parse(scope),
            seconds=settings.token_seconds,
        )

    return BearerTokenGenerator(sign, expires_generator=settings.token_seconds)
