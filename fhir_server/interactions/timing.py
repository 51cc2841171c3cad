"""The times that a Timing prefers, as spans in which an appointment may begin.

https://www.hl7.org/fhir/R4/datatypes.html#timing. Days and times of day are those of the wall clock in France.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from fhir_server.kernel import dates
from fhir_server.kernel.dates import Interval
from fhir_server.kernel.errors import Category, fault
from fhir_server.search.values import MAX_VALUES

Json = dict[str, Any]
_ZONE = "Europe/Paris"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Event codes (http://hl7.org/fhir/event-timing) that are times of the day: first hour, and the hour after the last.
_HOURS = {
    "MORN": (6, 12),
    "MORN.early": (6, 9),
    "MORN.late": (9, 12),
    "NOON": (12, 14),
    "AFT": (12, 18),
    "AFT.early": (12, 15),
    "AFT.late": (15, 18),
    "EVE": (18, 24),
    "EVE.early": (18, 21),
    "EVE.late": (21, 24),
    "NIGHT": (0, 6),
}


def spans(timing: Json, here: Interval) -> list[Interval]:
    """The parts of a window that suit: its events, or its days and times of day; how often it repeats is not asked.

    A time of day suits for an hour. Raises FhirError: VALUE for a code that is no time of day, TOO_COSTLY for too many.
    """
    repeat = timing.get("repeat", {})
    if "boundsPeriod" in repeat:
        bounds = dates.period(repeat["boundsPeriod"].get("start"), repeat["boundsPeriod"].get("end"))
        here = Interval(max(here.low, bounds.low), min(here.high, bounds.high))
    events = [dates.interval(text) for text in timing.get("event", ())]
    found = [_common(one, here) for one in events or _on_days(repeat, here)]
    suiting = [one for one in found if one.low < one.high]
    if len(suiting) > MAX_VALUES:
        raise fault(Category.TOO_COSTLY, f"The timing names more than {MAX_VALUES} times.", "Parameters.parameter")
    return suiting


def _on_days(repeat: Json, here: Interval) -> Iterator[Interval]:
    days, times = repeat.get("dayOfWeek", _DAYS), list(_times(repeat))
    if here.low >= here.high or (not times and len(days) == len(_DAYS)):
        yield here
        return
    day, last = (datetime.fromtimestamp(bound / 1000, dates.zone(_ZONE)).date() for bound in (here.low, here.high))
    while day <= last:
        if _DAYS[day.weekday()] in days:
            yield from (Interval(_at(day, first), _at(day, end)) for first, end in times or [(0, 24 * 60)])
        day += timedelta(days=1)


def _times(repeat: Json) -> Iterator[tuple[int, int]]:
    """Minutes of the day."""
    for text in repeat.get("timeOfDay", ()):
        start = time.fromisoformat(text)
        yield start.hour * 60 + start.minute, start.hour * 60 + start.minute + 60
    for code in repeat.get("when", ()):
        if code not in _HOURS:
            raise fault(Category.VALUE, f"when is one of {', '.join(_HOURS)}.", "Parameters.parameter")
        first, end = _HOURS[code]
        yield first * 60, end * 60


def _at(day: date, minutes: int) -> int:
    days, rest = divmod(minutes, 24 * 60)
    local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), dates.zone(_ZONE))
    return dates.to_milliseconds(local)


def _common(one: Interval, other: Interval) -> Interval:
    return Interval(max(one.low, other.low), min(one.high, other.high))
