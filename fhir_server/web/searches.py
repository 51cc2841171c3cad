"""Views of searches, by URL and by form: of one type, of several, of a compartment.

https://www.hl7.org/fhir/R4/http.html#search
"""

from typing import Any

from flask import Response, request

from fhir_server.bootstrap import Services
from fhir_server.interactions import reach, spread
from fhir_server.interactions.search import search, search_across
from fhir_server.search.pairs import Pairs
from fhir_server.search.query import parse
from fhir_server.web import bodies, negotiation, parameters, rendering, responses
from fhir_server.web.deeds import add_form
from fhir_server.web.entry import Entry, query_text, wanted
from fhir_server.web.request_log import trace


class SearchViews:
    """What the tables of `routes` name `search…`."""

    def __init__(self, services: Services, entry: Entry) -> None:
        self._store = services.store
        self._entry = entry

    def search(self, type_name: str, *, has_form: bool = False) -> Response:
        access = self._entry.enter(type_name, "search-type", has_form=True)
        query = reach.within(parse(type_name, self._parameters(has_form), **self._frame()), access.admit)
        return responses.bundle(search(self._store, access.actor, query, self._entry.base_url))

    def search_by_form(self, type_name: str) -> Response:
        return self.search(type_name, has_form=True)

    def search_everything(self, *, has_form: bool = False) -> Response:
        access = self._entry.enter_system(has_form=True)
        queries = spread.across(access.admit, self._parameters(has_form), **self._frame())
        return responses.bundle(search_across(self._store, access.actor, queries, self._entry.base_url))

    def search_everything_by_form(self) -> Response:
        return self.search_everything(has_form=True)

    def search_compartment(self, type_name: str, id_: str, member: str, *, has_form: bool = False) -> Response:
        access = self._entry.enter_system(has_form=True)
        pairs, place = self._parameters(has_form), (type_name, id_)
        queries = spread.inside(access.admit, place, member, pairs, **self._frame())
        return responses.bundle(search_across(self._store, access.actor, queries, self._entry.base_url))

    def search_compartment_by_form(self, type_name: str, id_: str, member: str = spread.EVERYTHING) -> Response:
        return self.search_compartment(type_name, id_, member, has_form=True)

    def _frame(self) -> dict[str, Any]:
        """What decides how parameters are read, beside themselves."""
        return {
            "strict": wanted().is_strict,
            "base_url": self._entry.base_url,
            "now_ms": self._store.database.clock(),
        }

    def _parameters(self, has_form: bool) -> Pairs:
        """What is searched by, of the URL and of the form together; and the form of the answer is settled."""
        form = bodies.received(self._entry.max_bytes) if has_form else b""
        if form:
            negotiation.check_form_type(request.content_type)
            add_form(trace(), form)
        found, format_ = parameters.split(parameters.pairs(query_text().encode("latin-1")) + parameters.pairs(form))
        rendering.check_form(format_)
        return found
