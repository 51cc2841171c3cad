"""The token endpoint. RFC 6749 section 3.2; SMART App Launch 2.2, backend services."""

from flask import Blueprint, Response

from fhir_server.auth.authorization_server import TokenServer
from fhir_server.bootstrap import Services


def blueprint(services: Services) -> Blueprint:
    """`POST /oauth/token`, to be registered at the root."""
    routes = Blueprint("oauth", __name__)
    server = TokenServer(services)

    @routes.post("/oauth/token", provide_automatic_options=False)
    def token() -> Response:
        return server.create_token_response()

    return routes
