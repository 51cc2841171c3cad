"""The FHIR routes, one set for every type of the registry. https://www.hl7.org/fhir/R4/http.html"""

from collections.abc import Callable

from flask import Blueprint, Response

from fhir_server.bootstrap import Services
from fhir_server.web.entry import Entry
from fhir_server.web.operations import OperationViews
from fhir_server.web.resource_views import ResourceViews
from fhir_server.web.routes import COMPARTMENT_ROUTES, OPERATION_ROUTES, ROUTES, SYSTEM_ROUTES, Segment
from fhir_server.web.searches import SearchViews
from fhir_server.web.system import SystemViews


def blueprint(services: Services) -> Blueprint:
    """The routes, to be registered below the FHIR base."""
    entry = Entry(services)
    rooms = (ResourceViews(services, entry), SearchViews(services, entry), SystemViews(services, entry))
    routes = Blueprint("fhir", __name__)
    routes.record_once(lambda state: state.app.url_map.converters.update(default=Segment))
    for rule, method, _, name in (*ROUTES, *SYSTEM_ROUTES, *COMPARTMENT_ROUTES):
        routes.add_url_rule(rule, name, _view(rooms, name), methods=[method], provide_automatic_options=False)
    operate = OperationViews(services, entry).operate
    for rule in OPERATION_ROUTES:
        routes.add_url_rule(rule, "operate", operate, methods=["GET", "POST"], provide_automatic_options=False)
    return routes


def _view(rooms: tuple[object, ...], name: str) -> Callable[..., Response]:
    view: Callable[..., Response] = next(getattr(room, name) for room in rooms if hasattr(room, name))
    return view
