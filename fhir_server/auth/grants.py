"""What a token is given for: a system's own work, or a professional who logged in at Pro Santé Connect.

RFC 6749 section 4.4; RFC 8693, as the CI-SIS' "API Pro Santé Connectée" asks for it.
"""

import json
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749.errors import InvalidScopeError, OAuth2Error
from authlib.oauth2.rfc6749.grants import BaseGrant, ClientCredentialsGrant, TokenEndpointMixin

from fhir_server.auth.oauth_client import METHODS, Client
from fhir_server.auth.pro_sante_connect import NotBelievedError, ProSanteConnect
from fhir_server.auth.token_request import plain

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:"
_SUBJECT_TYPES = frozenset({f"{_TOKEN_TYPE}access_token", f"{_TOKEN_TYPE}jwt"})


class AwayError(OAuth2Error):  # type: ignore[misc]  # Authlib has no types
    """What has to be asked for the answer does not answer."""

    error = "temporarily_unavailable"

    def __init__(self, description: str) -> None:
        super().__init__(description, status_code=503)

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), ("Retry-After", "5")]


class SystemGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """Client credentials."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)

    def validate_token_request(self) -> None:
        super().validate_token_request()
        self.client.bind()


class ExchangeGrant(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """A token of Pro Santé Connect for one of ours, bound to the client's certificate."""

    GRANT_TYPE = EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(METHODS)

    def validate_token_request(self) -> None:
        """Find out who logged in. Raises OAuth2Error for whatever is wrong with the request or the login."""
        client: Client = self.authenticate_token_endpoint_client()
        self.request.client = client
        if not client.partner.user_scopes:
            raise UnauthorizedClientError("No scope of a user is registered for this client.")
        form = self.request.form
        self._check_form(form)
        client.bind(always=True)
        if "cnf" in form and _named(form["cnf"]) != client.thumbprint:
            raise InvalidRequestError("cnf is not the thumbprint of the connection's certificate.")
        client.user = self._professional(form["subject_token"], client.partner.psc_client_id)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """The token, as RFC 8693 section 2.2.1 has it."""
        token = self.generate_token(user=self.client.user, scope=self.request.payload.scope)
        answer = {**token, "issued_token_type": f"{_TOKEN_TYPE}access_token"}
        return 200, answer, self.TOKEN_RESPONSE_HEADER

    def _check_form(self, form: Any) -> None:
        for name in ("subject_token", "subject_token_type"):
            if not form.get(name):
                raise InvalidRequestError(f"{name} is missing from the form.")
        if form["subject_token_type"] not in _SUBJECT_TYPES:
            raise InvalidRequestError("subject_token_type is neither that of an access token nor that of a JWT.")
        if form.get("requested_token_type", f"{_TOKEN_TYPE}access_token") not in _SUBJECT_TYPES:
            raise InvalidRequestError("Only access tokens are given.")
        if not (form.get("scope") or "").strip():
            raise InvalidScopeError("An exchange names its scopes.")

    def _professional(self, token: str, client_id: str) -> str:
        connect: ProSanteConnect = self.server.services.pro_sante_connect
        try:
            return connect.professional(token, client_id).id
        except NotBelievedError as error:
            if error.is_away:
                raise AwayError(plain(f"{error.reason}.")) from None
            raise InvalidGrantError(plain(f"subject_token: {error.reason}.")) from None


def _named(text: str) -> str:
    """The thumbprint that a confirmation claim names: {"x5t#S256": "…"}."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(found.get("x5t#S256", "")) if isinstance(found, dict) else ""
