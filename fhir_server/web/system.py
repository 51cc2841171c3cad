"""Views of the server as a whole: batches and transactions, and the history of everything.

https://www.hl7.org/fhir/R4/http.html#transaction, https://www.hl7.org/fhir/R4/http.html#history
"""

from flask import Response

from fhir_server.auth.challenge import insufficient_scope
from fhir_server.auth.guard import Access
from fhir_server.bootstrap import Services
from fhir_server.interactions import bundle
from fhir_server.interactions.history import history
from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, fault
from fhir_server.registry.resources import RESOURCES
from fhir_server.web import bodies, parameters, responses
from fhir_server.web.entry import Entry, idempotency_key, query_text, wanted


class SystemViews:
    """What `routes.SYSTEM_ROUTES` names, but for searches."""

    def __init__(self, services: Services, entry: Entry) -> None:
        self._store = services.store
        self._entry = entry

    def bundle(self) -> Response:
        """Every entry asks for the scope of what it does, by itself."""
        access = self._entry.enter_system()
        received = json.decode(bodies.as_json(self._entry.max_bytes, "Bundle"))
        if not isinstance(received, dict) or received.get("resourceType") != "Bundle":
            raise fault(Category.STRUCTURE, "The body is not a Bundle.", "Bundle")
        answer = bundle.process(
            self._store,
            access.admit,
            access.actor,
            received,
            self._entry.base_url,
            returned=wanted().returned,
            strict=wanted().is_strict,
            key=idempotency_key(received),
        )
        return responses.bundle(json.encode(answer))

    def history_of_everything(self) -> Response:
        """The history of the types that the scopes let search; a scope for none of them is refused."""
        access = self._entry.enter_system()
        types = _searchable(access, "history-type")
        pairs, _ = parameters.split(parameters.pairs(query_text().encode("latin-1")))
        base_url, strict = self._entry.base_url, wanted().is_strict
        found = history(self._store, access.actor, None, None, pairs, base_url, types=types, strict=strict)
        return responses.bundle(found)


def _searchable(access: Access, interaction: str) -> list[str]:
    found = [
        name for name, row in RESOURCES.items() if interaction in row.interactions and access.scopes.allows(name, "s")
    ]
    if not found:
        raise insufficient_scope("system/*.s")
    return found
