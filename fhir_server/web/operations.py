"""Views of operations: which are served where is a row of the registry; what each does, a function here.

https://www.hl7.org/fhir/R4/operations.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response, request

from fhir_server.auth.guard import Access
from fhir_server.bootstrap import Services
from fhir_server.figures.evaluate import evaluate_measure
from fhir_server.interactions.answer import Answer
from fhir_server.interactions.generate_slots import generate_slots
from fhir_server.interactions.match_slots import match_slots
from fhir_server.interactions.translate import translate
from fhir_server.interactions.validate import validate
from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, fault
from fhir_server.kernel.paths import first
from fhir_server.registry.operations import OPERATIONS
from fhir_server.registry.resources import BODY_ONLY, RESOURCES
from fhir_server.web import bodies, parameters, responses
from fhir_server.web.entry import Entry, check_id, query_text
from fhir_server.web.routes import allowed_of_operation
from fhir_server.web.scheduling_operations import SchedulingOperations

#: The body of a call, a Parameters or the one resource that it is about; None without.
Body = dict[str, Any] | None
#: An answer that is a resource alone is 200.
Handler = Callable[[Access, str | None, str | None, Body], dict[str, Any] | Answer]

#: Letter of `cruds` that a mode of `$validate` takes, since it tries the write.
_MODE_LETTERS = {"create": "c", "update": "u", "delete": "d"}


class OperationViews:
    """What `routes.OPERATION_ROUTES` names."""

    def __init__(self, services: Services, entry: Entry) -> None:
        self._store = services.store
        self._entry = entry
        self._communes = services.communes
        self._horizon_days = services.settings.slot_horizon_days
        scheduling = SchedulingOperations(services, entry)
        self._handlers: Mapping[str, Handler] = {
            "validate": self._validate,
            "translate": self._translate,
            "generate-slots": self._generate_slots,
            "match": self._match,
            "evaluate-measure": self._evaluate_measure,
            "find": scheduling.find,
            "hold": scheduling.hold,
            "book": scheduling.book,
        }

    def operate(self, operation: str, type_name: str | None = None, id_: str | None = None) -> Response:
        """Call the operation that the address names, at the level that the address is of."""
        access = self._entry.enter_system()
        if type_name is not None and type_name not in BODY_ONLY:
            self._entry.check_type(type_name)
        check_id(id_)
        level = "instance" if id_ is not None else "system" if type_name is None else "type"
        row = OPERATIONS.get(operation)
        if row is None or level not in row.levels or (type_name is not None and not row.is_on(type_name)):
            raise fault(Category.NOT_FOUND, "There is no such operation here.")
        if request.method not in allowed_of_operation(operation):
            headers = responses.allow(allowed_of_operation(operation))
            raise fault(Category.METHOD_NOT_ALLOWED, "The operation is called by POST.", headers=headers)
        answer = self._handlers[row.handler](access, type_name, id_, self._body())
        return responses.answered(answer) if isinstance(answer, Answer) else responses.bundle(json.encode(answer))

    def _validate(self, access: Access, type_name: str | None, id_: str | None, body: Body) -> dict[str, Any]:
        asked = dict(parameters.pairs(query_text().encode("latin-1")))
        mode = asked.get("mode") or first(body, "parameter[name=mode].valueCode")
        if type_name in RESOURCES:
            letters = {"r"} if id_ is not None else {"c"}
            for letter in sorted(letters if mode is None else letters - {"c"} | {_MODE_LETTERS.get(str(mode), "c")}):
                access.require(type_name, letter)
        return validate(self._store, access.actor, type_name, id_, body, asked.get("mode"), asked.get("profile"))

    def _translate(self, access: Access, _type_name: str | None, id_: str | None, body: Body) -> dict[str, Any]:
        access.require("ConceptMap", "r")
        asked, _ = parameters.split(parameters.pairs(query_text().encode("latin-1")))
        return translate(self._store, access.actor, id_, body, asked)

    def _generate_slots(self, access: Access, _type_name: str | None, id_: str | None, body: Body) -> dict[str, Any]:
        access.require("Schedule", "u")
        access.require("Slot", "u")
        return generate_slots(self._store, access.actor, id_ or "", body, horizon_days=self._horizon_days)

    def _match(self, access: Access, _type_name: str | None, id_: str | None, body: Body) -> dict[str, Any]:
        access.require("Slot", "s")
        if id_ is not None:
            access.require("ServiceRequest", "r")
        asked, _ = parameters.split(parameters.pairs(query_text().encode("latin-1")))
        return match_slots(
            self._store,
            access.actor,
            id_,
            body,
            asked,
            communes=self._communes,
            may_read=lambda name: access.scopes.allows(name, "r"),
            base_url=self._entry.base_url,
        )

    def _evaluate_measure(self, access: Access, _type_name: str | None, id_: str | None, body: Body) -> dict[str, Any]:
        access.require("Measure", "r")
        access.require("MeasureReport", "r")
        asked, _ = parameters.split(parameters.pairs(query_text().encode("latin-1")))
        return evaluate_measure(self._store, access.actor, id_ or "", body, asked)

    def _body(self) -> Body:
        """What was posted, in whichever form; it is for the operation to judge."""
        if request.method != "POST" or not (request.content_length or request.content_type):
            return None
        body = json.decode(bodies.as_json(self._entry.max_bytes, None))
        if not isinstance(body, dict):
            raise fault(Category.STRUCTURE, "The body is not a JSON object.")
        return body
