"""The product inside this process, for what cannot be seen from outside: the statements it runs and where time goes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from adapters.service import House, build_house
from fhir_server import settings as settings_module
from fhir_server.app import create_app
from tests.benchmark.asks import Ask
from tests.benchmark.content import VENDOR
from tests.benchmark.http_client import FHIR, FORM


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

    def answer(self, ask: Ask) -> bytes:
        """The body of an answer to a GET, or to a form. Raises RuntimeError unless it is 200."""
        if ask.form:
            return self.post(ask.path, ask.form.encode(), "200", FORM)
        return self.get(ask.path)

    def post(self, path: str, body: bytes, expected: str = "201", media_type: str = FHIR) -> bytes:
        """The body of an answer. Raises RuntimeError unless it has the status expected."""
        given = {"CONTENT_TYPE": media_type, "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        return self._ask(expected, REQUEST_METHOD="POST", PATH_INFO=path, **given)

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
    with TemporaryDirectory(prefix="audit") as folder:
        settings = settings_module.load({}, database_url=url, demo=True, request_log=False, audit_folder=folder)
        house = build_house(settings, pool_size=2)
        app = create_app(house.services)
        answer = app.test_client().post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(VENDOR, "creneau-demo")
        )
        token = answer.get_json()["access_token"]
        headers = {"HTTP_AUTHORIZATION": f"Bearer {token}", "HTTP_ACCEPT": "application/fhir+json"}
        yield Inside(house, app, create_environ() | headers)
        house.services.close()
