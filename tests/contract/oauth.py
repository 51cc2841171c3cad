"""Partners with keys, certificates and secrets of all kinds, as clients of the application over either store."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.serialization import Encoding
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import TestResponse

from fhir_server.app import create_app
from fhir_server.auth.assertions import ASSERTION_TYPE
from fhir_server.bootstrap import Services
from fhir_server.storage.partners import PartnerTable
from tests.certificates import Leaf

GRANT = {"grant_type": "client_credentials"}
SCOPES = ["system/Slot.rs", "system/Appointment.cruds", "system/Patient.cruds", "system/Organization.rs"]
RSA, EC = "RS384", "ES384"
#: The proxy's address, and the header in which it hands certificates on.
PROXY, HEADER = "192.0.2.10", "Client-Cert"


def new_key(algorithm: str = EC, kid: str = "key-1") -> RSAKey | ECKey:
    options = {"kid": kid, "use": "sig", "alg": algorithm}
    if algorithm == RSA:
        return RSAKey.generate_key(2048, options)
    return ECKey.generate_key("P-384", options)


def jwks(*keys: RSAKey | ECKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=False) for key in keys]}


def add_partner(services: Services, client_id: str, **members: Any) -> None:
    """Register a partner in a row, as the command does."""
    row = {"client_id": client_id, "name": client_id, "scopes": SCOPES} | members
    PartnerTable(services.store).save(client_id, json.dumps(row))


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


def handed_on(leaf: Leaf) -> dict[str, str]:
    """The header in which a proxy hands a certificate on, as RFC 9440 has it."""
    return {HEADER: f":{base64.b64encode(leaf.signed.public_bytes(Encoding.DER)).decode()}:"}


def as_pem(leaf: Leaf) -> dict[str, str]:
    """The same in the form of nginx."""
    return {HEADER: quote(leaf.signed.public_bytes(Encoding.PEM))}


@dataclass
class Caller:
    """One process of the server, and a client that asks it."""

    services: Services
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = create_app(self.services).test_client()

    @property
    def audience(self) -> str:
        return f"{self.services.settings.issuer}/oauth/token"

    def assertion(self, key: RSAKey | ECKey, client_id: str = "signer", **changes: Any) -> str:
        """A client assertion; members of its claims changed, those of `header` too, or (None) left out."""
        now = self.services.store.database.clock() // 1000
        header = {"alg": key.get("alg"), "kid": key.kid, "typ": "JWT"} | changes.pop("header", {})
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": self.audience,
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid.uuid4()),
        } | changes
        header = {name: value for name, value in header.items() if value is not None}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(header, claims, key, algorithms=[header["alg"]], default_type=None)

    def ask(
        self,
        form: Mapping[str, Any] = GRANT,
        *,
        path: str = "token",
        headers: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
    ) -> TestResponse:
        return self.client.post(
            f"/oauth/{path}", data=dict(form), headers=dict(headers or {}), environ_base={"REMOTE_ADDR": address}
        )

    def prove(self, assertion: str, path: str = "token", **more: Any) -> TestResponse:
        """Ask with an assertion."""
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion} | more
        return self.ask(GRANT | form if path == "token" else form, path=path)

    def token(self, client_id: str, secret: str, scope: str = "") -> str:
        form = GRANT | ({"scope": scope} if scope else {})
        return str(json.loads(self.ask(form, headers=basic(client_id, secret)).data)["access_token"])

    def get(self, path: str, token: str, *, address: str = "127.0.0.1", **headers: str) -> TestResponse:
        sent = {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(f"/fhir/{path}", headers=sent, environ_base={"REMOTE_ADDR": address})


def said(answer: TestResponse) -> tuple[int, str]:
    """Status and OAuth error of an answer."""
    return answer.status_code, json.loads(answer.data).get("error", "")
