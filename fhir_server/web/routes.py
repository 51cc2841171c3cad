"""The addresses of the FHIR interface: one row each. https://www.hl7.org/fhir/R4/http.html#summary"""

from collections.abc import Iterable
from typing import NamedTuple

from werkzeug.routing import BaseConverter

from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES


class Address(NamedTuple):
    """One way to call the server."""

    #: Rule below the base.
    rule: str
    method: str
    #: Interaction of the type's row, or of the server's.
    interaction: str
    #: Name of the view.
    view: str


class Segment(BaseConverter):
    """One step of an address that names a type, an id or a version: never one of FHIR's own (`_history`, `$validate`),
    for which another method would else look like a wrong id.
    """

    regex = r"[^/_$][^/]*"


TYPE, INSTANCE = "/<type_name>", "/<type_name>/<id_>"

#: Addresses of types and their instances.
ROUTES = (
    Address(TYPE, "GET", "search-type", "search"),
    Address(f"{TYPE}/_search", "POST", "search-type", "search_by_form"),
    Address(TYPE, "POST", "create", "create"),
    Address(TYPE, "PUT", "update", "update_where"),
    Address(TYPE, "PATCH", "patch", "patch_where"),
    Address(TYPE, "DELETE", "delete", "delete_where"),
    Address(f"{TYPE}/_history", "GET", "history-type", "history_of_type"),
    Address(INSTANCE, "GET", "read", "read"),
    Address(INSTANCE, "PUT", "update", "update"),
    Address(INSTANCE, "PATCH", "patch", "patch"),
    Address(INSTANCE, "DELETE", "delete", "delete"),
    Address(f"{INSTANCE}/_history", "GET", "history-instance", "history"),
    Address(f"{INSTANCE}/_history/<version>", "GET", "vread", "vread"),
)
#: Addresses of the server as a whole.
SYSTEM_ROUTES = (
    Address("", "POST", "transaction", "bundle"),
    Address("/", "POST", "transaction", "bundle"),
    Address("", "GET", "search-system", "search_everything"),
    Address("/", "GET", "search-system", "search_everything"),
    Address("/_search", "POST", "search-system", "search_everything_by_form"),
    Address("/_history", "GET", "history-system", "history_of_everything"),
)
#: Addresses of what concerns one patient or one practitioner.
COMPARTMENT_ROUTES = (
    Address(f"{INSTANCE}/<member>", "GET", "search-type", "search_compartment"),
    Address(f"{INSTANCE}/_search", "POST", "search-type", "search_compartment_by_form"),
    Address(f"{INSTANCE}/<member>/_search", "POST", "search-type", "search_compartment_by_form"),
)
#: Addresses of operations: of the server, of a type, of an instance.
OPERATION_ROUTES = ("/$<operation>", f"{TYPE}/$<operation>", f"{INSTANCE}/$<operation>")


def allowed(rule: str, type_name: str) -> set[str]:
    """The methods that one type serves at an address."""
    served = RESOURCES[type_name].interactions
    return _with_head(row.method for row in ROUTES if row.rule == rule and row.interaction in served)


def allowed_of_operation(name: str) -> set[str]:
    """The methods by which an operation is called."""
    return {"POST"} if OPERATIONS[name].affects_state or OPERATIONS[name].is_posted else _with_head(("GET", "POST"))


def _with_head(methods: Iterable[str]) -> set[str]:
    found = set(methods)
    return found | {"HEAD"} if "GET" in found else found
