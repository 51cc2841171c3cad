"""The whole application over a fresh SQLite database, and clients of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir_server import settings as settings_module
from fhir_server.app import create_app
from fhir_server.auth import tokens
from fhir_server.auth.scopes import Scopes
from fhir_server.bootstrap import Services, build
from fhir_server.kernel.clock import Clock

#: Headers of a client's requests.
Headers = dict[str, str]


@pytest.fixture
def services(sqlite_url: str, clock: Clock) -> Iterator[Services]:
    settings = settings_module.load({}, database_url=sqlite_url, demo=True, max_body_bytes=20_000)
    built = build(settings, clock=clock, pool_size=2)
    yield built
    built.close()


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def bearer(services: Services) -> Callable[..., Headers]:
    """Headers of a client with these scopes."""

    def headers(scopes: str = "system/*.cruds", client_id: str = "demo-coordinator", **more: Any) -> Headers:
        token = tokens.issue(
            services.keys,
            issuer=services.settings.issuer,
            audience=services.settings.base_url,
            client_id=client_id,
            scopes=Scopes.parse(scopes),
            seconds=300,
        )
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"} | more

    return headers
