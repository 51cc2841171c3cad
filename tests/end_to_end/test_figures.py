"""The report of a territory: over HTTP as a MeasureReport, by command as CSV."""

import csv
import json
import subprocess
from datetime import datetime, timedelta
from typing import Any

from adapters.supervise import creneau
from fhir_server.kernel.dates import zone
from tests import builders
from tests.end_to_end.conftest import Server

OPERATION = "Measure/unplanned-care/$evaluate-measure"


def booked(server: Server, number: int) -> None:
    """A slot that the agenda publishes tomorrow, and a patient whom a vendor books in it."""
    agenda, vendor = server.token("demo-agenda"), server.token("demo-vendor")
    tomorrow = datetime.now(zone("Europe/Paris")).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
    start = tomorrow + timedelta(minutes=20 * number)
    times = {"start": start.isoformat(), "end": (start + timedelta(minutes=15)).isoformat()}
    slot = server.fhir("POST", "Slot", builders.slot(**times), token=agenda).content
    patient = server.fhir("POST", "Patient", builders.patient(), token=vendor).content
    person = [{"actor": {"reference": f"Patient/{patient['id']}"}, "status": "accepted"}]
    appointment = builders.appointment(slot["id"], participant=person, **times)
    assert server.fhir("POST", "Appointment", appointment, token=vendor).status == 201


def scores(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {group["code"]["coding"][0]["code"]: group for group in report["group"]}


def test_a_coordinator_is_told_the_figures_and_a_vendor_is_not(server: Server) -> None:
    # What partners' files say of where they book from is learnt here.
    subprocess.run(creneau("migrate"), env=server.environment, timeout=60, check=True)
    server.start("web")
    for number in range(6):
        booked(server, number)
    today = datetime.now(zone("Europe/Paris")).date()
    days = f"periodStart={today}&periodEnd={today + timedelta(days=2)}"
    coordinator, vendor = server.token("demo-coordinator"), server.token("demo-vendor")

    told = server.fhir("GET", f"{OPERATION}?{days}", token=coordinator)
    posted = server.fhir(
        "POST",
        OPERATION,
        {
            "resourceType": "Parameters",
            "parameter": [
                {"name": "periodStart", "valueDate": f"{today}"},
                {"name": "periodEnd", "valueDate": f"{today + timedelta(days=2)}"},
            ],
        },
        token=coordinator,
    )
    measure = server.fhir("GET", "Measure?url=urn:creneau:Measure:unplanned-care", token=coordinator)
    refused = server.fhir("GET", f"{OPERATION}?{days}", token=vendor)

    groups = scores(told.content)
    assert (200, "MeasureReport") == (told.status, told.content["resourceType"])
    assert 6 == groups["appointments"]["population"][0]["count"]
    assert 100 == groups["appointments-vendor"]["measureScore"]["value"]
    assert scores(posted.content)["appointments"] == groups["appointments"]
    assert 1 == measure.content["total"]
    assert 403 == refused.status

    result = subprocess.run(
        creneau("report", "--from", f"{today}", "--to", f"{today + timedelta(days=2)}"),
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = {line["code"]: line for line in csv.DictReader(result.stdout.splitlines())}
    assert ("6", "6", "100.0", "%", "") == tuple(
        lines["slots-booked"][name] for name in ("numerator", "denominator", "value", "unit", "hidden")
    )
    assert "ESSAI" not in json.dumps(told.content) + result.stdout
