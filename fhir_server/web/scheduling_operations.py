"""Views of `Appointment/$find`, `$hold` and `$book`."""

from typing import Any

from flask import request

from fhir_server.auth.guard import Access
from fhir_server.bootstrap import Services
from fhir_server.interactions.answer import Answer
from fhir_server.interactions.book_appointment import book
from fhir_server.interactions.chosen import Call
from fhir_server.interactions.find_appointments import find
from fhir_server.interactions.hold_appointment import hold
from fhir_server.interactions.idempotent import key_of
from fhir_server.kernel.errors import Category, fault
from fhir_server.web import parameters
from fhir_server.web.entry import Entry, if_match, query_text

Json = dict[str, Any]


class SchedulingOperations:
    """What the rows of `registry.scheduling_operations` name."""

    def __init__(self, services: Services, entry: Entry) -> None:
        self._store = services.store
        self._entry = entry
        self._hold_seconds = services.settings.hold_seconds

    def find(self, access: Access, _type_name: str | None, _id: str | None, body: Json | None) -> Json:
        base_url = self._entry.base_url
        return find(self._store, access.actor, body, access_check=access.require, base_url=base_url, count=_count())

    def hold(self, access: Access, _type_name: str | None, _id: str | None, body: Json | None) -> Answer:
        return hold(self._store, access.actor, self._call("hold", access, body), seconds=self._hold_seconds)

    def book(self, access: Access, _type_name: str | None, _id: str | None, body: Json | None) -> Answer:
        return book(self._store, access.actor, self._call("book", access, body), if_match=if_match())

    def _call(self, name: str, access: Access, body: Json | None) -> Call:
        key = key_of(request.headers.get("Idempotency-Key"), f"${name}", body)
        return Call(body, access.require, self._entry.base_url, key)


def _count() -> int | None:
    """The `_count` of the URL. Raises FhirError (VALUE) for one that is no number from 1 on."""
    asked = dict(parameters.pairs(query_text().encode("latin-1"))).get("_count")
    if asked is None:
        return None
    if not (asked.isascii() and asked.isdigit() and 0 < int(asked[:10]) and len(asked) < 10):
        raise fault(Category.VALUE, "_count must be a whole number from 1 to 999999999.", "_count")
    return int(asked)
