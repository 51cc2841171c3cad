"""The FHIR routes, one set for every type of the registry. https://www.hl7.org/fhir/R4/http.html"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from fhir_server.auth.guard import Access, authenticate
from fhir_server.bootstrap import Services
from fhir_server.interactions.create import create
from fhir_server.interactions.delete import delete
from fhir_server.interactions.history import history
from fhir_server.interactions.read import read, vread
from fhir_server.interactions.search import search
from fhir_server.interactions.update import update
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.kernel.ids import is_id
from fhir_server.registry.resources import RESOURCES
from fhir_server.search.query import parse
from fhir_server.storage.resources import Stored
from fhir_server.validation.gates import check_body
from fhir_server.web import negotiation, parameters, reach, responses

#: Letter of `cruds` that each interaction needs (SMART App Launch 2.2, scopes for requesting FHIR resources).
LETTERS: Mapping[str, str] = {
    "read": "r",
    "vread": "r",
    "history-instance": "r",
    "search-type": "s",
    "create": "c",
    "update": "u",
    "delete": "d",
}
#: Addresses: rule below the base, method, interaction, name of the view.
ROUTES = (
    ("/<type_name>", "GET", "search-type", "search"),
    ("/<type_name>/_search", "POST", "search-type", "search_by_form"),
    ("/<type_name>", "POST", "create", "create"),
    ("/<type_name>/<id_>", "GET", "read", "read"),
    ("/<type_name>/<id_>", "PUT", "update", "update"),
    ("/<type_name>/<id_>", "DELETE", "delete", "delete"),
    ("/<type_name>/<id_>/_history", "GET", "history-instance", "history"),
    ("/<type_name>/<id_>/_history/<version>", "GET", "vread", "vread"),
)


def blueprint(services: Services) -> Blueprint:
    """The routes, to be registered below the FHIR base."""
    views = _Views(services)
    routes = Blueprint("fhir", __name__)
    for rule, method, _, view in ROUTES:
        routes.add_url_rule(rule, f"{view}", getattr(views, view), methods=[method], provide_automatic_options=False)
    return routes


class _Views:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store
        self._base_url = services.settings.base_url
        self._max_bytes = services.settings.max_body_bytes

    def read(self, type_name: str, id_: str) -> Response:
        access = self._enter(type_name, "read", id_)
        return _unless_unchanged(read(self._store, access.actor, type_name, id_))

    def vread(self, type_name: str, id_: str, version: str) -> Response:
        access = self._enter(type_name, "vread", id_)
        return _unless_unchanged(vread(self._store, access.actor, type_name, id_, _version(version)))

    def history(self, type_name: str, id_: str) -> Response:
        access = self._enter(type_name, "history-instance", id_)
        found, _ = parameters.split(parameters.pairs(request.query_string))
        return responses.bundle(history(self._store, access.actor, type_name, id_, found, self._base_url))

    def search(self, type_name: str) -> Response:
        return self._search(type_name, has_form=False)

    def search_by_form(self, type_name: str) -> Response:
        return self._search(type_name, has_form=True)

    def create(self, type_name: str) -> Response:
        access = self._enter(type_name, "create")
        stored = create(self._store, access.actor, type_name, self._body(type_name, "HTTP_IF_NONE_EXIST"))
        return self._written(stored, is_created=True)

    def update(self, type_name: str, id_: str) -> Response:
        access = self._enter(type_name, "update", id_)
        content = self._body(type_name, "HTTP_IF_NONE_MATCH")
        if content.get("id") != id_:
            raise fault(Category.INVALID, "The id in the body must be the id in the URL.", f"{type_name}.id")
        self._require_create(access, type_name, id_)
        if_match = negotiation.version_of(request.environ.get("HTTP_IF_MATCH"))
        stored, is_created = update(self._store, access.actor, type_name, id_, content, if_match)
        return self._written(stored, is_created=is_created)

    def delete(self, type_name: str, id_: str) -> Response:
        access = self._enter(type_name, "delete", id_)
        if_match = negotiation.version_of(request.environ.get("HTTP_IF_MATCH"))
        delete(self._store, access.actor, type_name, id_, if_match)
        return responses.deleted(_wanted())

    def _search(self, type_name: str, *, has_form: bool) -> Response:
        access = self._enter(type_name, "search-type")
        form = self._received() if has_form else b""
        if form:
            negotiation.check_form_type(request.content_type)
        found, format_ = parameters.split(parameters.pairs(request.query_string) + parameters.pairs(form))
        negotiation.check_accept(request.environ.get("HTTP_ACCEPT"), format_)
        query = parse(
            type_name,
            found,
            strict=_wanted().is_strict,
            base_url=self._base_url,
            now_ms=self._store.database.clock(),
        )
        query = reach.within(query, access)
        return responses.bundle(search(self._store, access.actor, query, self._base_url))

    def _enter(self, type_name: str, interaction: str, id_: str | None = None) -> Access:
        """What every route asks first: who is it, does it exist, may they, can we answer in their form."""
        environ = request.environ
        access = authenticate(self._services, environ.get("HTTP_AUTHORIZATION"), g.request_id)
        g.client_id = access.actor.owner
        row = RESOURCES.get(type_name)
        if row is None:
            raise fault(Category.NOT_SUPPORTED_TYPE, "This server does not serve that resource type.")
        if interaction not in row.interactions:
            raise _not_allowed(type_name, interaction)
        access.require(type_name, LETTERS[interaction])
        if id_ is not None and not is_id(id_):
            raise fault(Category.NOT_FOUND, "The id is not a FHIR id: 1 to 64 letters, digits, '-' and '.'.")
        if interaction != "search-type":
            negotiation.check_accept(environ.get("HTTP_ACCEPT"), _format(environ.get("QUERY_STRING", "")))
        return access

    def _body(self, type_name: str, unserved: str) -> dict[str, Any]:
        """The validated body of a write. A condition that is not served is refused: ignored, it would write twice."""
        negotiation.check_content_type(request.content_type)
        if unserved in request.environ:
            raise fault(Category.INVALID, "If-None-Exist, and If-None-Match on an update, are not served.")
        return check_body(self._received(), type_name)

    def _received(self) -> bytes:
        received = request.get_data(cache=False)
        if len(received) > self._max_bytes:
            raise RequestEntityTooLarge
        return received

    def _require_create(self, access: Access, type_name: str, id_: str) -> None:
        # A PUT that creates needs the letter c as well; without it the resource must be there already.
        if not access.scopes.allows(type_name, LETTERS["create"]):
            read(self._store, access.actor, type_name, id_)

    def _written(self, stored: Stored, *, is_created: bool) -> Response:
        return responses.written(stored, is_created=is_created, wanted=_wanted(), base_url=self._base_url)


def _unless_unchanged(stored: Stored) -> Response:
    environ = request.environ
    tag, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
    if negotiation.is_unchanged(stored.version, stored.updated_ms, tag, since):
        return responses.not_modified(stored)
    return responses.resource(stored)


def _wanted() -> negotiation.Preferences:
    return negotiation.preferences(request.environ.get("HTTP_PREFER"))


def _format(query_string: str) -> str | None:
    if "_format" not in query_string:
        return None
    return parameters.split(parameters.pairs(query_string.encode("latin-1")))[1]


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise fault(Category.NOT_FOUND, "The version is not a number.")
    return int(text)


def _not_allowed(type_name: str, interaction: str) -> FhirError:
    rules = {rule for rule, _, other, _ in ROUTES if other == interaction}
    served = RESOURCES[type_name].interactions
    methods = {method for rule, method, other, _ in ROUTES if rule in rules and other in served}
    return fault(
        Category.METHOD_NOT_ALLOWED,
        f"{type_name} is not open to {interaction} here.",
        headers=responses.allow(methods | ({"HEAD"} if "GET" in methods else set())),
    )
