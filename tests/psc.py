"""Pro Santé Connect, as far as another server meets it: keys, its description, and what it says of a token."""

import base64
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey

#: Who we are there, and who the partner is.
CLIENT_ID, SECRET, PARTNER = "creneau-api", "creneau-secret", "vendor-at-psc"
#: IDNPS: `8` and the RPPS number. Invented.
PROFESSIONAL = "899700000018"
_PATH = "/auth/realms/esante-wallet"


class PscStub:
    """A realm on a port of its own while the context lasts."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "psc-1", "use": "sig", "alg": "RS256"})
        self.revoked: set[str] = set()
        self.is_away = False
        #: Credentials and tokens that came with questions.
        self.asked: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{_PATH}"

    def token(self, now: int, **changes: Any) -> str:
        """An access token as the realm gives one to the partner's client after a login."""
        claims = {
            "exp": now + 120,
            "iat": now,
            "jti": f"login-{time.monotonic_ns()}",
            "iss": self.issuer,
            "sub": f"f:550dc1c8:{PROFESSIONAL}",
            "typ": "Bearer",
            "azp": PARTNER,
            "acr": "eidas1",
            "scope": "openid scope_all",
            "SubjectNameID": PROFESSIONAL,
        } | changes
        header = {"alg": "RS256", "typ": "JWT", "kid": str(self.key.kid)}
        return jwt.encode(header, {name: value for name, value in claims.items() if value is not None}, self.key)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def described(self) -> dict[str, Any]:
        """What the well-known address says."""
        base = f"{self.issuer}/protocol/openid-connect"
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{base}/certs",
            "token_endpoint": f"{base}/token",
            "introspection_endpoint": f"{base}/token/introspect",
            "userinfo_endpoint": f"{base}/userinfo",
        }

    def introspected(self, authorization: str, token: str) -> dict[str, Any] | None:
        """What is said of a token to who may ask; None for others."""
        self.asked.append((authorization, token))
        if authorization != f"Basic {base64.b64encode(f'{CLIENT_ID}:{SECRET}'.encode()).decode()}":
            return None
        if token in self.revoked:
            return {"active": False}
        claims = jwt.decode(token, self.key).claims
        return {**claims, "active": True, "client_id": claims["azp"], "preferred_username": claims.get("SubjectNameID")}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        realm = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers = {
                    f"{_PATH}/.well-known/wallet-openid-configuration": realm.described(),
                    f"{_PATH}/protocol/openid-connect/certs": {"keys": [realm.key.as_dict(private=False)]},
                }
                self._answer(answers.get(self.path))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self._answer(realm.introspected(self.headers.get("Authorization", ""), form["token"][0]))

            def _answer(self, content: Any) -> None:
                self.send_response(503 if realm.is_away else 200 if content else 401)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_about: Any) -> None:
                pass

        return Handler
