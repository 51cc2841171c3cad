"""The ceiling of reads: one bare Flask route under the same server, running the very statements the product runs.

No access control, no parsing, no rules: statement text and values were recorded from the product beforehand and are
chosen by a number in the address. The rows' stored texts are joined as the product joins them.
"""

import os
import pickle
from pathlib import Path
from typing import Any

from flask import Flask, Response
from granian import Granian
from granian.constants import Interfaces

from fhir_server.settings import load
from fhir_server.storage.database import Database

_TYPE = "application/fhir+json"


def application() -> Flask:
    """The bare application of one worker."""
    settings = load()
    recorded: dict[str, list[list[Any]]] = pickle.loads(Path(os.environ["CRENEAU_BENCHMARK_STATEMENTS"]).read_bytes())
    database = Database(settings.database_url)
    base_url = settings.base_url
    app = Flask("bare", static_folder=None)

    @app.get("/ready")
    def ready() -> Response:
        return Response(b"{}", mimetype=_TYPE)

    @app.get("/read/<int:number>")
    def read(number: int) -> Response:
        ((statement, values),) = recorded["read"][number]
        row = database.read().exec_driver_sql(statement, values).one()
        return Response(row.body, mimetype=_TYPE)

    @app.get("/<name>/<int:number>")
    def search(name: str, number: int) -> Response:
        connection = database.read()
        entries = [
            f'{{"fullUrl":"{base_url}/{row.type}/{row.id}","resource":{row.body},"search":{{"mode":"match"}}}}'
            for statement, values in recorded[name][number]
            for row in connection.exec_driver_sql(statement, values)
        ]
        bundle = f'{{"resourceType":"Bundle","type":"searchset","entry":[{",".join(entries)}]}}'
        return Response(bundle, mimetype=_TYPE)

    return app


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
