"""The coordinator's step: a rota for four weeks, whose slots the SAMU alone takes until two hours before them."""

from datetime import datetime, time, timedelta
from typing import Any

from adapters.demo import codes
from adapters.demo.day import Day
from fhir_server.registry.extensions import AVAILABILITY_TIME, ROTA_OFFER

#: The rota's Schedule, and for how long it is written.
_SCHEDULE, _WEEKS = "csnp-direct-access", 4
_MINUTES, _HOURS_BEFORE = 20, 2


def publish_rota(day: Day) -> None:
    """The coordinator writes a rota for four weeks: weekdays at noon, kept for the SAMU."""
    written = day.coordinator.put(_rota(day))
    day.show_request(day.coordinator, written, f"PUT /Schedule/{_SCHEDULE}", "  12:00 to 14:00, Monday to Friday")
    made = day.coordinator.operate(f"Schedule/{_SCHEDULE}/$generate-slots")
    day.show_request(day.coordinator, made, f"POST /Schedule/{_SCHEDULE}/$generate-slots")
    day.journal.promise("the rota is understood", True, written.status in (200, 201))
    day.journal.promise("its slots are made", 200, made.status)


def keep_for_samu(day: Day) -> None:
    """The SAMU finds the slots of the rota, the vendor finds none of them yet."""
    start = datetime.combine(day.now.date() + timedelta(days=1), time(), day.now.tzinfo)
    pairs = [("schedule", f"Schedule/{_SCHEDULE}"), ("status", "free"), ("start", f"ge{start.isoformat()}")]
    samu = day.endpoints.partner("demo-samu")
    counts = []
    for client in (samu, day.vendor):
        answer = client.search("Slot", pairs)
        day.show_request(client, answer, f"GET /Slot?schedule=Schedule/{_SCHEDULE}&status=free")
        day.journal.answered(f"{len(answer.entries)} free slots")
        counts.append(len(answer.entries))
    day.journal.promise("the SAMU finds free slots, the vendor none", (True, 0), (counts[0] > 0, counts[1]))


def _rota(day: Day) -> dict[str, Any]:
    # From the Monday of the week: the same rota all week, whenever the day is lived again.
    monday = day.now.date() - timedelta(days=day.now.weekday())
    opens, closes = (datetime.combine(monday, time(hour), day.now.tzinfo) for hour in (12, 14))
    rule = [
        {"url": "freq", "valueCoding": {"code": "WEEKLY"}},
        {"url": "byDay", "valueString": "MO,TU,WE,TH,FR"},
        {"url": "until", "valueDateTime": f"{monday + timedelta(weeks=_WEEKS + 1)}"},
    ]
    period = [
        {"url": "identifier", "valueIdentifier": {"value": "noon"}},
        {"url": "type", "valueCoding": {"code": "free"}},
        {"url": "start", "valueDateTime": opens.isoformat()},
        {"url": "end", "valueDateTime": closes.isoformat()},
        {"url": "rrule", "extension": rule},
        {"url": ROTA_OFFER, "extension": _offer()},
    ]
    return {
        "resourceType": "Schedule",
        "id": _SCHEDULE,
        "extension": [{"url": next(url for url in AVAILABILITY_TIME if "fr-core" in url), "extension": period}],
        "active": True,
        "specialty": [codes.concept(codes.SPECIALTY, codes.GENERAL_PRACTICE)],
        "actor": [codes.reference("HealthcareService", "csnp"), codes.reference("Location", "csnp")],
        "comment": "Soin non programmé, accès direct du SAMU",
    }


def _offer() -> list[dict[str, Any]]:
    before = {"value": _HOURS_BEFORE, "system": "http://unitsofmeasure.org", "code": "h"}
    return [
        {"url": "minutes", "valueInteger": _MINUTES},
        {"url": "serviceType", "valueCodeableConcept": codes.concept(codes.VISIT, "AMB")},
        {"url": "serviceType", "valueCodeableConcept": {"text": "Soin non programmé"}},
        {"url": "audience", "valueCode": "SNP"},
        {"url": "audience", "valueCode": "CPTS"},
        {"url": "holder", "valueCode": "samu"},
        {"url": "releaseBefore", "valueDuration": before},
    ]
