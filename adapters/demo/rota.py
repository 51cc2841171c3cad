"""The teleconsultation rota as a vendor sees it: free slots by a search, hour by hour."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from adapters.demo import codes, tables
from adapters.demo.day import Day
from adapters.demo.journal import StepCutShortError


def next_evening(day: Day) -> list[dict[str, Any]]:
    """Free slots of tomorrow from 18 to 20 h, or of the first day after it that has any."""
    return _first(day, time(18), time(20))


def next_morning(day: Day) -> list[dict[str, Any]]:
    """Free slots of tomorrow from 8 to 9 h, or of the first day after it that has any."""
    return _first(day, time(8), time(9))


def _first(day: Day, opens: time, closes: time) -> list[dict[str, Any]]:
    for coming in _coming_days(day.now.date()):
        start, end = (datetime.combine(coming, hour, day.now.tzinfo) for hour in (opens, closes))
        if found := _free(day, start, end):
            return found
    raise StepCutShortError(f"the rota has no free slot left between {opens:%H:%M} and {closes:%H:%M}")


def _free(day: Day, start: datetime, end: datetime) -> list[dict[str, Any]]:
    pairs = [
        ("service-type", f"{codes.VISIT}|VR"),
        ("status", "free"),
        ("start", f"ge{start.isoformat()}"),
        ("start", f"lt{end.isoformat()}"),
        ("_sort", "start"),
    ]
    answer = day.vendor.search("Slot", pairs)
    query = [f"  {mark}{name}={value}" for mark, (name, value) in zip("?&&&&", pairs, strict=True)]
    day.show_request(day.vendor, answer, "GET /Slot", *query)
    day.journal.answered(f"{len(answer.entries)} free slots")
    return answer.entries


def _coming_days(today: date) -> Iterator[date]:
    return (today + timedelta(days=number) for number in range(1, tables.read().days))
