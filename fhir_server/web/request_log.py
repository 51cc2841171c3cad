"""What happens at both ends of every request: it gets an id, its answer carries it, and a line tells of it.

A line holds the route, never the path: ids and search values of persons stay out of the log. It is a WSGI application
around the web framework's, since every read passes here and the framework's own hooks cost several times as much.
"""

import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Request, request

from fhir_server.kernel import json
from fhir_server.kernel.actor import Actor
from fhir_server.kernel.deed import Deed
from fhir_server.kernel.errors import Category
from fhir_server.kernel.ids import is_id, new_id
from fhir_server.registry.resources import RESOURCES
from fhir_server.storage import patience

#: Shape of a correlation id that is answered and logged: nothing that could end a header or a line.
_CORRELATION = re.compile(r"[A-Za-z0-9._:/+=\-]{1,128}")
_KEY = "creneau.trace"

_log = logging.getLogger("fhir_server.access")

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


#: What browsers are told of every answer: it is no page. https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html
_GUARDED = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("Referrer-Policy", "no-referrer"),
)
#: A year, for who came by TLS to this server; a proxy says so itself.
_STAY = ("Strict-Transport-Security", "max-age=31536000")
#: The answer in the place of one whose event could not be kept.
WITHHELD = "503 SERVICE UNAVAILABLE"
_WITHHELD_HEADERS = (
    ("Content-Type", "application/fhir+json; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Retry-After", "5"),
)
_WITHHELD_BODY = json.encode(
    {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": Category.UNAVAILABLE.issue_code,
                "diagnostics": "What was asked cannot be noted in the audit trail now; try again later.",
            }
        ],
    }
)


@dataclass(slots=True)
class Trace:
    """What is known of a request under way."""

    request_id: str
    correlation_id: str
    #: Whether it came by TLS to this server itself.
    is_tls: bool = False
    #: Who asks, once that is known.
    client_id: str = "-"
    begun: float = field(default_factory=time.perf_counter)
    status: str = "-"
    route: str = "-"
    #: For audit: who was let in, what is asked, and the JSON that the answer shows.
    actor: Actor | None = None
    deed: Deed | None = None
    disclosed: str | bytes = b""

    def headers(self) -> list[tuple[str, str]]:
        """What every answer carries."""
        found = [("X-Request-Id", self.request_id), *_GUARDED]
        if self.is_tls:
            found.append(_STAY)
        return [*found, ("X-Correlation-Id", self.correlation_id)] if self.correlation_id else found


#: Asked once the answer is known: whether it may be given.
Finish = Callable[[Environ, Trace], bool]


def trace() -> Trace:
    """The trace of the request being answered."""
    found: Trace = request.environ[_KEY]
    return found


def register(app: Flask, *, is_logged: bool, finish: Finish | None = None, statement_seconds: int = 0) -> None:
    """Give every request an id and, if `is_logged`, a log line.

    Its statements are given up after `statement_seconds`, unless that is 0. `finish` is asked before an answer leaves;
    when it says False, the answer is not given but a 503.
    """
    app.wsgi_app = _Traced(app.wsgi_app, finish, statement_seconds, is_logged=is_logged)  # type: ignore[method-assign]


class _Traced:
    def __init__(self, application: Wsgi, finish: Finish | None, statement_seconds: int, *, is_logged: bool) -> None:
        self._statement_seconds = statement_seconds
        self._application = application
        self._finish = finish
        self._is_logged = is_logged

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        about = environ[_KEY] = _begin(environ)
        is_withheld = False

        def start(status: str, headers: list[tuple[str, str]], failure: Any = None) -> Any:
            nonlocal is_withheld
            about.status = status
            # The framework forgets the request before it returns.
            about.route = _route(environ.get("werkzeug.request"))
            if self._finish is not None and not self._finish(environ, about):
                is_withheld = True
                about.status, headers = WITHHELD, list(_WITHHELD_HEADERS)
            return start_response(about.status, headers + about.headers(), failure)

        patience.begin(self._statement_seconds)
        try:
            body = self._application(environ, start)
        finally:
            patience.end()
        if is_withheld:
            _close(body)
            body = [_WITHHELD_BODY]
        if self._is_logged and _log.isEnabledFor(logging.INFO):
            _log.info(_line(environ, about))
        return body


def _close(body: Iterable[bytes]) -> None:
    close = getattr(body, "close", None)
    if close is not None:
        close()


def _begin(environ: Environ) -> Trace:
    # https://www.hl7.org/fhir/R4/http.html#custom: the client's id is kept when it has the shape of one.
    given = environ.get("HTTP_X_REQUEST_ID")
    correlation = environ.get("HTTP_X_CORRELATION_ID")
    return Trace(
        given if given and is_id(given) else new_id(),
        correlation if correlation and _CORRELATION.fullmatch(correlation) else "",
        environ.get("wsgi.url_scheme") == "https",
    )


def _line(environ: Environ, about: Trace) -> str:
    milliseconds = (time.perf_counter() - about.begun) * 1000
    correlation = f" correlation={about.correlation_id}" if about.correlation_id else ""
    return (
        f"{environ['REQUEST_METHOD']} {about.route} {about.status[:3]} {milliseconds:.1f} ms "
        f"client={about.client_id} request={about.request_id}{correlation}"
    )


def _route(answered: Request | None) -> str:
    """The rule that matched, with the resource type in it."""
    if answered is None or answered.url_rule is None:
        return "-"
    rule: str = answered.url_rule.rule
    type_name = (answered.view_args or {}).get("type_name")
    return rule.replace("<type_name>", type_name) if type_name in RESOURCES else rule
