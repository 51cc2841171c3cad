"""Bytes that no HTTP library would send, on a socket: nothing of them comes back as a header, and the server goes on.

What breaks the grammar of HTTP itself is refused below the application, without a body. https://www.rfc-editor.org/rfc/rfc9112
"""

import json
import socket
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.rest.conftest import Api

ORGANIZATION = b'{"resourceType":"Organization","name":"x"}'
FORM = b"Content-Type: application/fhir+json\r\n"


class Reply:
    """One answer, as bytes."""

    def __init__(self, received: bytes) -> None:
        head, _, self.body = received.partition(b"\r\n\r\n")
        start, *lines = head.split(b"\r\n")
        self.status = int(start.split(b" ")[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}


def send(api: Api, line: bytes, headers: bytes = b"", body: bytes = b"") -> Reply:
    """One request as it stands: a request line, what else the head holds, and a body."""
    host = urlsplit(api.base)
    head = b"Host: x\r\nAuthorization: Bearer " + api.token.encode() + b"\r\nConnection: close\r\n"
    length = f"Content-Length: {len(body)}\r\n".encode() if body else b""
    with socket.create_connection((host.hostname, host.port), timeout=30) as peer:
        peer.sendall(line + b" HTTP/1.1\r\n" + head + headers + length + b"\r\n" + body)
        received = b""
        while piece := peer.recv(65_536):
            received += piece
    return Reply(received)


def check(api: Api, reply: Reply) -> None:
    """What holds of every answer here: no header came of what was sent, and the next request is served."""
    assert not [name for name in reply.headers if b"injected" in name]
    assert all(
        b"njected" not in value and b"\r" not in value and b"\n" not in value for value in reply.headers.values()
    )
    assert b"Traceback" not in reply.body
    assert 200 == api.get("metadata").status_code


REFUSED_BELOW = {
    "bare CR": (b"X-Request-Id: a\rX-Injected: 1\r\n", 400),
    "NUL": (b"X-Request-Id: a\0b\r\n", 400),
    "control characters": (b"X-Correlation-Id: a\x01\x1b[31m\r\n", 400),
    "folded line": (b"X-Request-Id: a\r\n X-Injected: 1\r\n", 400),
    "line folded by a tab": (b'If-Match: W/"1"\r\n\tX-Injected: 1\r\n', 400),
    "folded condition": (b"If-None-Exist: name=x\r\n X-Injected: 1\r\n", 400),
    "folded origin": (b"Origin: https://app.example\r\n X-Injected: 1\r\n", 400),
    "host of a proxy with CR": (b"X-Forwarded-Host: a\rX-Injected: 1\r\n", 400),
    "space in a name": (b"X Injected: 1\r\n", 400),
    "space before the colon": (b"X-Request-Id : injected\r\n", 400),
    "two lengths": (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
    "header of 500,000 bytes": (b"X-Request-Id: " + b"a" * 500_000 + b"\r\n", 431),
    "2,000 headers": (b"".join(b"X-%d: a\r\n" % number for number in range(2000)), 431),
}


@pytest.mark.parametrize("name", REFUSED_BELOW)
def test_what_is_no_http(api: Api, name: str) -> None:
    headers, status = REFUSED_BELOW[name]
    reply = send(api, b"GET /fhir/Patient/x", headers)

    assert status == reply.status
    check(api, reply)


LINES = {
    "LF in _format": (b"GET /fhir/Patient/x?_format=json\nX-Injected:1", 400),
    "NUL in an id": (b"GET /fhir/Patient/x\0", 400),
    "URL of 70,000 bytes": (b"GET /fhir/Patient?name=" + b"a" * 70_000, 414),
    "CRLF in _format": (b"GET /fhir/Patient/x?_format=json%0d%0aX-Injected:%201", 406),
    "CRLF in an id": (b"GET /fhir/Patient/x%0d%0aX-Injected:%201", 404),
    "CRLF in a type": (b"GET /fhir/Patient%0d%0aX-Injected:%201", 404),
    "CRLF in a version": (b"GET /fhir/Patient/x/_history/1%0d%0aX-Injected:%201", 404),
    "CRLF in a search": (b"GET /fhir/Patient?name=x%0d%0aX-Injected:%201", 200),
    "CRLF in a cursor": (b"GET /fhir/Patient?_cursor=x%0d%0aX-Injected:%201", 400),
    "CRLF in an operation": (b"GET /fhir/$x%0d%0aX-Injected:%201", 404),
    "U+0000 in an id": (b"GET /fhir/Patient/x%00", 404),
}


@pytest.mark.parametrize("name", LINES)
def test_addresses(api: Api, name: str) -> None:
    line, status = LINES[name]
    reply = send(api, line)

    assert status == reply.status
    check(api, reply)


WRITES = {
    "id of an update": (b"PUT /fhir/Organization/x%0d%0aX-Injected:1", b"", 404),
    "If-Match": (b"PUT /fhir/Organization/x", b'If-Match: W/"1%0d%0aX-Injected: 1"\r\n', 400),
    "If-None-Exist": (b"POST /fhir/Organization", b"If-None-Exist: name:x%0d%0aX-Injected=1\r\n", 400),
    "X-Forwarded-Host": (b"POST /fhir/Organization", b"X-Forwarded-Host: a%0d%0aX-Injected: 1\r\n", 201),
    "X-Forwarded-Proto": (b"POST /fhir/Organization", b"X-Forwarded-Proto: javascript\r\n", 201),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_an_address_is_made_of(api: Api, name: str) -> None:
    line, headers, status = WRITES[name]
    reply = send(api, line, FORM + headers, ORGANIZATION)

    assert status == reply.status
    assert status != 201 or reply.headers[b"location"].startswith(f"{api.base}/Organization/".encode())
    check(api, reply)


@pytest.mark.parametrize("value", [b"a b", b"\xc3\xa9\xff", b"a;b", b"x" * 65, b"<script>", b"a, b"])
def test_request_ids_that_are_none_are_not_answered(api: Api, value: bytes) -> None:
    headers = b"X-Request-Id: " + value + b"\r\nX-Correlation-Id: " + value + b" \x7e\r\n"
    reply = send(api, b"GET /fhir/Patient/x", headers)

    assert (404, False) == (reply.status, value in reply.headers[b"x-request-id"])
    assert b"x-correlation-id" not in reply.headers
    check(api, reply)


def test_a_body_after_its_end_is_no_request(api: Api) -> None:
    smuggled = b"0\r\n\r\nGET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n"
    reply = send(api, b"POST /fhir/Organization", FORM + b"Transfer-Encoding: chunked\r\n", smuggled)

    assert 400 == reply.status
    assert b"CapabilityStatement" not in reply.body
    check(api, reply)


def test_what_a_body_holds_is_told_in_no_header(api: Api) -> None:
    name = "x\r\nX-Injected: 1"
    reply = send(
        api, b"POST /fhir/Organization", FORM, json.dumps({"resourceType": "Organization", "id": name}).encode()
    )

    assert reply.status in (400, 422)
    check(api, reply)
