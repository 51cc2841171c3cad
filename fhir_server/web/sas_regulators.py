"""Views of regulators' accounts below `/sas`: POST and conditional PUT of Practitioner, and no more (INT_R02).

https://interop.esante.gouv.fr/ig/fhir/sas
"""

from flask import Blueprint, Response

from fhir_server.auth.guard import Access
from fhir_server.bootstrap import Services
from fhir_server.kernel.errors import Category, fault
from fhir_server.sas import regulators
from fhir_server.storage.resources import Stored
from fhir_server.web import responses
from fhir_server.web.entry import Entry, query_text, wanted

_TYPE = "Practitioner"
#: The origin (`kernel.origins`) of the partner that is the platform.
_SAS = "sas"


def blueprint(services: Services) -> Blueprint:
    """The routes, to be registered below the base of SAS."""
    views = RegulatorViews(services, Entry(services, is_mutual=True))
    routes = Blueprint("sas_regulators", __name__)
    for rule, method, view in (
        (f"/{_TYPE}", "POST", views.create),
        (f"/{_TYPE}", "PUT", views.update_where),
        (f"/{_TYPE}/<id_>", "DELETE", views.delete),
    ):
        routes.add_url_rule(rule, view.__name__, view, methods=[method], provide_automatic_options=False)
    return routes


class RegulatorViews:
    """Read the request, keep the account, make the response."""

    def __init__(self, services: Services, entry: Entry) -> None:
        self._store = services.store
        self._partners = services.partners
        self._entry = entry

    def create(self) -> Response:
        access = self._enter("create")
        stored = regulators.create(self._store, access.actor, self._entry.resource(_TYPE))
        return self._written(stored, is_created=True)

    def update_where(self) -> Response:
        access = self._enter("update")
        access.require(_TYPE, "c")
        key = regulators.key_of(query_text())
        stored, is_created = regulators.put(self._store, access.actor, key, self._entry.resource(_TYPE))
        return self._written(stored, is_created=is_created)

    def delete(self, id_: str) -> Response:
        self._entry.authenticate()
        raise fault(
            Category.METHOD_NOT_ALLOWED,
            "An account is not deleted: make it inactive.",
            headers=responses.allow(("POST", "PUT")),
        )

    def _enter(self, interaction: str) -> Access:
        """Who asks: the platform, and nobody else who may write professionals."""
        access = self._entry.enter(_TYPE, interaction)
        partner = self._partners.lookup(access.actor.client)
        if partner is None or partner.origin != _SAS:
            raise fault(Category.FORBIDDEN, "Regulators' accounts are told by the SAS platform alone.")
        return access

    def _written(self, stored: Stored, *, is_created: bool) -> Response:
        """201 or 200, either with Location: the guide asks for it."""
        base_url = f"{self._entry.base_url.removesuffix('/fhir')}/sas"
        answer = responses.written(stored, is_created=is_created, wanted=wanted(), base_url=base_url)
        answer.headers["Location"] = f"{base_url}/{stored.reference}/_history/{stored.version}"
        return answer
