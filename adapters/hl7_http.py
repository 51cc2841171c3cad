"""HL7 v2 over HTTP: `POST /hl7v2/<feed>`, one message a request, through the very pipeline of the MLLP ports.

After HL7 over HTTP as HAPI specifies it: every HL7 answer, a refusal too, is HTTP 200; another status means that no
message was looked at, and its body is plain text. Who sends is known by an OAuth access token instead of a password.
https://hapifhir.github.io/hapi-hl7v2/hapi-hl7overhttp/specification.html
"""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_options_header

from adapters.feeds import Feed
from adapters.hl7v2.encoding import codec_of
from adapters.receive import Receiver
from fhir_server.auth.guard import authenticate, throttle
from fhir_server.bootstrap import Services
from fhir_server.kernel.errors import Category, FhirError, fault
from fhir_server.web.bodies import received
from fhir_server.web.request_log import trace

ER7 = "x-application/hl7-v2+er7"
#: The specification's, its older one, and what simple senders write.
_TYPES = frozenset({ER7, "application/hl7-v2+er7", "application/hl7-v2", "text/plain"})


def blueprint(services: Services, feeds: Mapping[str, Feed], receiver: Callable[[str], Receiver]) -> Blueprint:
    """The route for the feeds whose file says `http = true`."""
    routes = Blueprint("hl7v2", __name__)

    @routes.post("/hl7v2/<name>")
    def receive(name: str) -> Response:
        try:
            _check_sender(services, feeds.get(name))
            charset = _charset()
            body = received(services.settings.max_message_bytes)
        except FhirError as error:
            return _plain(error.category.http_status, str(error), error.headers)
        except HTTPException as error:
            return _plain(error.code or 400, error.name)
        answer = receiver(name).take(body, codec=codec_of(charset) if charset else None)
        return Response(answer.octets, content_type=f"{ER7}; charset={charset}" if charset else ER7)

    return routes


def _check_sender(services: Services, feed: Feed | None) -> None:
    """Raise FhirError: LOGIN for nobody we know, NOT_FOUND for whoever is not the feed's owner."""
    about = trace()
    access = authenticate(services, request.headers.get("Authorization"), about.request_id, request.environ)
    about.client_id = access.actor.client
    throttle(services.rates, access)
    if feed is None or not feed.has_http or feed.owner != access.actor.owner:
        raise fault(Category.NOT_FOUND, "There is no such feed for this client.")


def _charset() -> str:
    """The charset of the request, which goes before MSH-18; empty when it names none."""
    kind, options = parse_options_header(request.content_type)
    if kind not in _TYPES:
        raise fault(Category.UNSUPPORTED_MEDIA, f"A message comes as {ER7}.", headers={"Accept-Post": ER7})
    charset = options.get("charset", "")
    if charset and codec_of(charset) is None:
        raise fault(Category.UNSUPPORTED_MEDIA, "The charset is not one of HL7 table 0211.")
    return charset


def _plain(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(f"{text}\n", status, dict(headers or {}), content_type="text/plain; charset=utf-8")
