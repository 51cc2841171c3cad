"""Slots made ahead by the command, and by the running server."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests import availability as rules
from tests.end_to_end.conftest import Server
from tests.end_to_end.test_command import run


def _rota(**elements: Any) -> dict[str, Any]:
    start = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0) + timedelta(days=1)
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S}Z" for moment in (start, start + timedelta(hours=1))]
    daily = rules.rule(freq="DAILY", count=10)
    return rules.schedule(
        rules.availability(*texts, daily, rules.offer(minutes=60, holidays="open")),
        **{"id": "a", "actor": [{"reference": "HealthcareService/csnp"}], **elements},
    )


def _slots(server: Server, token: str) -> int:
    return int(server.fhir("GET", "Slot?schedule=Schedule/a&_summary=count", token=token).content["total"])


def test_by_command_and_by_itself(server: Server) -> None:
    server.start("web")
    token = server.token("demo-coordinator")
    assert server.fhir("PUT", "Schedule/a", _rota(), token=token).status == 201
    last = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%d}"

    assert "10 made" in run(server, "slots", "generate", "--dry-run")
    assert _slots(server, token) == 0
    assert "3 made" in run(server, "slots", "generate", "--schedule", "a", "--until", last)
    server.start("dispatch")
    deadline = time.monotonic() + 30
    while _slots(server, token) < 10 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _slots(server, token) == 10

    slot = server.fhir("GET", "Slot?schedule=Schedule/a&_sort=start&_count=1", token=token).content["entry"][0][
        "resource"
    ]
    booking = {
        "resourceType": "Appointment",
        "status": "booked",
        "slot": [{"reference": f"Slot/{slot['id']}"}],
        "start": slot["start"],
        "end": slot["end"],
        "participant": [{"actor": {"reference": "HealthcareService/csnp"}, "status": "accepted"}],
    }
    assert server.fhir("POST", "Appointment", booking, token=token).status == 201
    assert server.fhir("PUT", "Schedule/a", _rota(active=False), token=token).status == 200
    deadline = time.monotonic() + 30
    while _slots(server, token) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _slots(server, token) == 1
    assert json.dumps(slot["id"]) in json.dumps(
        server.fhir("GET", "Slot?schedule=Schedule/a", token=token).content["entry"][0]["resource"]
    )


def test_a_command_that_finds_bookings_that_do_not_fit_says_so(server: Server) -> None:
    server.start("web")
    token = server.token("demo-coordinator")
    server.fhir("PUT", "Schedule/a", _rota(), token=token)
    run(server, "slots", "generate")
    slot = server.fhir("GET", "Slot?schedule=Schedule/a&_sort=start&_count=1", token=token).content["entry"][0][
        "resource"
    ]
    held = {**slot, "status": "busy-tentative"}
    server.fhir("PUT", f"Slot/{slot['id']}", held, token=token)
    server.fhir("PUT", "Schedule/a", _rota(active=False), token=token)

    told = run(server, "slots", "generate", "--dry-run", code=1)

    assert "9 withdrawn, 0 as before, 1 conflicts" in told
    assert f"Slot/{slot['id']} " in told
