"""Killed in mid-load and started again: nothing acknowledged is missing, nothing is doubled."""

import json
import signal
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.hl7v2.acknowledge import answers, read_acknowledgement
from adapters.mllp.client import Client
from adapters.supervise import wait_until_ready
from fhir_server.kernel.errors import FhirError
from fhir_server.storage.database import Database
from fhir_server.storage.ledgers import claim, inbox
from fhir_server.storage.tables import resource
from tests import builders
from tests.end_to_end.conftest import Server

MESSAGES, KILLS = 150, 3
SLOTS = 60


def _admission(number: int) -> bytes:
    sender, kind = "GAM|CH-DEMO|CRENEAU|CPTS-DEMO", "ADT^A28^ADT_A05"
    header = rf"MSH|^~\&|{sender}|20260302080000||{kind}|K{number}|P|2.5|||||FRA|UNICODE UTF-8"
    person = f"PID|1||K{number}^^^CH-DEMO^PI||ESSAI^Numéro{number}^^^^^L||19790328|F"
    return f"{header}\rEVN||20260302080000\r{person}\r".encode()


def _send_all(port: int, acknowledged: list[str], is_done: threading.Event) -> None:
    """Send each message until it is acknowledged, as a hospital's engine does."""
    deadline = time.monotonic() + 90
    with Client("127.0.0.1", port, 10, answers=answers) as client:
        for number in range(MESSAGES):
            while time.monotonic() < deadline:
                try:
                    answer = read_acknowledgement(client.send(_admission(number)))
                except FhirError:
                    time.sleep(0.05)
                    continue
                if not answer.is_accepted:
                    # An error of the message's own is not mended by sending it again.
                    assert answer.is_rejected, answer
                    continue
                acknowledged.append(f"K{number}")
                break
    is_done.set()


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    found = Database(server.environment["CRENEAU_DATABASE_URL"])
    yield found
    found.close()


def test_a_killed_listener_loses_and_doubles_nothing(server: Server, database: Database) -> None:
    server.start("listen")
    acknowledged: list[str] = []
    is_done = threading.Event()
    sender = threading.Thread(target=_send_all, args=(server.hospital_port, acknowledged, is_done))
    sender.start()
    for kill in range(1, KILLS + 1):
        while len(acknowledged) < kill * MESSAGES // (KILLS + 2) and not is_done.is_set():
            time.sleep(0.005)
        server.kill("listen")
        server.start("listen")
    sender.join(60)

    rows = database.read().execute(select(inbox.c.control_id, inbox.c.state)).all()
    bodies = database.read().execute(select(resource.c.body).where(resource.c.type == "Patient")).scalars()
    patients = Counter(json.loads(body)["identifier"][0]["value"] for body in bodies)
    everyone = {f"K{number}" for number in range(MESSAGES)}
    assert is_done.is_set()
    assert Counter(tuple(row) for row in rows) == Counter((name, "applied") for name in everyone)
    assert patients == Counter(everyone)


def test_a_killed_web_server_keeps_every_booking_it_confirmed(server: Server, database: Database) -> None:
    server.start("web")
    coordinator, vendor = server.token("demo-coordinator"), server.token("demo-vendor")
    day = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
    for number in range(SLOTS):
        server.fhir("PUT", f"Slot/s{number}", builders.slot(id=f"s{number}", **day), token=coordinator)
    confirmed: list[str] = []
    started = threading.Event()

    def book() -> None:
        for number in range(SLOTS):
            try:
                content = builders.appointment(f"s{number}", **day)
                answer = server.fhir("POST", "Appointment", content, token=vendor)
            except (urllib.error.URLError, OSError, HTTPException):
                time.sleep(0.1)
                continue
            if answer.status == 201:
                confirmed.append(answer.content["id"])
            if len(confirmed) == SLOTS // 4:
                started.set()

    client = threading.Thread(target=book)
    client.start()
    assert started.wait(60)
    server.kill("web")
    server.start("web")
    client.join(60)

    query = select(resource.c.id, resource.c.body).where(resource.c.type == "Appointment")
    stored = {row.id: json.loads(row.body)["slot"][0]["reference"] for row in database.read().execute(query)}
    claims = database.read().execute(select(claim.c.appointment_id, claim.c.slot_id)).all()
    busy = {
        json.loads(body)["id"]
        for body in database.read().execute(select(resource.c.body).where(resource.c.type == "Slot")).scalars()
        if json.loads(body)["status"] == "busy"
    }
    assert set(confirmed) <= set(stored)
    assert {f"Slot/{row.slot_id}": row.appointment_id for row in claims} == {slot: id_ for id_, slot in stored.items()}
    assert busy == {row.slot_id for row in claims}


def test_asked_to_stop_it_finishes_what_it_has_begun(server: Server, database: Database) -> None:
    server.start("web", "listen", "dispatch")
    acknowledged: list[str] = []
    is_done = threading.Event()
    sender = threading.Thread(target=_send_all, args=(server.hospital_port, acknowledged, is_done), daemon=True)
    sender.start()
    while len(acknowledged) < 10:
        time.sleep(0.01)

    codes = {name: server.processes[name].send_signal(signal.SIGTERM) for name in ("listen", "dispatch", "web")}
    codes = {name: server.processes.pop(name).wait(30) for name in codes}

    assert codes == {"listen": 0, "dispatch": 0, "web": 0}
    kept = set(database.read().execute(select(inbox.c.control_id).where(inbox.c.state == "applied")).scalars())
    assert set(acknowledged) <= kept


def _children(pid: int) -> set[int]:
    """The processes below one, its own children and theirs."""
    own = {int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    return own.union(*(_children(child) for child in own))


def _is_running(pid: int) -> bool:
    """Whether there is such a process; one that only waits for its parent to look is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def _are_gone(pids: set[int], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(map(_is_running, pids)):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc, which only Linux has")
def test_no_process_outlives_the_one_that_watches_it(server: Server) -> None:
    server.start("serve")
    wait_until_ready([f"{server.origin}/ready"], [("127.0.0.1", server.hospital_port)], lambda: False)
    parent = server.processes.pop("serve")
    everyone = _children(parent.pid)
    parent.kill()
    parent.wait(30)

    assert len(everyone) >= 5, "web with its two workers, listen, dispatch"
    assert _are_gone(everyone)
