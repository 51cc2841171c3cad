"""What happens at both ends of every request: it gets an id, its answer carries it, and a line tells of it.

A line holds the route, never the path: ids and search values of persons stay out of the log.
"""

import logging
import re
import time

from flask import Flask, Response, g, request

from fhir_server.kernel.ids import is_id, new_id
from fhir_server.registry.resources import RESOURCES

#: Shape of a correlation id that is answered and logged: nothing that could end a header or a line.
_CORRELATION = re.compile(r"[A-Za-z0-9._:/+=\-]{1,128}")

_log = logging.getLogger("fhir_server.access")


def register(app: Flask, *, is_logged: bool) -> None:
    """Give every request an id and, if `is_logged`, a log line."""
    app.before_request(_begin)
    app.after_request(_finish_logged if is_logged else _finish)


def _begin() -> None:
    # https://www.hl7.org/fhir/R4/http.html#custom: the client's id is kept when it has the shape of one.
    given = request.environ.get("HTTP_X_REQUEST_ID")
    g.request_id = given if given and is_id(given) else new_id()
    correlation = request.environ.get("HTTP_X_CORRELATION_ID", "")
    g.correlation_id = correlation if _CORRELATION.fullmatch(correlation) else ""
    g.client_id = "-"
    g.begun = time.perf_counter()


def _finish(response: Response) -> Response:
    headers = response.headers
    headers["X-Request-Id"] = g.request_id
    if g.correlation_id:
        headers["X-Correlation-Id"] = g.correlation_id
    headers["X-Content-Type-Options"] = "nosniff"
    return response


def _finish_logged(response: Response) -> Response:
    milliseconds = (time.perf_counter() - g.begun) * 1000
    _log.info(
        "%s %s %d %.1f ms client=%s request=%s%s",
        request.method,
        _route(),
        response.status_code,
        milliseconds,
        g.client_id,
        g.request_id,
        f" correlation={g.correlation_id}" if g.correlation_id else "",
    )
    return _finish(response)


def _route() -> str:
    """The rule that matched, with the resource type in it."""
    rule = request.url_rule.rule if request.url_rule else "-"
    type_name = (request.view_args or {}).get("type_name")
    return rule.replace("<type_name>", type_name) if type_name in RESOURCES else rule
