"""One server for each store, shared by all tests of this folder: each makes what it needs under names of its own."""

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, make_url, text

from tests.end_to_end.conftest import Server, free_port

FHIR_JSON = "application/fhir+json"


class Api:
    """A client of the server: paths are below the FHIR base."""

    def __init__(self, server: Server, client_id: str = "demo-coordinator") -> None:
        self.base = f"{server.origin}/fhir"
        self._server = server
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {server.token(client_id)}"

    @property
    def token(self) -> str:
        return str(self._session.headers["Authorization"]).removeprefix("Bearer ")

    def as_client(self, client_id: str) -> "Api":
        """The same server, asked by another partner."""
        return Api(self._server, client_id)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """One request; names of headers with `_` for `-`, and a body in JSON unless it is bytes."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent.setdefault("Content-Type", FHIR_JSON)
        content = {"data": body} if isinstance(body, bytes) else {"json": body}
        url = f"{self.base}/{path}" if path else self.base
        return self._session.request(method, url, headers=sent, timeout=60, **content)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        return self.send("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        headers.setdefault("Content_Type", "application/json-patch+json")
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> requests.Response:
        return self.send("DELETE", path, **headers)

    def create(self, type_name: str, **elements: Any) -> dict[str, Any]:
        """A resource, created; as it was answered."""
        answer = self.post(type_name, {"resourceType": type_name} | elements)
        assert 201 == answer.status_code, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def found(self, path: str, **headers: str) -> list[str]:
        """Ids of what a search matches, in its order."""
        answer = self.get(path, **headers)
        assert 200 == answer.status_code, answer.text
        return matches(answer.json())


def matches(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    """Ids of the entries of a searchset that are there for this reason."""
    return [entry["resource"]["id"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]


def warnings(bundle: dict[str, Any]) -> list[str]:
    """What the outcome entries of a searchset say."""
    outcomes = [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == "outcome"]
    return [issue["diagnostics"] for outcome in outcomes for issue in outcome["issue"]]


def issue(answer: requests.Response) -> str:
    """The code of the first issue of a refusal."""
    outcome = answer.json()
    assert "OperationOutcome" == outcome["resourceType"], answer.text
    return str(outcome["issue"][0]["code"])


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running web server over a database of its own, of each kind in turn."""
    url, dispose = _database(request, tmp_path_factory)
    port = free_port()
    environment = os.environ | {
        "CRENEAU_DATABASE_URL": url,
        "CRENEAU_AUDIT_FOLDER": str(tmp_path_factory.mktemp("audit")),
        "CRENEAU_DEMO": "true",
        "CRENEAU_WORKERS": "2",
        "CRENEAU_HTTP_PORT": str(port),
        "CRENEAU_TRUSTED_PROXIES": "127.0.0.1",
        "CRENEAU_CORS_ORIGINS": "https://app.example",
        "CRENEAU_REQUEST_LOG": "false",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    running = Server(environment, port, 0, 0)
    running.start("web")
    yield running
    running.stop()
    dispose()


@pytest.fixture(scope="session")
def api(live: Server) -> Api:
    """A client with the territory's view and every scope."""
    return Api(live)


@pytest.fixture
def tag() -> str:
    """A word that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"


def _database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Callable[[], None]]:
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("rest") / "rest.db"
        shutil.copy(Path(request.getfixturevalue("sqlite_template")), path)
        return f"sqlite:///{path}", lambda: None
    server: str = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    name = f"creneau_{uuid.uuid4().hex[:12]}"
    _command(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    return url, lambda: _command(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _command(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
