"""What every FHIR route asks first: who is it, does it exist, may they, can we answer in their form."""

from typing import Any

from flask import g, request

from fhir_server.auth.guard import Access, authenticate, by_certificate, throttle
from fhir_server.auth.scopes import LETTER_OF
from fhir_server.bootstrap import Services
from fhir_server.interactions import idempotent
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.ids import is_id
from fhir_server.registry.resources import RESOURCES
from fhir_server.validation.gates import check_body
from fhir_server.web import bodies, negotiation, rendering, responses
from fhir_server.web.deeds import deed_of
from fhir_server.web.origins import Origins
from fhir_server.web.request_log import trace
from fhir_server.web.routes import allowed


class Entry:
    """The door of the FHIR interface."""

    def __init__(self, services: Services, *, is_mutual: bool = False) -> None:
        """`is_mutual`: a partner who comes with its certificate needs no token."""
        self._services, self._is_mutual = services, is_mutual
        settings = services.settings
        self._origins = Origins(settings.issuer, settings.trusted_proxies)
        self.max_bytes = services.settings.max_body_bytes

    @property
    def base_url(self) -> str:
        """The FHIR base as the client of this request knows it."""
        return self._origins.base_url(request.environ)

    def authenticate(self) -> Access:
        """Who asks. Raises FhirError (LOGIN) for nobody we know."""
        about = trace()
        environ = request.environ
        deed = about.deed = deed_of(environ, environ["werkzeug.request"], self._origins)
        token, access = environ.get("HTTP_AUTHORIZATION"), None
        if self._is_mutual and token is None:
            access = by_certificate(self._services, environ, about.request_id, deed)
        if access is None:
            access = authenticate(self._services, token, about.request_id, environ, deed)
        about.actor, about.client_id = access.actor, access.actor.client
        throttle(self._services.rates, access)
        return access

    def enter(self, type_name: str, interaction: str, id_: str | None = None, *, has_form: bool = False) -> Access:
        """Who asks, and may. Raises FhirError for whatever forbids this interaction, before anything is read.

        With `has_form`, the form of the answer is settled by the caller, who has yet to read its parameters.
        """
        access = self.authenticate()
        self.check_type(type_name)
        if interaction not in RESOURCES[type_name].interactions:
            rule = (request.url_rule.rule if request.url_rule else "").removeprefix("/fhir")
            raise fault(
                Category.METHOD_NOT_ALLOWED,
                f"{type_name} is not open to {interaction} here.",
                headers=responses.allow(allowed(rule, type_name)),
            )
        access.admit(type_name, LETTER_OF[interaction])
        check_id(id_)
        g.wanted = negotiation.preferences(request.environ.get("HTTP_PREFER"))
        if not has_form:
            rendering.check_form()
        return access

    def enter_system(self, *, has_form: bool = False) -> Access:
        """Who asks something of the whole server; what they may, each interaction finds out type by type."""
        access = self.authenticate()
        g.wanted = negotiation.preferences(request.environ.get("HTTP_PREFER"))
        if not has_form:
            rendering.check_form()
        return access

    def resource(self, type_name: str) -> dict[str, Any]:
        """The validated body of a write."""
        return check_body(bodies.as_json(self.max_bytes, type_name), type_name)

    @staticmethod
    def check_type(type_name: str) -> None:
        """Raise FhirError (NOT_SUPPORTED_TYPE) for a type that is not served."""
        if type_name not in RESOURCES:
            raise fault(Category.NOT_SUPPORTED_TYPE, "This server does not serve that resource type.")


def check_id(id_: str | None) -> None:
    """Raise FhirError (NOT_FOUND) for what cannot be an id."""
    if id_ is not None and not is_id(id_):
        raise fault(Category.NOT_FOUND, "The id is not a FHIR id: 1 to 64 letters, digits, '-' and '.'.")


def wanted() -> negotiation.Preferences:
    """What the request prefers, as its entry has read it."""
    preferences: negotiation.Preferences = g.wanted
    return preferences


def if_match() -> int | None:
    """The version that If-Match names."""
    return negotiation.version_of(request.environ.get("HTTP_IF_MATCH"))


def idempotency_key(*asked: Any) -> idempotent.Key | None:
    """The key of a request for `asked`, JSON values that say all that its effect depends on; None without one."""
    return idempotent.key_of(request.environ.get("HTTP_IDEMPOTENCY_KEY"), request.path, *asked)


def query_text() -> str:
    """The query of the URL as it was sent. Raises FhirError (INVALID) for what no URL holds."""
    text: str = request.environ.get("QUERY_STRING", "")
    if not text.isascii():
        raise fault(Category.INVALID, "The search parameters are not percent-encoded UTF-8.")
    return text
