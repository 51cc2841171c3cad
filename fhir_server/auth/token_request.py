"""A request to an OAuth endpoint, as Authlib wants to read it: parameters are taken from the form alone."""

import unicodedata
from collections import defaultdict
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Payload, OAuth2Request
from flask import Request
from werkzeug.datastructures import MultiDict

from fhir_server.auth import clients
from fhir_server.auth.peer import PeerCertificate, Peers


def plain(text: str) -> str:
    """A text with nothing but what an `error_description` may hold (RFC 6749 section 5.2)."""
    kept = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "".join(letter for letter in kept if letter.isprintable() and letter not in '"\\')


class TokenRequest(OAuth2Request):  # type: ignore[misc]  # Authlib has no types
    """A request at the token endpoint or one beside it. No parameter of it is ever taken from the URL."""

    def __init__(self, flask_request: Request, peers: Peers) -> None:
        # Authlib refuses plain HTTP by the URL it sees; here TLS ends at the proxy in front, which it cannot see.
        super().__init__(flask_request.method, "https://localhost/oauth/token", headers=flask_request.headers)
        self.payload = _Form(flask_request.form)
        self.certificate: PeerCertificate | None = peers.certificate(flask_request.environ)
        #: Whom the token is to act for, once a grant has found out.
        self.professional = ""

    @property
    def form(self) -> Any:
        return self.payload.data

    @property
    def authorization(self) -> str:
        return str(self.headers.get("Authorization", ""))

    def check(self, *required: str) -> None:
        """Raise InvalidRequestError for a parameter given twice (RFC 6749 section 3.2), two proofs, or one missing."""
        if any(len(values) > 1 for values in self.payload.datalist.values()):
            raise InvalidRequestError("A parameter is given more than once.")
        for name in required:
            if not self.form.get(name):
                raise InvalidRequestError(f"{name} is missing from the form.")
        if clients.ways(self) > 1:
            raise InvalidRequestError("A client proves who it is in one way, not in two.")


class _Form(OAuth2Payload):  # type: ignore[misc]
    def __init__(self, form: MultiDict[str, str]) -> None:
        self._form = form

    @property
    def data(self) -> MultiDict[str, str]:
        return self._form

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, self._form.lists())
