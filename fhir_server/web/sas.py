"""The base `/sas`: what the national SAS platform asks, in its shapes. https://interop.esante.gouv.fr/ig/fhir/sas

What `SEARCHES` does not name is not served here, whatever `/fhir` does; `sas_regulators` adds the accounts (INT_R02).
"""

from collections.abc import Callable, Iterable

from flask import Blueprint, Response, request

from fhir_server.auth.guard import Access
from fhir_server.bootstrap import Services
from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.release import software_version
from fhir_server.sas import search
from fhir_server.sas.asking import Pairs
from fhir_server.sas.capability import statement
from fhir_server.sas.search import Request
from fhir_server.search.restriction import require_whole
from fhir_server.storage.unit_of_work import Store
from fhir_server.web import parameters, rendering, responses
from fhir_server.web.entry import Entry, query_text

#: Below the root of the server.
PREFIX = "/sas"
#: When what its CapabilityStatement says last changed.
_DATE = "2026-11-22"

#: Types that searches bring along, for which their scope must do too.
_ALONG = ("Schedule", "Practitioner", "PractitionerRole", "Location", "Organization", "HealthcareService")

#: A search's body: of the store, for a request with these parameters.
Search = Callable[[Store, Request, Pairs], bytes]

#: What is read and searched: type, its search, and what a search of it brings along. Clients also end the address of a
#: search with `/`.
SEARCHES: tuple[tuple[str, Search, tuple[str, ...]], ...] = (
    ("Slot", search.search_slots, _ALONG),
    ("Schedule", search.search_schedules, _ALONG),
    ("Practitioner", search.search_practitioners, ()),
)


class SlotViews:
    """Reads and searches."""

    def __init__(self, services: Services, entry: Entry) -> None:
        self._services = services
        self._entry = entry

    def searching(self, type_name: str, run: Search, along: tuple[str, ...]) -> Callable[[], Response]:
        """The view of the searches of one type."""

        def view() -> Response:
            access = self._entry.enter(type_name, "search-type", has_form=True)
            _require_whole(access, ((type_name, "s"), *((other, "r") for other in along)))
            pairs, format_ = parameters.split(parameters.pairs(query_text().encode("latin-1")))
            rendering.check_form(format_)
            return responses.bundle(run(self._services.store, self._request(access.actor), pairs))

        return view

    def reading(self, type_name: str) -> Callable[[str], Response]:
        """The view of the reads of one type."""

        def view(id_: str) -> Response:
            access = self._entry.enter(type_name, "read", id_)
            _require_whole(access, [(type_name, "r")])
            return responses.bundle(search.read(self._services.store, self._request(access.actor), type_name, id_))

        return view

    def _request(self, actor: Actor) -> Request:
        environ, base_url = request.environ, self._base_url
        path = environ.get("PATH_INFO", "").removeprefix(PREFIX)
        query = query_text()
        link = f"{base_url}{path}?{query}" if query else f"{base_url}{path}"
        return Request(actor, base_url, link, self._services.settings.sas_booking_url)

    @property
    def _base_url(self) -> str:
        """The base as the client of this request knows it."""
        return f"{self._entry.base_url.removesuffix('/fhir')}{PREFIX}"


def blueprint(services: Services) -> Blueprint:
    """The routes, to be registered below `PREFIX`."""
    entry = Entry(services, is_mutual=True)
    slots = SlotViews(services, entry)
    routes = Blueprint("sas", __name__)
    _add(routes, "/metadata", "GET", "metadata", _metadata(services))
    for type_name, run, along in SEARCHES:
        view = slots.searching(type_name, run, along)
        for rule in (f"/{type_name}", f"/{type_name}/"):
            _add(routes, rule, "GET", f"search {rule}", view)
        _add(routes, f"/{type_name}/<id_>", "GET", f"read {type_name}", slots.reading(type_name))
    return routes


def _add(routes: Blueprint, rule: str, method: str, name: str, view: Callable[..., Response]) -> None:
    routes.add_url_rule(rule, name, view, methods=[method], provide_automatic_options=False)


def _require_whole(access: Access, wanted: Iterable[tuple[str, str]]) -> None:
    """Raise FhirError (FORBIDDEN) unless scopes allow all of it, of all resources."""
    for type_name, letter in wanted:
        access.require(type_name, letter)
        require_whole(access.actor, type_name, letter)


def _metadata(services: Services) -> Callable[[], Response]:
    base_url = f"{services.settings.issuer}{PREFIX}"
    body = json.encode(statement(base_url, software_version=software_version(), date=_DATE))

    def view() -> Response:
        rendering.check_form()
        return responses.public(body, responses.FHIR_JSON)

    return view
