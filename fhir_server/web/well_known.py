"""Where clients find the token endpoint by themselves, and the keys by which tokens are verified.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html, RFC 8414, RFC 7517.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from fhir_server.auth.authorization_server import grant_types
from fhir_server.auth.jwks import ALGORITHMS
from fhir_server.auth.oauth_client import METHODS
from fhir_server.bootstrap import Services
from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.ins import SCOPE as INS
from fhir_server.registry.resources import RESOURCES
from fhir_server.settings import Settings
from fhir_server.web import responses

JSON = "application/json"

#: Grants by which a professional is brought along.
_USERS = ("user/*.cruds",)


def blueprint(services: Services) -> Blueprint:
    """The public addresses, to be registered at the root."""
    routes = Blueprint("well_known", __name__)
    smart = _constant(json.encode(smart_configuration(services.settings)))
    addresses: tuple[tuple[str, Callable[[], Response]], ...] = (
        ("/.well-known/smart-configuration", smart),
        ("/fhir/.well-known/smart-configuration", smart),
        ("/.well-known/oauth-authorization-server", _constant(json.encode(metadata(services.settings)))),
        ("/oauth/jwks", lambda: _keys(services)),
        # Said plainly: to the FHIR routes it would be the id of a resource, and ask for a token.
        ("/.well-known/udap", _no_udap),
        ("/fhir/.well-known/udap", _no_udap),
    )
    for rule, view in addresses:
        routes.add_url_rule(rule, rule.replace(".", ""), view, methods=["GET"], provide_automatic_options=False)
    return routes


def smart_configuration(settings: Settings) -> dict[str, Any]:
    """Where and how a client gets its token."""
    return {
        **metadata(settings),
        # Required by the standard of every server, and without meaning where nobody logs in.
        "code_challenge_methods_supported": ["S256"],
        "capabilities": [
            "client-confidential-asymmetric",
            "client-confidential-symmetric",
            "permission-v1",
            "permission-v2",
        ],
    }


def metadata(settings: Settings) -> dict[str, Any]:
    """The authorization server's metadata (RFC 8414; RFC 8705 section 3.3)."""
    address = f"{settings.issuer}/oauth"
    names = ["system/*.cruds", *(f"system/{name}.cruds" for name in sorted(RESOURCES))]
    proofs = {"auth_methods_supported": list(METHODS), "auth_signing_alg_values_supported": list(ALGORITHMS)}
    endpoints = {"token": "token", "revocation": "revoke", "introspection": "introspect"}
    return {
        "issuer": settings.issuer,
        "jwks_uri": f"{address}/jwks",
        **{f"{name}_endpoint": f"{address}/{path}" for name, path in endpoints.items()},
        **{f"{name}_endpoint_{key}": value for name in endpoints for key, value in proofs.items()},
        "grant_types_supported": grant_types(settings),
        "response_types_supported": [],
        "scopes_supported": [*names, INS, *(_USERS if settings.psc_issuer else ())],
        "tls_client_certificate_bound_access_tokens": True,
    }


def _keys(services: Services) -> Response:
    services.changes.refresh()
    return responses.public(services.keys.public_set(), JSON)


def _constant(body: bytes) -> Callable[[], Response]:
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
    return lambda: responses.public(body, JSON, etag, known=request.environ.get("HTTP_IF_NONE_MATCH"))


def _no_udap() -> Response:
    raise fault(Category.NOT_FOUND, "This server has no part in UDAP.")
