"""The one place where failures become answers: known ones tell their issues, unknown ones a fixed sentence."""

import logging

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from fhir_server.kernel import log
from fhir_server.kernel.errors import Category, FhirError, Issue, fault
from fhir_server.storage.database import is_given_up, is_unavailable
from fhir_server.storage.unit_of_work import unavailable
from fhir_server.web import responses
from fhir_server.web.request_log import trace

_log = logging.getLogger("fhir_server.errors")

#: What the web framework refuses by itself, in FHIR's words.
_REFUSALS = {
    404: (Category.NOT_FOUND, "There is nothing at this address."),
    405: (Category.METHOD_NOT_ALLOWED, "That method is not open at this address."),
    413: (Category.TOO_LARGE, "The body is larger than this server takes."),
}


TOO_LARGE = 413


def register(app: Flask) -> None:
    """Let every failure of `app` be answered with an OperationOutcome."""
    app.register_error_handler(FhirError, _known)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _unknown)


def _known(error: FhirError) -> Response:
    return responses.refusal(error)


def _refused(error: HTTPException) -> Response:
    status = error.code or 500
    category, sentence = _REFUSALS.get(status, (Category.INVALID, "The request could not be read."))
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    if status == TOO_LARGE:
        # What is left of the body is not read: a client that kept the connection would lose its next request on it.
        headers["Connection"] = "close"
    return responses.outcome((Issue(category, sentence),), status, headers)


def _unknown(error: Exception) -> Response:
    if is_given_up(error):
        _log.warning("a statement took too long request=%s", trace().request_id)
        reason = "The answer takes longer to find than is allowed; ask for less."
        return responses.refusal(fault(Category.GIVEN_UP, reason, headers={"Retry-After": "60"}))
    if is_unavailable(error):
        _log.error("store unreachable request=%s", trace().request_id)
        return responses.refusal(unavailable())
    _log.error("unexpected request=%s %s", trace().request_id, log.describe(error))
    return responses.refusal(fault(Category.EXCEPTION, "The server failed. The request id names the log entry."))
