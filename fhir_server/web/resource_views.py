"""Views of a type and its instances: read the request, call the interaction, make the response."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response, request

from fhir_server.auth.guard import Access
from fhir_server.bootstrap import Services
from fhir_server.interactions import conditional
from fhir_server.interactions.create import create_once
from fhir_server.interactions.delete import delete
from fhir_server.interactions.history import history
from fhir_server.interactions.idempotent import Key, Written
from fhir_server.interactions.patch import patch
from fhir_server.interactions.read import read, vread
from fhir_server.interactions.remarks import remarks
from fhir_server.interactions.subset import Subset
from fhir_server.interactions.update import update
from fhir_server.kernel.errors import Category, fault
from fhir_server.patching import fhirpath_patch, json_patch
from fhir_server.search.query import parse
from fhir_server.storage.resources import Stored
from fhir_server.validation.gates import check_body
from fhir_server.web import bodies, negotiation, parameters, responses
from fhir_server.web.entry import Entry, idempotency_key, if_match, query_text, wanted

#: Parameters of a read that ask for a part of the resource.
_PART = frozenset({"_summary", "_elements"})

#: From a resource to the resource after a patch.
Change = Callable[[dict[str, Any]], dict[str, Any]]


class ResourceViews:
    """What `routes.ROUTES` names, but for searches."""

    def __init__(self, services: Services, entry: Entry) -> None:
        self._store = services.store
        self._entry = entry

    def read(self, type_name: str, id_: str) -> Response:
        access = self._entry.enter(type_name, "read", id_)
        return _unless_unchanged(read(self._store, access.actor, type_name, id_))

    def vread(self, type_name: str, id_: str, version: str) -> Response:
        access = self._entry.enter(type_name, "vread", id_)
        return _unless_unchanged(vread(self._store, access.actor, type_name, id_, _version(version)))

    def history(self, type_name: str, id_: str) -> Response:
        access = self._entry.enter(type_name, "history-instance", id_)
        return self._history(access, type_name, id_)

    def history_of_type(self, type_name: str) -> Response:
        access = self._entry.enter(type_name, "history-type")
        return self._history(access, type_name, None)

    def create(self, type_name: str) -> Response:
        access = self._entry.enter(type_name, "create")
        condition = request.environ.get("HTTP_IF_NONE_EXIST")
        if condition is not None:
            access.admit(type_name, "s")
        content = self._entry.resource(type_name)
        key = idempotency_key(type_name, condition, content)
        if condition is not None:
            return self._once_written(self._create_unless(access, type_name, content, condition, key))
        return self._once_written(create_once(self._store, access.actor, type_name, content, key))

    def update(self, type_name: str, id_: str) -> Response:
        access = self._entry.enter(type_name, "update", id_)
        none_match = _if_none_match()
        content = self._entry.resource(type_name)
        if content.get("id") != id_:
            raise fault(Category.INVALID, "The id in the body must be the id in the URL.", f"{type_name}.id")
        self._require_create(access, type_name, id_)
        stored, is_created = update(
            self._store, access.actor, type_name, id_, content, if_match(), if_none_match=none_match
        )
        return self._written(stored, is_created=is_created)

    def update_where(self, type_name: str) -> Response:
        access = self._enter_where(type_name, "update")
        none_match = _if_none_match()
        content = self._entry.resource(type_name)
        stored, is_created = conditional.update(
            self._store,
            access.actor,
            type_name,
            content,
            query_text(),
            if_match(),
            if_none_match=none_match,
            access_check=access.admit,
            base_url=self._entry.base_url,
        )
        return self._written(stored, is_created=is_created)

    def patch(self, type_name: str, id_: str) -> Response:
        access = self._entry.enter(type_name, "patch", id_)
        stored = patch(self._store, access.actor, type_name, id_, self._change(), if_match())
        return self._written(stored, is_created=False)

    def patch_where(self, type_name: str) -> Response:
        access = self._enter_where(type_name, "patch")
        stored = conditional.patch(
            self._store,
            access.actor,
            type_name,
            query_text(),
            self._change(),
            if_match(),
            access_check=access.admit,
            base_url=self._entry.base_url,
        )
        return self._written(stored, is_created=False)

    def delete(self, type_name: str, id_: str) -> Response:
        access = self._entry.enter(type_name, "delete", id_)
        delete(self._store, access.actor, type_name, id_, if_match())
        return responses.deleted(wanted())

    def delete_where(self, type_name: str) -> Response:
        access = self._enter_where(type_name, "delete")
        conditional.delete(
            self._store,
            access.actor,
            type_name,
            query_text(),
            if_match(),
            access_check=access.admit,
            base_url=self._entry.base_url,
        )
        return responses.deleted(wanted())

    def _create_unless(
        self, access: Access, type_name: str, content: dict[str, Any], condition: str, key: Key | None
    ) -> Written:
        return conditional.create(
            self._store,
            access.actor,
            type_name,
            content,
            condition,
            access_check=access.admit,
            base_url=self._entry.base_url,
            key=key,
        )

    def _enter_where(self, type_name: str, interaction: str) -> Access:
        """As `enter`, for what a search picks: the answer tells what it found, so the scope must let it search."""
        access = self._entry.enter(type_name, interaction)
        access.admit(type_name, "s")
        return access

    def _history(self, access: Access, type_name: str, id_: str | None) -> Response:
        pairs, _ = parameters.split(parameters.pairs(query_text().encode("latin-1")))
        base_url, strict = self._entry.base_url, wanted().is_strict
        return responses.bundle(history(self._store, access.actor, type_name, id_, pairs, base_url, strict=strict))

    def _change(self) -> Change:
        """What the patch in the body does, by its form."""
        form = negotiation.body_form(request.content_type, is_patch=True)
        if form == negotiation.JSON_PATCH:
            body = bodies.received(self._entry.max_bytes)
            return lambda document: json_patch.apply(document, body)
        operations = check_body(bodies.as_json(self._entry.max_bytes, "Parameters"), "Parameters")
        return lambda document: fhirpath_patch.apply(document, operations)

    def _require_create(self, access: Access, type_name: str, id_: str) -> None:
        # A PUT that creates needs the letter c as well; without it the resource must be there already.
        if not access.scopes.admits(type_name, "c"):
            read(self._store, access.actor, type_name, id_)

    def _once_written(self, made: Written) -> Response:
        return responses.repeated(self._written(made.stored, is_created=made.is_created), made.is_repeated)

    def _written(self, stored: Stored, *, is_created: bool) -> Response:
        said = remarks(self._store.read(), stored, self._store.database.clock())
        base_url = self._entry.base_url
        return responses.written(stored, is_created=is_created, wanted=wanted(), base_url=base_url, remarks=said)


def _unless_unchanged(stored: Stored) -> Response:
    """The resource, or the part of it that `_summary` and `_elements` ask for; 304 when the client has this version."""
    environ = request.environ
    tag, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
    if negotiation.is_unchanged(stored.version, stored.updated_ms, tag, since):
        return responses.not_modified(stored)
    return responses.resource(_shown(stored))


def _shown(stored: Stored) -> Stored:
    text = query_text()
    if not any(name in text for name in _PART):
        return stored
    pairs = [pair for pair in parameters.pairs(text.encode("latin-1")) if pair[0] in _PART]
    query = parse(stored.type, pairs)
    return replace(stored, body=Subset(query.summary, query.elements).apply(stored.body))


def _if_none_match() -> str | None:
    """`*`, or None without the header. R4 gives no other value a meaning on an update."""
    text: str | None = request.environ.get("HTTP_IF_NONE_MATCH")
    if text is not None and text.strip() != "*":
        raise fault(Category.INVALID, "If-None-Match on an update is * or absent.")
    return None if text is None else "*"


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise fault(Category.NOT_FOUND, "The version is not a number.")
    return int(text)
