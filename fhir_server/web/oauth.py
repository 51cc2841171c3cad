"""The OAuth endpoints: tokens, their revocation, and questions about them.

RFC 6749 section 3.2, RFC 7009, RFC 7662; SMART App Launch 2.2, backend services.
"""

from flask import Blueprint, Response, g

from fhir_server.auth.authorization_server import TokenServer
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services
from fhir_server.search import restriction
from fhir_server.web.request_log import trace


def blueprint(services: Services) -> Blueprint:
    """`POST /oauth/token`, `/oauth/revoke` and `/oauth/introspect`, to be registered at the root."""
    routes = Blueprint("oauth", __name__)
    server = TokenServer(services, _problem)

    @routes.post("/oauth/token", provide_automatic_options=False)
    def token() -> Response:
        return _named(server.create_token_response())

    @routes.post("/oauth/revoke", provide_automatic_options=False)
    def revoke() -> Response:
        return _named(server.create_endpoint_response("revocation"))

    @routes.post("/oauth/introspect", provide_automatic_options=False)
    def introspect() -> Response:
        return _named(server.create_endpoint_response("introspection"))

    return routes


def _named(answer: Response) -> Response:
    """Let the request's log line say who asked."""
    trace().client_id = g.get("client_id", "-")
    return answer


def _problem(scopes: Scopes) -> str | None:
    return restriction.problem(scopes.restrictions)
