"""A partner that proved who it is, as Authlib asks it, and what is answered to one that did not."""

from collections.abc import Callable

from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc6749.errors import InvalidScopeError

from fhir_server.auth.partner import Partner
from fhir_server.auth.scopes import SYSTEM, USER, ScopeError, Scopes, narrow
from fhir_server.auth.token_request import TokenRequest, plain

#: Ways a client may prove who it is, as RFC 7591 and RFC 8705 name them.
METHODS = ("private_key_jwt", "tls_client_auth", "client_secret_basic")

#: What is wrong with the searches of restricted scopes; None when nothing is.
ScopeCheck = Callable[[Scopes], str | None]


class Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """A partner in the course of one request."""

    def __init__(self, partner: Partner, token_request: TokenRequest, scope_check: ScopeCheck) -> None:
        self.partner = partner
        self._token_request, self._scope_check = token_request, scope_check
        #: Who is to act with the token: the system, or the professional of this national id.
        self.user = ""
        self._is_bound = partner.is_bound

    @property
    def thumbprint(self) -> str:
        """The certificate its token is to be bound to; empty for none."""
        certificate = self._token_request.certificate
        return certificate.thumbprint if certificate is not None and self._is_bound else ""

    def get_client_id(self) -> str:
        return self.partner.client_id

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return True

    def bind(self, *, always: bool = False) -> None:
        """Bind the token to the connection's certificate if the partner's tokens are, or `always`.

        Raises InvalidRequestError when there is none.
        """
        self._is_bound = always or self.partner.is_bound
        if self._is_bound and self._token_request.certificate is None:
            raise InvalidRequestError("This token is given over a connection with the client's certificate only.")

    def get_allowed_scope(self, scope: str | None) -> str:
        context = USER if self.user else SYSTEM
        registered = self.partner.user_scopes if self.user else self.partner.scopes
        try:
            allowed = narrow(Scopes.parse(scope, context) if scope else registered, registered)
        except ScopeError as error:
            raise InvalidScopeError(plain(str(error))) from None
        if not allowed:
            raise InvalidScopeError("None of the scopes asked for is registered for this client.")
        problem = self._scope_check(allowed)
        if problem is not None:
            raise InvalidScopeError(plain(f"A restricted scope cannot be honoured. {problem}"))
        return str(allowed)


class UnprovenClientError(InvalidClientError):  # type: ignore[misc]
    """One answer for an unknown client, a wrong secret and none at all: it tells a guesser nothing."""

    def __init__(self, reason: str = "") -> None:
        text = reason or "The client is unknown, suspended, or did not prove who it is."
        super().__init__(plain(text), status_code=401)

    def get_headers(self) -> list[tuple[str, str]]:
        headers = [pair for pair in super().get_headers() if pair[0] != "WWW-Authenticate"]
        return [*headers, ("WWW-Authenticate", 'Basic realm="oauth", charset="UTF-8"')]


class ThrottledClientError(InvalidClientError):  # type: ignore[misc]
    """Too many wrong secrets were given for this client (RFC 6585 section 4)."""

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many wrong secrets were given for this client.", status_code=429)
        self._seconds = seconds

    def get_headers(self) -> list[tuple[str, str]]:
        return [*super().get_headers(), ("Retry-After", str(self._seconds))]
