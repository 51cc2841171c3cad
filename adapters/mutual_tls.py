"""A port on which every client shows a certificate, and the application is told which.

Granian, which serves the other port, checks certificates but tells a WSGI application of none
(docs/decisions/0025-mutual-tls.md). Here aiohttp speaks HTTP and OpenSSL TLS; this module hands requests on to the same
application, with the certificate in their environment, and bounds how long anybody may be silent.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from aiohttp import web

from fhir_server.auth.peer import ENVIRON_KEY

log = logging.getLogger(__name__)

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: Seconds for a handshake, for a body, without a request, and of a connection's whole life: then it shows its
#: certificate anew, which may have been revoked meanwhile.
HANDSHAKE, BODY, IDLE, LIFE = 10.0, 30.0, 30.0, 300.0
#: Connections at once. More wait to be accepted by nobody: they are closed.
MOST_CONNECTIONS = 256
#: Seconds between two looks at the connections and at the revocation lists.
_LOOK = 2.0
#: Seconds that requests under way have when the server stops.
_GRACE = 20.0
#: Longest request line, and header.
_MAX_LINE, _MAX_FIELD = 65_536, 16_384
#: aiohttp tells of requests it cannot read with their octets: nobody listens.
_SILENT = logging.getLogger(f"{__name__}.unread")
_SILENT.disabled = True
#: Headers that are about this connection, or that are counted here.
_OURS = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen, and for how much."""

    host: str
    port: int
    context: ssl.SSLContext
    #: PEM file of revocation lists that the context knows, read again when it changes; None for none.
    revoked: Path | None
    max_body_bytes: int
    threads: int


def run(application: Wsgi, options: Options, stop: Callable[[], bool]) -> None:
    """Serve until `stop()`; requests under way are finished."""
    asyncio.run(_Port(application, options).serve(stop))


class _Port:
    def __init__(self, application: Wsgi, options: Options) -> None:
        self._application = application
        self._options = options
        self._threads = ThreadPoolExecutor(options.threads, thread_name_prefix="mutual-tls")
        #: When each connection was made, those that have asked something, are being answered, and are to end.
        self._born: dict[Any, float] = {}
        self._asked: set[Any] = set()
        self._busy: set[Any] = set()
        self._ending: set[Any] = set()
        self._lists = _Lists(options.context, options.revoked)

    async def serve(self, stop: Callable[[], bool]) -> None:
        options, loop = self._options, asyncio.get_running_loop()
        # A resumed session would not show its certificate again.
        options.context.num_tickets = 0
        options.context.options |= ssl.OP_NO_TICKET
        http = web.Server(
            self._answer,
            access_log=None,
            logger=_SILENT,
            auto_decompress=False,
            keepalive_timeout=IDLE,
            max_line_size=_MAX_LINE,
            max_field_size=_MAX_FIELD,
        )
        listener = await loop.create_server(
            http, options.host, options.port, ssl=options.context, ssl_handshake_timeout=HANDSHAKE, reuse_address=True
        )
        async with listener:
            while not stop():
                self._look_after(http)
                await asyncio.sleep(_LOOK)
            listener.close()
            http.pre_shutdown()
            await http.shutdown(_GRACE)
        self._threads.shutdown()

    def _look_after(self, http: web.Server) -> None:
        """Close who is silent or has been here for long; everybody, when lists of revoked certificates changed."""
        now, connections = asyncio.get_running_loop().time(), http.connections
        self._born = {one: self._born.get(one, now) for one in connections}
        self._asked &= set(connections)
        # Their last answer has left by now; aiohttp leaves those open that were told to end while they were idle.
        for one in self._ending - self._busy:
            one.force_close()
        self._ending &= self._busy
        has_changed = self._lists.refresh()
        for number, (one, born) in enumerate(self._born.items()):
            is_silent = one not in self._asked and now - born > IDLE
            if has_changed or is_silent or now - born > LIFE or number >= MOST_CONNECTIONS:
                one.close()
                self._ending.add(one)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._asked.add(request.protocol)
        self._busy.add(request.protocol)
        try:
            return await self._answered(request)
        finally:
            self._busy.discard(request.protocol)

    async def _answered(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            async with asyncio.timeout(BODY):
                body = await self._body(request)
        except TimeoutError:
            return _closing(web.Response(status=408))
        environ = _environ(request, body)
        loop = asyncio.get_running_loop()
        status, headers, content = await loop.run_in_executor(self._threads, _call, self._application, environ)
        return _response(request, status, headers, content)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """The body; of one that is too long so much that the application sees it is."""
        found = bytearray()
        async for chunk in request.content.iter_any():
            found += chunk
            if len(found) > self._options.max_body_bytes:
                break
        return bytes(found)


class _Lists:
    """Revocation lists that change while the server runs."""

    def __init__(self, context: ssl.SSLContext, file: Path | None) -> None:
        self._context, self._file = context, file
        self._seen = self._time()

    def refresh(self) -> bool:
        """Read the lists again if they were written since; whether they were. The newest of an authority counts."""
        time = self._time()
        if self._file is None or time == self._seen:
            return False
        try:
            self._context.load_verify_locations(self._file)
        except OSError as error:
            # Half written, perhaps: looked at again.
            log.error("revocation lists cannot be read: %s", type(error).__name__)
            return False
        self._seen = time
        log.warning("revocation lists were read again")
        return True

    def _time(self) -> int:
        try:
            return self._file.stat().st_mtime_ns if self._file else 0
        except OSError:
            return 0


def _environ(request: web.BaseRequest, body: bytes) -> dict[str, Any]:
    """What a WSGI application is told of a request (PEP 3333), and the client's certificate."""
    transport = request.transport
    wire = None if transport is None else transport.get_extra_info("ssl_object")
    path, _, query = request.raw_path.partition("?")
    local = ("", 0) if transport is None else transport.get_extra_info("sockname")
    return {
        **_headers(request.headers),
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": local[0],
        "SERVER_PORT": str(local[1]),
        "SERVER_PROTOCOL": f"HTTP/{request.version.major}.{request.version.minor}",
        "REMOTE_ADDR": request.remote or "",
        "CONTENT_LENGTH": str(max(len(body), request.content_length or 0)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        ENVIRON_KEY: None if wire is None else wire.getpeercert(binary_form=True),
    }


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        # A name with `_` would pass for one with `-`.
        if "_" in name or name.lower() in _OURS:
            continue
        key = name.upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        found[key] = f"{found[key]},{value}" if key in found else value
    return found


def _call(application: Wsgi, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """The answer of the application. It runs in a thread of its own."""
    begun: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _failure: Any = None) -> Callable[[bytes], object]:
        begun[:] = [int(status[:3]), headers]
        return lambda octets: None

    parts = application(environ, start_response)
    try:
        content = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    status, headers = begun
    return status, headers, content


def _response(request: web.BaseRequest, status: int, headers: list[tuple[str, str]], content: bytes) -> web.Response:
    response = web.Response(status=status, body=content)
    response.headers.pop("Content-Type", None)
    for name, value in headers:
        if name.lower() not in _OURS:
            response.headers.add(name, value)
        elif name.lower() == "connection":
            response.force_close()
        elif name.lower() == "content-length" and request.method == "HEAD":
            response.headers[name] = value
    response.headers["Server"] = "creneau"
    return response


def _closing(response: web.Response) -> web.Response:
    response.force_close()
    return response
