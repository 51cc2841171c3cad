"""What a request asks, by the route that it took: the deed that the audit trail will tell."""

from collections.abc import Mapping
from typing import Any

from flask import Request

from fhir_server.kernel.deed import Deed
from fhir_server.kernel.ids import is_id
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import RESOURCES
from fhir_server.web.origins import Origins
from fhir_server.web.request_log import Trace
from fhir_server.web.routes import COMPARTMENT_ROUTES, ROUTES, SYSTEM_ROUTES

Environ = Mapping[str, Any]

#: Kinds of events by view, then by blueprint where all views are alike. What is in neither, nor in `_PLAIN`, is open to
#: everyone and says nothing of anybody: it is not told.
_KIND_OF_VIEW = {f"fhir.{row.view}": row.interaction for row in (*ROUTES, *SYSTEM_ROUTES, *COMPARTMENT_ROUTES)}
_KIND_OF_ROOM = {"fhir": "operation", "oauth": "authorization", "hl7v2": "message-received"}
#: Blueprints whose addresses name their types themselves (`/sas/Slot/<id_>`): kinds by method, and with an id or not.
_PLAIN = frozenset({"sas", "sas_regulators"})
_KIND_OF_METHOD = {
    ("GET", False): "search-type",
    ("GET", True): "read",
    ("POST", False): "create",
    ("PUT", False): "update",
    ("DELETE", True): "delete",
}
#: Below these addresses a request is told that no view is there for.
_TOLD = ("/fhir", "/oauth", "/sas", "/hl7v2")


def deed_of(environ: Environ, asked: Request | None, origins: Origins) -> Deed | None:
    """What is asked; None for what is not told."""
    if asked is None or asked.url_rule is None:
        is_told = environ["REQUEST_METHOD"] != "OPTIONS" and environ["PATH_INFO"].startswith(_TOLD)
        return Deed("other", address=origins.address(environ)) if is_told else None
    rule, named = asked.url_rule.rule, asked.view_args or {}
    room = asked.url_rule.endpoint.partition(".")[0]
    type_name = rule.split("/")[2] if room in _PLAIN else named.get("type_name", "")
    id_ = named.get("id_", "")
    kind = _kind(asked.url_rule.endpoint, room, environ["REQUEST_METHOD"], type_name, id_)
    if not kind:
        return None
    is_known = type_name in RESOURCES
    return Deed(
        kind,
        type_name if is_known else "",
        id_ if is_known and is_id(id_) else "",
        _name(kind, named.get("operation", ""), rule),
        _query(environ, kind),
        origins.address(environ),
    )


def add_form(about: Trace, form: bytes) -> None:
    """Add what a search asks in its body to what it asks in its address."""
    if about.deed is not None:
        mark = "" if about.deed.query.endswith("?") else "&"
        about.deed.query += mark + form.decode("latin-1")


def _kind(endpoint: str, room: str, method: str, type_name: str, id_: str) -> str:
    if room not in _PLAIN:
        return _KIND_OF_VIEW.get(endpoint) or _KIND_OF_ROOM.get(room, "")
    if type_name not in RESOURCES:
        return ""
    return _KIND_OF_METHOD.get(("GET" if method == "HEAD" else method, bool(id_)), "other")


def _name(kind: str, operation: str, rule: str) -> str:
    if kind == "operation":
        return operation if operation in OPERATIONS else ""
    return rule.rpartition("/")[2] if kind == "authorization" else ""


def _query(environ: Environ, kind: str) -> str:
    """The search or condition of a request: its address from the base on, with all that was asked."""
    query: str = environ.get("QUERY_STRING", "") or environ.get("HTTP_IF_NONE_EXIST", "")
    if not query and not kind.startswith("search"):
        return ""
    return f"{environ['PATH_INFO'].removeprefix('/fhir').lstrip('/')}?{query}"
