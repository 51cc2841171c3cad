"""The ceiling of reads: one bare Flask route under the same server, running the very statements the product runs.

No access control, no parsing, no rules: statement text and values were recorded from the product beforehand and are
chosen by a number in the address. The rows' stored texts are joined as the product joins them.
"""

import json
import os
import pickle
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Flask, Response
from granian import Granian
from granian.constants import Interfaces
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import Connection, Row

from fhir_server.settings import load
from fhir_server.storage.database import Database
from tests.benchmark.statements import Recorded

_TYPE = "application/fhir+json"


def application() -> Flask:
    """The bare application of one worker."""
    settings = load()
    path = Path(os.environ["CRENEAU_BENCHMARK_STATEMENTS"])
    recorded: dict[str, list[list[Recorded]]] = pickle.loads(path.read_bytes())
    database = Database(settings.database_url)
    base_url = settings.base_url
    key = ECKey.generate_key("P-256")
    app = Flask("bare", static_folder=None)

    @app.get("/ready")
    def ready() -> Response:
        return Response(b"{}", mimetype=_TYPE)

    @app.post("/oauth/token")
    def token() -> Response:
        now = int(time.time())
        claims = {"sub": "bench", "iat": now, "exp": now + 300, "scope": "system/Slot.rs"}
        signed = jwt.encode({"alg": "ES256"}, claims, key, algorithms=["ES256"])
        return Response(json.dumps({"access_token": signed, "expires_in": 300}), mimetype="application/json")

    @app.get("/read/<int:number>")
    def read(number: int) -> Response:
        (one,) = recorded["read"][number]
        row = database.read().exec_driver_sql(one.statement, one.values).one()
        return Response(row.body, mimetype=_TYPE)

    @app.get("/<name>/<int:number>")
    def search(name: str, number: int) -> Response:
        entries = [
            f'{{"fullUrl":"{base_url}/{row.type}/{row.id}","resource":{row.body},"search":{{"mode":"match"}}}}'
            for one in recorded[name][number]
            for row in _resources(database.read(), one)
        ]
        bundle = f'{{"resourceType":"Bundle","type":"searchset","entry":[{",".join(entries)}]}}'
        return Response(bundle, mimetype=_TYPE)

    return app


def _resources(connection: Connection, one: Recorded) -> Sequence[Row[Any]]:
    """The rows of a statement; of one that counts, gathers facts, or sets something, none."""
    result = connection.exec_driver_sql(one.statement, one.values)
    if not result.returns_rows:
        return ()
    columns = tuple(result.keys())
    rows = result.all()
    return rows if {"type", "id", "body"} <= set(columns) else ()


def main() -> None:
    """Serve as `creneau web` does: as many workers and threads, the same queues."""
    settings = load()
    Granian(
        "tests.benchmark.bare_server:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.http_host,
        port=settings.http_port,
        workers=settings.worker_count,
        blocking_threads=settings.thread_count,
        backlog=2_048,
        backpressure=max(64, settings.thread_count * 16),
        log_level="warning",  # type: ignore[arg-type]  # an enumeration of strings
    ).serve()


if __name__ == "__main__":
    main()
