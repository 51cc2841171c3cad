"""The last step of every answer: from the stored JSON to the form asked for, indented or compressed if asked.

Stored text is only parsed for XML; an answer in plain JSON passes as it is.
"""

import gzip

import msgspec
from flask import Flask, Response, g, request

from fhir_server.formats.xml import to_xml
from fhir_server.kernel import json
from fhir_server.kernel.errors import FhirError
from fhir_server.registry import ins
from fhir_server.registry.canonicals import generation_of, renamed
from fhir_server.web import negotiation, parameters, responses
from fhir_server.web.request_log import trace

FHIR_XML = "application/fhir+xml; charset=utf-8"

#: Below this many bytes compression costs more than it saves: the answer fits one packet.
_WORTH_PACKING = 1400
_LEVEL = 3


def register(app: Flask) -> None:
    """Give every answer of `app` the form that its request asked for."""
    app.after_request(_render)


def check_form(format_: str | None = None) -> None:
    """Settle the form of this request's answer; `format_` is the `_format` of its form, if it has one.

    Raises FhirError (NOT_ACCEPTABLE) when none will do.
    """
    environ = request.environ
    asked = format_ or _asked("_format")
    g.form = negotiation.answer_form(environ.get("HTTP_ACCEPT"), asked)


def _render(response: Response) -> Response:
    if response.headers.get("Content-Type") == responses.FHIR_JSON:
        _hide(response)
        # Whose data is shown is told by the JSON, whatever form it takes now.
        trace().disclosed = b"".join(response.iter_encoded())
        _shape(response)
    if negotiation.takes_gzip(request.environ.get("HTTP_ACCEPT_ENCODING")):
        _pack(response)
    return response


def _hide(response: Response) -> None:
    """Leave out what the client may not read of what it may."""
    actor = trace().actor
    if actor is not None and not actor.reads_ins:
        body = response.get_data()
        shown = ins.hidden(body)
        if shown is not body:
            response.set_data(shown)


def _shape(response: Response) -> None:
    generation = _generation()
    if generation is not None:
        response.set_data(_renamed(response.get_data(), generation))
    if _form() == negotiation.XML:
        response.headers["Content-Type"] = FHIR_XML
        response.set_data(_xml(response, response.get_data()))
    elif _asked("_pretty") == "true":
        response.set_data(msgspec.json.format(response.get_data(), indent=2))


def _generation() -> int | None:
    """The generation of FrCore that the client asks for, by a profile of `Accept` or of `_profile`; None for none."""
    accept, query = request.environ.get("HTTP_ACCEPT", ""), request.environ.get("QUERY_STRING", "")
    if "profile" not in accept and "_profile" not in query:
        return None
    asked = (*negotiation.profiles(accept), _asked("_profile") or "")
    return next((found for url in asked if (found := generation_of(url)) is not None), None)


def _renamed(body: bytes, generation: int) -> bytes:
    """The body with the canonicals of one generation: as JSON strings they stand whole, and nothing else is touched."""
    for other, name in renamed(generation).items():
        body = body.replace(b'"%s"' % other.encode(), b'"%s"' % name.encode())
    return body


def _xml(response: Response, body: bytes) -> bytes:
    if not body:
        return body
    try:
        return to_xml(json.load(body), is_pretty=_asked("_pretty") == "true")
    except FhirError as error:
        # What was written stays written: only its representation cannot be shown.
        if request.method in ("GET", "HEAD"):
            response.status_code = error.category.http_status
        return to_xml(responses.outcome_of(error.issues))


def _pack(response: Response) -> None:
    if response.is_streamed or "Content-Encoding" in response.headers:
        return
    body = response.get_data()
    if len(body) >= _WORTH_PACKING:
        response.set_data(gzip.compress(body, _LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"


def _form() -> str:
    """The form settled on; for a request refused before that, the one it asks for, or JSON."""
    if "form" not in g:
        try:
            check_form()
        except FhirError:
            g.form = negotiation.JSON
    form: str = g.form
    return form


def _asked(name: str) -> str | None:
    """The value of a parameter of the URL about the form of the answer, None without it."""
    query = request.environ.get("QUERY_STRING", "")
    if name not in query:
        return None
    try:
        pairs = parameters.pairs(query.encode("latin-1"))
    except FhirError:
        # Whoever needs the parameters refuses them; what they ask of the answer's form cannot be known.
        return None
    return next((value for other, value in pairs if other == name), None)
