"""The SAS platform as a client of ours: its requests over HTTP, and the accounts that it tells."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from flask.testing import FlaskClient

from fhir_server.app import create_app
from fhir_server.auth import tokens
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services

Json = dict[str, Any]
IDNPS, INTRN = "urn:oid:1.2.250.1.71.4.2.1", "urn:oid:1.2.250.1.213.3.6"
TYPES = "http://interopsante.org/fhir/CodeSystem/fr-v2-0203"
CODES = {IDNPS: "IDNPS", INTRN: "INTRN"}
UUID, RPPS = "0b2f6a44-9f59-4a33-9a2e-6d6f1f0c2a11", "899700960018"


@dataclass
class Caller:
    """A client of the server, over HTTP."""

    services: Services
    client: FlaskClient
    client_id: str
    scopes: str

    def ask(self, method: str, path: str, body: Json | None = None, **headers: str) -> Any:
        """The response of one request with a token of this client."""
        token = tokens.issue(
            self.services.keys,
            issuer=self.services.settings.issuer,
            audience=self.services.settings.base_url,
            client_id=self.client_id,
            scopes=Scopes.parse(self.scopes),
            seconds=300,
        )
        asked = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
        asked |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(path, method=method, json=body, headers=asked)

    def put_account(self, system: str, value: str, account: Json, name: str = "identifier") -> Any:
        """Conditional update, as the platform writes it."""
        return self.ask("PUT", f"/sas/Practitioner?{name}={quote(f'{system}|{value}')}", account)

    def post_account(self, account: Json) -> Any:
        """Creation."""
        return self.ask("POST", "/sas/Practitioner", account)


def caller(
    services: Services, client_id: str = "demo-coordinator", scopes: str = "system/*.cruds", client: Any = None
) -> Caller:
    """A client of the whole application over the store."""
    return Caller(services, client or create_app(services).test_client(), client_id, scopes)


def identified(system: str, value: str, code: str | None = None) -> Json:
    """An identifier as the platform writes it."""
    return {"type": {"coding": [{"system": TYPES, "code": code or CODES[system]}]}, "system": system, "value": value}


def regulator(*identifiers: Json, email: str = "alix.ferrand@sas.example", **elements: Any) -> Json:
    """An invented regulator."""
    return {
        "resourceType": "Practitioner",
        "meta": {"source": INTRN},
        "identifier": list(identifiers) or [identified(INTRN, UUID)],
        "active": True,
        "name": [{"family": "FERRAND", "given": ["Alix"]}],
        "telecom": [{"system": "email", "value": email}],
    } | elements


def without(resource: Json, name: str) -> Json:
    """The resource without one of its elements."""
    return {key: value for key, value in resource.items() if key != name}
