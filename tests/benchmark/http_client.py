"""HTTP/1.1 for the load client: requests built once, answers only measured out, a real token that is never stale."""

import base64
import http.client
import json
import re
import time
from collections.abc import Iterable, Iterator

from tests.benchmark.asks import Ask

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SECRET = "creneau-demo"
FHIR, FORM = "application/fhir+json", "application/x-www-form-urlencoded"


class HttpReader:
    """Knows an answer's end by its Content-Length."""

    def __init__(self) -> None:
        self._head = b""
        self._missing = 0
        self._status = ""

    def feed(self, octets: bytes) -> str:
        """The status once the whole answer is here. Raises ValueError for an answer without Content-Length."""
        if self._missing:
            self._missing -= len(octets)
        else:
            self._head += octets
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return ""
            length = _LENGTH.search(self._head, 0, end + 2)
            if length is None:
                raise ValueError("an answer has no Content-Length")
            self._status = self._head[9:12].decode()
            self._missing = end + 4 + int(length[1]) - len(self._head)
            self._head = b""
        return "" if self._missing else self._status


class Bearer:
    """The access token of one partner, asked for again when half of its life is over."""

    def __init__(self, port: int, client_id: str) -> None:
        self._port = port
        self._client_id = client_id
        self._header = b""
        self._renew_at = 0.0

    def header(self) -> bytes:
        """The Authorization line with its line end."""
        if time.monotonic() >= self._renew_at:
            self._renew()
        return self._header

    def _renew(self) -> None:
        credentials = base64.b64encode(f"{self._client_id}:{_SECRET}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Content-Type": FORM}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request("POST", "/oauth/token", "grant_type=client_credentials", headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        self._header = f"Authorization: Bearer {answer['access_token']}\r\n".encode()
        self._renew_at = time.monotonic() + answer["expires_in"] / 2


def gets(paths: Iterable[str], bearer: Bearer | None) -> Iterator[bytes]:
    """A GET of each path."""
    for path in paths:
        token = bearer.header() if bearer else b""
        yield (
            b"GET " + path.encode() + b" HTTP/1.1\r\nHost: bench\r\nAccept: application/fhir+json\r\n" + token + b"\r\n"
        )


def posts(path: str, bodies: Iterable[bytes], bearer: Bearer) -> Iterator[bytes]:
    """A POST of each body."""
    for body in bodies:
        yield _post(path, body, FHIR, bearer)


def asked(asks: Iterable[Ask], bearer: Bearer) -> Iterator[bytes]:
    """Each request: a GET, or a POST of its form."""
    for ask in asks:
        if ask.form:
            yield _post(ask.path, ask.form.encode(), FORM, bearer)
        else:
            yield from gets((ask.path,), bearer)


def _post(path: str, body: bytes, media_type: str, bearer: Bearer) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAccept: {FHIR}\r\nContent-Type: {media_type}\r\n".encode()
    return head + bearer.header() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
