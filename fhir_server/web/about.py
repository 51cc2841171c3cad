"""What anyone may ask without a token, beside `web.well_known`: capabilities and health."""

import hashlib
from collections.abc import Callable
from functools import cache

from flask import Blueprint, Response, request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fhir_server.bootstrap import Services
from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.release import software_version
from fhir_server.registry.capability import statement
from fhir_server.registry.openapi import document
from fhir_server.settings import Settings
from fhir_server.storage.unit_of_work import unavailable
from fhir_server.validation.elements import definitions
from fhir_server.web import rendering, responses

JSON = "application/json"

#: When what the CapabilityStatement says last changed.
_DATE = "2026-11-21"
#: Views of the CapabilityStatement that are the whole of it.
_MODES = frozenset({"full", "normative"})
_PING = text("SELECT 1")
_OTHER_METHODS = ("DELETE", "OPTIONS", "PATCH", "POST", "PUT")


def blueprint(services: Services) -> Blueprint:
    """The public routes, to be registered at the root."""
    routes = Blueprint("about", __name__)
    addresses: tuple[tuple[str, Callable[[], Response]], ...] = (
        ("/fhir/openapi.json", _openapi(services.settings)),
        ("/fhir/metadata", _negotiated(_capabilities(services.settings))),
        ("/health", lambda: responses.live(b'{"status":"pass"}')),
        ("/ready", lambda: _ready(services)),
    )
    for rule, view in addresses:
        routes.add_url_rule(rule, rule.replace(".", ""), view, methods=["GET"], provide_automatic_options=False)
    for rule in ("/fhir/openapi.json", "/fhir/metadata"):
        # To other methods these addresses would be those of a type.
        routes.add_url_rule(rule, f"{rule}-other".replace(".", ""), _refuse_method, methods=_OTHER_METHODS)
    return routes


def _capabilities(settings: Settings) -> bytes:
    token_url = f"{settings.issuer}/oauth/token"
    return json.encode(
        statement(
            settings.base_url,
            token_url=token_url,
            software_version=software_version(),
            date=_DATE,
            has_cors=bool(settings.cors_origins),
        )
    )


def _openapi(settings: Settings) -> Callable[[], Response]:
    """The OpenAPI document, made when it is first asked for: it is large, and few ask."""

    @cache
    def view() -> Callable[[], Response]:
        token_url = f"{settings.issuer}/oauth/token"
        schema = {"$defs": definitions()}
        found = document(settings.base_url, schema, token_url=token_url, software_version=software_version())
        return _constant(json.encode(found), JSON)

    return lambda: view()()


def _constant(body: bytes, content_type: str) -> Callable[[], Response]:
    # A weak tag: the same statement may go out as XML, or compressed.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
    return lambda: responses.public(body, content_type, etag, known=request.environ.get("HTTP_IF_NONE_MATCH"))


def _negotiated(body: bytes) -> Callable[[], Response]:
    """A FHIR resource, in the form asked for. https://www.hl7.org/fhir/R4/http.html#capabilities"""
    answer = _constant(body, responses.FHIR_JSON)

    def view() -> Response:
        rendering.check_form()
        if request.args.get("mode", "full") not in _MODES:
            raise fault(Category.VALUE, "mode is full or normative; no terminologies are served.", "mode")
        return answer()

    return view


def _refuse_method() -> Response:
    raise fault(Category.METHOD_NOT_ALLOWED, "This can only be read.", headers=responses.allow(("GET", "HEAD")))


def _ready(services: Services) -> Response:
    """200 when the database answers. Raises FhirError (UNAVAILABLE) when it does not."""
    try:
        services.store.read().execute(_PING)
    except DBAPIError as error:
        raise unavailable() from error
    return responses.live(b'{"status":"pass"}')
