"""When: Schedule and Slot of the territory.

An agenda is one set of opening hours. Its schedules take turns, one a working day: a rota of doctors is an agenda of
many schedules, a centre's own agenda has just one.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from adapters.demo import codes
from adapters.demo.codes import concept, reference
from adapters.demo.tables import Opening, Row, Territory
from fhir_server.kernel import dates


def schedules(territory: Territory) -> Iterator[dict[str, Any]]:
    """One Schedule a row of `schedules.csv`."""
    roles = {row["id"]: row for row in territory.roles}
    yield from (_schedule(row, roles, territory) for row in territory.schedules)


def slots(territory: Territory, today: date) -> Iterator[dict[str, Any]]:
    """Every Slot of the days from `today` on: full hours of local opening, whatever the clocks do meanwhile."""
    for number in range(territory.days):
        day = today + timedelta(days=number)
        for opening in territory.openings:
            if opening.weekday == day.weekday():
                schedule = on_turn(territory, opening.agenda, day)
                yield from (
                    _slot(schedule, start, opening.minutes, territory) for start in _starts(opening, day, territory)
                )


def on_turn(territory: Territory, agenda: str, day: date) -> Row:
    """The schedule of an agenda whose turn it is that day; Saturday and Sunday share their Friday's turn."""
    candidates = [row for row in territory.schedules if row["agenda"] == agenda]
    weeks, weekday = divmod(day.toordinal() - 1, 7)
    return candidates[(weeks * 5 + min(weekday, 4)) % len(candidates)]


def slot_id(schedule: str, local_start: datetime) -> str:
    """Logical id of a slot: its schedule and local start, `csnp-schedule-20260105T1400`."""
    return f"{schedule}-{local_start:%Y%m%dT%H%M}"


def _starts(opening: Opening, day: date, territory: Territory) -> Iterator[datetime]:
    """Starts of the whole slots of one opening, in UTC: minutes are real minutes, also when clocks change."""
    start, closes = (_utc(day, hour, territory) for hour in (opening.opens, opening.closes))
    length = timedelta(minutes=opening.minutes)
    while start + length <= closes:
        yield start
        start += length


def _utc(day: date, hour: time, territory: Territory) -> datetime:
    return datetime.combine(day, hour, dates.zone(territory.zone)).astimezone(UTC)


def _schedule(row: Row, roles: dict[str, Row], territory: Territory) -> dict[str, Any]:
    return {
        "resourceType": "Schedule",
        "id": row["id"],
        "identifier": [{"system": f"{territory.base}/schedule", "value": row["id"]}],
        "active": True,
        "serviceType": [concept(codes.VISIT, row["visit"])],
        "specialty": [concept(codes.SPECIALTY, codes.GENERAL_PRACTICE)],
        "actor": _actors(row, roles),
        "comment": row["reason"],
    }


def _actors(row: Row, roles: dict[str, Row]) -> list[dict[str, str]]:
    """A doctor's schedule is the Practitioner's and the PractitionerRole's; a centre's is its service's and place's."""
    if row["role"]:
        practitioner = roles[row["role"]]["practitioner"]
        return [reference("Practitioner", practitioner), reference("PractitionerRole", row["role"])]
    return [reference("HealthcareService", row["service"]), reference("Location", row["place"])]


def _slot(schedule: Row, start: datetime, minutes: int, territory: Territory) -> dict[str, Any]:
    access = schedule["access"].split()
    visit = [concept(codes.VISIT, schedule["visit"]), {"text": schedule["reason"]}]
    id_ = slot_id(schedule["id"], start.astimezone(dates.zone(territory.zone)))
    return {
        "resourceType": "Slot",
        "id": id_,
        "meta": {"security": [{"system": codes.ACCESS, "code": code} for code in access]},
        "serviceType": visit + ([_cpts(territory)] if "CPTS" in access else []),
        "specialty": [concept(codes.SPECIALTY, codes.GENERAL_PRACTICE)],
        "appointmentType": concept(codes.APPOINTMENT_TYPE, "ROUTINE"),
        "schedule": reference("Schedule", schedule["id"]),
        "status": "free",
        "start": _instant(start, territory),
        "end": _instant(start + timedelta(minutes=minutes), territory),
        "comment": territory.booking.replace("{id}", id_),
    }


def _cpts(territory: Territory) -> dict[str, Any]:
    """The serviceType that makes a slot the CPTS's own."""
    service = reference("HealthcareService", territory.service)
    return {
        "extension": [{"url": codes.SERVICE_EXTENSION, "valueReference": service}],
        **concept(codes.CATEGORY, codes.CPTS),
    }


def _instant(moment: datetime, territory: Territory) -> str:
    return dates.to_instant(dates.to_milliseconds(moment), territory.zone)
