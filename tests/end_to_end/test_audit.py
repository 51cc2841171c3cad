"""Killed in mid-load, the server has told of everything it answered, once; and its trail is whole."""

import json
import subprocess
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPException

import pytest
from sqlalchemy import select

from adapters.supervise import creneau
from fhir_server.storage import audit
from fhir_server.storage.audit import Sealed
from fhir_server.storage.database import Database
from fhir_server.storage.tables import resource_version
from tests import builders
from tests.end_to_end.conftest import Server

KILLS, CLIENTS = 3, 3
#: Seconds that the trail has to be sealed.
PATIENCE = 30


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    found = Database(server.environment["CRENEAU_DATABASE_URL"])
    yield found
    found.close()


class Load:
    """Clients that read and write until told to stop, and note what was answered."""

    def __init__(self, server: Server) -> None:
        self._server, self._token = server, server.token("demo-coordinator")
        self.answered: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, client: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            request_id = f"c{client}-{number}"
            method, path, content = (
                ("POST", "Patient", builders.patient()) if number % 3 == 0 else ("GET", "Slot", None)
            )
            try:
                answer = self._server.fhir(method, path, content, token=self._token, X_Request_Id=request_id)
            except (urllib.error.URLError, OSError, HTTPException):
                time.sleep(0.05)
                continue
            if answer.status in (200, 201):
                self.answered[request_id] += 1


def sealed(server: Server, database: Database) -> list[Sealed]:
    """The trail once nothing waits any more."""
    subprocess.run([*creneau("audit"), "seal"], env=server.environment, check=True, capture_output=True)
    return list(audit.walk(database.read()))


def test_no_event_is_lost_or_doubled_when_processes_are_killed(server: Server, database: Database) -> None:
    server.start("web", "dispatch")
    load = Load(server)
    for kill in range(1, KILLS + 1):
        deadline = time.monotonic() + PATIENCE
        while len(load.answered) < kill * 40 and time.monotonic() < deadline:
            time.sleep(0.005)
        for name in ("web", "dispatch"):
            server.kill(name)
        server.start("web", "dispatch")
    load.stop()
    server.stop()
    rows = sealed(server, database)

    told = Counter(row.event.request_id for row in rows)
    written = Counter(one for row in rows for one in row.event.written)
    query = select(resource_version.c.type, resource_version.c.id, resource_version.c.version)
    made = [
        f"{kind}/{id_}/_history/{version}"
        for kind, id_, version in database.read().execute(query.where(resource_version.c.type == "Patient"))
    ]
    assert load.answered
    assert {} == {one: told[one] for one in load.answered if told[one] != 1}
    assert Counter(made) == written
    verdict = subprocess.run([*creneau("audit"), "verify"], env=server.environment, capture_output=True, text=True)
    assert (0, "The trail is whole.") == (verdict.returncode, verdict.stdout.splitlines()[-1])


def test_the_commands_tell_of_the_trail(
    server: Server, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server.start("web")
    server.fhir("GET", "Slot", token=server.token("demo-coordinator"))
    server.stop()
    rows = sealed(server, database)
    file = tmp_path_factory.mktemp("export") / "trail.ndjson"

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*creneau("audit"), *words], env=server.environment, capture_output=True, text=True)

    head = run("head").stdout.strip()
    run("export", "--output", str(file))
    since, none = run("export", "--since", "2000-01-01"), run("export", "--until", "2000-01-01")
    after = sealed(server, database)[len(rows) :]
    good, bad, odd = (
        run("verify", "--head", head),
        run("verify", "--head", f"1:{'f' * 64}"),
        run("verify", "--head", "x"),
    )

    exported = [json.loads(line) for line in file.read_text().splitlines()]
    assert [str(row.number) for row in rows] == [one["id"] for one in exported]
    assert ["search-type"] == [one["subtype"][0]["code"] for one in exported if one["action"] == "E"][-1:]
    assert (file.read_text(), "") == (since.stdout, none.stdout)
    assert [("command", "audit-export")] * 3 == [(row.event.kind, row.event.name) for row in after]
    assert all(row.owner.startswith("operator:") for row in after)
    assert (0, 1, 1) == (good.returncode, bad.returncode, odd.returncode)
    assert "event 1 is not the head that was noted" in bad.stdout
    assert "--head" in odd.stderr
