"""Item 22 with real processes: a hold ends by the clock though every process was killed since it was made."""

import time

from tests import builders
from tests.end_to_end.conftest import Server
from tests.scheduling_calls import matches, outcome, parameters, reference

DAY = {"start": "2099-03-03T09:00:00+01:00", "end": "2099-03-03T09:15:00+01:00"}
PATIENCE_SECONDS = 20


def test_item_22_a_hold_outlives_no_restart(server: Server) -> None:
    server.environment["CRENEAU_HOLD_SECONDS"] = "2"
    server.start("web")
    coordinator, vendor = server.token("demo-coordinator"), server.token("demo-vendor")
    server.fhir("PUT", "Schedule/csnp", builders.schedule(id="csnp"), token=coordinator)
    server.fhir("PUT", "Slot/prize", builders.slot(id="prize", **DAY), token=coordinator)
    window = parameters(("start", "2099-03-03"), ("end", "2099-03-03"))
    [option] = matches(server.fhir("POST", "Appointment/$find", window, token=vendor).content)
    held = parameters(("appointment-reference", reference(option["id"])))
    [kept] = matches(server.fhir("POST", "Appointment/$hold", held, token=vendor).content)
    assert "busy-tentative" == server.fhir("GET", "Slot/prize", token=vendor).content["status"]

    server.kill("web")
    server.start("web", "dispatch")
    give_up = time.monotonic() + PATIENCE_SECONDS
    while server.fhir("GET", "Slot/prize", token=vendor).content["status"] != "free":
        assert time.monotonic() < give_up
        time.sleep(0.1)

    ended = server.fhir("GET", f"Appointment/{kept['id']}", token=vendor).content
    assert ("cancelled", "hold-lapsed") == (ended["status"], ended["cancelationReason"]["coding"][0]["code"])
    late = parameters(("appointment-reference", reference(kept["id"])))
    answer = server.fhir("POST", "Appointment/$book", late, token=vendor)
    assert [("fatal", "not-found")] == outcome(answer.content)
