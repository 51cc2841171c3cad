"""The bodies of requests: how much is read, compressed or not, and JSON from whichever form they come in."""

import zlib

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from fhir_server.formats.xml import from_xml
from fhir_server.kernel import json
from fhir_server.kernel.errors import Category, fault
from fhir_server.web import negotiation

#: zlib's window bits for the gzip format.
_GZIP = 31


def received(max_bytes: int) -> bytes:
    """The body of the request, unpacked when it came as gzip. Never holds more than `max_bytes` and one byte of it.

    Raises RequestEntityTooLarge beyond `max_bytes`, packed or not; FhirError: UNSUPPORTED_MEDIA for another
    Content-Encoding, INVALID for what is not gzip.
    """
    body = request.get_data(cache=False)
    coding = request.environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if coding in ("gzip", "x-gzip"):
        body = _unpacked(body, max_bytes)
    elif coding not in ("", "identity"):
        headers = {"Accept-Encoding": "gzip, identity"}
        raise fault(Category.UNSUPPORTED_MEDIA, "Content-Encoding: bodies come plain or as gzip.", headers=headers)
    if len(body) > max_bytes:
        raise RequestEntityTooLarge
    return body


def as_json(max_bytes: int, type_name: str | None) -> bytes:
    """The body as JSON, whichever of the two forms Content-Type declares. Raises FhirError as the forms' readers do."""
    form = negotiation.body_form(request.content_type)
    body = received(max_bytes)
    return json.encode(from_xml(body, type_name)) if form == negotiation.XML else body


def _unpacked(body: bytes, max_bytes: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        found = unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        raise fault(Category.INVALID, "The body is not gzip, as Content-Encoding says.") from None
    if len(found) <= max_bytes and (not unpacker.eof or unpacker.unused_data):
        raise fault(Category.INVALID, "The body is not one whole gzip stream.")
    return found
