"""A partner's own web server, which publishes its keys, or does what it should not."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self


class KeyServer:
    """Serves a JWK Set on a port of its own while the context lasts."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"keys": []}
        self.cache_control = ""
        #: Sent instead of the keys.
        self.body: bytes | None = None
        self.is_away = False
        self.asked = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/jwks"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_failure: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked += 1
                is_moved = self.path.endswith("/moved")
                self.send_response(503 if served.is_away else 302 if is_moved else 200)
                if is_moved:
                    self.send_header("Location", served.url)
                if served.cache_control:
                    self.send_header("Cache-Control", served.cache_control)
                self.end_headers()
                self.wfile.write(json.dumps(served.keys).encode() if served.body is None else served.body)

            def log_message(self, *_about: Any) -> None:
                pass

        return Handler
