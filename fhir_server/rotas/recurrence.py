"""The occurrences of a period, on the wall clock of the agenda, and as moments.

A rule is expanded in local time without zone, by `dateutil`, so that eight in the morning is eight whatever the clocks
do. An hour that does not exist is read with the offset before the change, one that comes twice is its first (RFC 5545,
section 3.3.5).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from dateutil import rrule

from fhir_server.kernel import dates
from fhir_server.kernel.dates import Interval
from fhir_server.rotas.model import Period, Recurrence

_FREQUENCIES = {"YEARLY": rrule.YEARLY, "MONTHLY": rrule.MONTHLY, "WEEKLY": rrule.WEEKLY, "DAILY": rrule.DAILY}
#: A change of clocks moves a moment by no more than that against the wall clock.
_SLACK = timedelta(days=1)


def occurrences(period: Period, zone: str, window: Interval) -> Iterator[tuple[datetime, Interval]]:
    """The occurrences that share a time with the window: local start, and span in epoch milliseconds; in order."""
    low, high = (_local(moment, zone) for moment in (window.low, window.high))
    for start in _starts(period, low - period.length - _SLACK, high + _SLACK):
        span = Interval(to_ms(start, zone), to_ms(start + period.length, zone))
        if span.low < window.high and span.high > window.low and span.low < span.high:
            yield start, span


def to_ms(local: datetime, zone: str) -> int:
    """Epoch milliseconds of a local wall-clock time."""
    return dates.to_milliseconds(local.replace(tzinfo=dates.zone(zone)).astimezone(UTC))


def _local(moment: int, zone: str) -> datetime:
    return (datetime.fromtimestamp(moment / 1000, UTC)).astimezone(dates.zone(zone)).replace(tzinfo=None)


def _starts(period: Period, low: datetime, high: datetime) -> Iterator[datetime]:
    if period.recurrence is None:
        yield from [period.start] if low <= period.start <= high else []
        return
    for start in _repeated(period.start, period.recurrence, high):
        if start >= low:
            yield start


def _repeated(first: datetime, recurrence: Recurrence, high: datetime) -> Iterator[datetime]:
    """Every start up to `high`, which bounds rules that are never met again, too."""
    if first > high:
        return iter(())
    until = high if recurrence.until is None else min(high, recurrence.until)
    days = [rrule.weekday(day, number) if number else rrule.weekday(day) for day, number in recurrence.weekdays]
    parts: dict[str, Any] = {**recurrence.parts, **({"byweekday": days} if days else {})}
    rule = rrule.rrule(
        _FREQUENCIES[recurrence.freq],
        dtstart=first,
        interval=recurrence.interval,
        wkst=recurrence.wkst,
        until=until,
        **parts,
    )
    return islice(rule, recurrence.count)
