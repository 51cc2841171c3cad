"""Under which address a client knows this server, and from which pages browsers may call it.

https://www.hl7.org/fhir/R4/http.html#custom (X-Forwarded-*); https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, request

from fhir_server.kernel.networks import Networks

_HOST = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_SCHEMES = frozenset({"http", "https"})

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, "
    "Prefer, X-Correlation-Id, X-Request-Id"
)
_ANSWER_HEADERS = "Content-Location, ETag, Last-Modified, Location, Retry-After, X-Correlation-Id, X-Request-Id"


class Origins:
    """The addresses that links are built with."""

    def __init__(self, issuer: str, trusted_proxies: str) -> None:
        """`trusted_proxies`: addresses or networks, separated by commas. Raises ValueError for what is neither."""
        self._base_url, self._issuer = f"{issuer}/fhir", issuer
        self._trusted = Networks(trusted_proxies)

    def base_url(self, environ: Mapping[str, Any]) -> str:
        """The FHIR base; as the proxy names it when it is one we trust and what it says has the shape of an address."""
        if not self._trusted or environ.get("REMOTE_ADDR", "") not in self._trusted:
            return self._base_url
        own_scheme, _, own_host = self._issuer.partition("://")
        scheme = _last(environ.get("HTTP_X_FORWARDED_PROTO")) or own_scheme
        host = _last(environ.get("HTTP_X_FORWARDED_HOST")) or own_host
        if scheme not in _SCHEMES or not _HOST.fullmatch(host):
            return self._base_url
        return f"{scheme}://{host}/fhir"

    def address(self, environ: Mapping[str, Any]) -> str:
        """The network address that a request came from; as the proxy names it when it is one we trust."""
        address: str = environ.get("REMOTE_ADDR", "")
        if not self._trusted or address not in self._trusted:
            return address
        told = _last(environ.get("HTTP_X_FORWARDED_FOR"))
        try:
            return str(ipaddress.ip_address(told))
        except ValueError:
            return address


def register(app: Flask, cors_origins: str) -> None:
    """Let pages of these origins (separated by commas, `*` for all) call `app` from a browser; none when empty."""
    origins = frozenset(_listed(cors_origins))
    if not origins:
        return

    def is_welcome() -> bool:
        origin = request.environ.get("HTTP_ORIGIN")
        return origin is not None and ("*" in origins or origin in origins)

    def preflight() -> Response | None:
        is_asked = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.environ
        if request.method != "OPTIONS" or not is_asked or not is_welcome():
            return None
        headers = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": "600",
        }
        return Response(None, 204, headers)

    def admit(response: Response) -> Response:
        if is_welcome():
            response.headers["Access-Control-Allow-Origin"] = request.environ["HTTP_ORIGIN"]
            response.headers["Access-Control-Expose-Headers"] = _ANSWER_HEADERS
        response.vary.add("Origin")
        return response

    app.before_request(preflight)
    app.after_request(admit)


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _last(header: str | None) -> str:
    """What the nearest proxy added: those before it may have been made up by the client."""
    return (header or "").rpartition(",")[2].strip()
