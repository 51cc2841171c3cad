"""The product inside this process, for what cannot be seen from outside: the statements it runs and where time goes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event
from werkzeug.test import create_environ

from adapters.service import House, build_house
from fhir_server import settings as settings_module
from fhir_server.app import create_app
from tests.benchmark.content import VENDOR


@dataclass(frozen=True, slots=True)
class Recorded:
    """One statement as the database driver got it."""

    statement: str
    values: Any
    is_many: bool


@dataclass(frozen=True, slots=True)
class Inside:
    """The whole server without its sockets, and a partner that holds a token."""

    house: House
    app: Flask
    #: What every request of the partner has, as a WSGI server hands it over.
    environ: dict[str, Any]

    def get(self, path: str) -> bytes:
        """The body of an answer. Raises RuntimeError unless it is 200."""
        address, _, query = path.partition("?")
        return self._ask("200", PATH_INFO=address, QUERY_STRING=query)

    def post(self, path: str, body: bytes) -> bytes:
        """The body of an answer. Raises RuntimeError unless it is 201."""
        given = {"CONTENT_TYPE": "application/fhir+json", "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        return self._ask("201", REQUEST_METHOD="POST", PATH_INFO=path, **given)

    def receive(self, message: bytes) -> bytes:
        """The acknowledgement of a hospital's message. Raises RuntimeError unless it is AA."""
        answer = self.house.receiver("hospital").receive(message)
        if b"\rMSA|AA" not in answer:
            raise RuntimeError(f"the message was refused: {answer!r}")
        return answer

    def _ask(self, expected: str, **given: Any) -> bytes:
        statuses: list[str] = []

        def start(status: str, *_: Any) -> Callable[[bytes], object]:
            statuses.append(status)
            return lambda _: None

        parts = self.app({**self.environ, **given}, start)
        body = b"".join(parts)
        if statuses[0][:3] != expected:
            raise RuntimeError(f"{expected} expected: {statuses[0]} {body[:300]!r}")
        return body


@contextmanager
def inside(url: str) -> Iterator[Inside]:
    """The server over the database, in this process."""
    settings = settings_module.load({}, database_url=url, demo=True, request_log=False)
    house = build_house(settings, pool_size=2)
    app = create_app(house.services)
    answer = app.test_client().post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(VENDOR, "creneau-demo")
    )
    token = answer.get_json()["access_token"]
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}", "HTTP_ACCEPT": "application/fhir+json"}
    yield Inside(house, app, create_environ() | headers)
    house.services.close()


@contextmanager
def recording() -> Iterator[list[Recorded]]:
    """The statements that run while the block does, in order."""
    found: list[Recorded] = []

    def keep(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool) -> None:
        found.append(Recorded(statement, values, is_many))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
