"""Fetching what a partner publishes (its public keys), without becoming its tool.

Whoever registers an address could make the server ask inside its own network for it. So: https alone, no address that
is not public, the address checked is the one connected to, no redirects, a limit on time and size. A demonstration,
whose partners run beside it, may ask anyone by http.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

#: Seconds that one fetch may take, and bytes that an answer may have.
MAX_SECONDS, MAX_BYTES = 3.0, 65_536

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NO_CACHE = re.compile(r"(?:^|[\s,])(?:no-store|no-cache)\b", re.IGNORECASE)


class FetchError(Exception):
    """Nothing usable was fetched. The text says why and is for the operator's log, not for whoever asked."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered."""

    body: bytes
    #: Seconds it may be kept according to Cache-Control: 0 for not at all, None when nothing is said.
    max_age: int | None


class Fetcher:
    """Asks other servers."""

    def __init__(self, *, is_demo: bool, context: ssl.SSLContext | None = None) -> None:
        self._is_demo = is_demo
        self._context = context

    def get(self, url: str) -> Fetched:
        """What the address answers to GET. Raises FetchError."""
        return self._ask(url, "GET", None, {})

    def post(self, url: str, form: str, headers: dict[str, str]) -> Fetched:
        """What the address answers to a form. Raises FetchError."""
        return self._ask(url, "POST", form, headers | {"Content-Type": "application/x-www-form-urlencoded"})

    def _ask(self, url: str, method: str, body: str | None, headers: dict[str, str]) -> Fetched:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (self._is_demo and parts.scheme == "http"):
            raise FetchError("the address is not https")
        if not parts.hostname or parts.username is not None:
            raise FetchError("the address names no host, or a user")
        deadline = time.monotonic() + MAX_SECONDS
        connection = self._connection(parts.scheme, parts.hostname, parts.port, deadline)
        # A limit for each read alone would let a slow sender hold us for ever.
        alarm = Timer(max(deadline - time.monotonic(), 0.1), _hang_up, [connection.sock])
        alarm.daemon = True
        alarm.start()
        try:
            path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
            connection.request(method, path, body, {"Accept": "application/json", "Connection": "close"} | headers)
            return _read(connection)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchError(f"no answer: {type(error).__name__}") from None
        finally:
            alarm.cancel()
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None, deadline: float) -> http.client.HTTPConnection:
        try:
            address = self._address(host, port or (443 if scheme == "https" else 80))
            connection = http.client.HTTPConnection(host, port, timeout=MAX_SECONDS)
            # The socket is made here: a name looked up twice may lead elsewhere the second time.
            connected = socket.create_connection(address, max(deadline - time.monotonic(), 0.1))
            connection.sock = self._secured(connected, host) if scheme == "https" else connected
        except (OSError, UnicodeError) as error:
            raise FetchError(f"no connection: {type(error).__name__}") from None
        return connection

    def _secured(self, connected: socket.socket, host: str) -> Any:
        context = self._context or ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            return context.wrap_socket(connected, server_hostname=host)
        except OSError:
            connected.close()
            raise

    def _address(self, host: str, port: int) -> tuple[str, int]:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        if not self._is_demo and not all(is_public(address) for address in found):
            raise FetchError("the address is not a public one")
        return found[0], port


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet, neither private nor reserved, nor one that hides such a one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return found.is_global and not found.is_multicast


def _hang_up(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _read(connection: http.client.HTTPConnection) -> Fetched:
    answer = connection.getresponse()
    if answer.status != http.client.OK:
        raise FetchError(f"status {answer.status}")
    body = answer.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise FetchError(f"more than {MAX_BYTES} bytes")
    if answer.length:
        raise FetchError("cut short")
    return Fetched(body, _max_age(answer.getheader("Cache-Control") or ""))


def _max_age(text: str) -> int | None:
    if _NO_CACHE.search(text):
        return 0
    match = _MAX_AGE.search(text)
    return int(match[1]) if match else None
