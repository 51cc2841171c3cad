"""FHIR dates as intervals of epoch milliseconds.

A date, dateTime or instant of any precision stands for the span from its first millisecond up to, and not including,
the first millisecond after it: `2026-01` is the whole of January. A Period spans from its start to its end; a missing
bound is the end of time. https://www.hl7.org/fhir/R4/search.html#date
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

#: Ends of time: outside every date FHIR can write, inside a signed 64-bit integer.
DAWN, DUSK = -(1 << 48), 1 << 48

_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of time: `low` inclusive, `high` exclusive, both in epoch milliseconds."""

    low: int
    high: int


@lru_cache(maxsize=64)
def zone(name: str) -> tzinfo:
    """The zone of that IANA name."""
    return ZoneInfo(name)


@lru_cache(maxsize=65_536)
def interval(text: str, default_zone: str = "Europe/Paris") -> Interval:
    """The span that a FHIR date, dateTime or instant stands for; what has no offset is read in `default_zone`.

    Raises ValueError for text that is no FHIR date, or a day or hour that does not exist.

    >>> interval("2026-01-05T08:00:00+01:00")
    Interval(low=1767596400000, high=1767596401000)
    """
    match = _DATE.fullmatch(text)
    if match is None or match["year"] == "0000":
        raise ValueError(f"not a FHIR date: {text[:40]!r}")
    offset = _zone_of(match, default_zone)
    start = datetime(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1), tzinfo=offset)
    if match["hour"] is None:
        return Interval(to_milliseconds(start), _end_of_date(start, match))
    # 23:59:60 is a legal instant; datetime has no leap seconds, so it is read as the last second.
    second = min(int(match["second"] or 0), 59)
    start = start.replace(hour=int(match["hour"]), minute=int(match["minute"]), second=second)
    if match["fraction"] is not None:
        low = to_milliseconds(start) + int(match["fraction"][:3].ljust(3, "0"))
        return Interval(low, low + 10 ** (3 - min(len(match["fraction"]), 3)))
    low = to_milliseconds(start)
    return Interval(low, low + (60_000 if match["second"] is None else 1_000))


def period(start: str | None, end: str | None) -> Interval:
    """The span of a FHIR Period: from the first moment of `start` to the last of `end`."""
    return Interval(DAWN if start is None else interval(start).low, DUSK if end is None else interval(end).high)


def to_milliseconds(moment: datetime) -> int:
    """Epoch milliseconds of an aware datetime."""
    return (moment - _EPOCH) // _MILLISECOND


def to_instant(milliseconds: int, zone_name: str = "UTC") -> str:
    """A FHIR instant with milliseconds and a numeric offset (`Z` for UTC).

    >>> to_instant(1767596400000, "Europe/Paris")
    '2026-01-05T08:00:00.000+01:00'
    """
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    if zone_name == "UTC":
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
    return moment.astimezone(zone(zone_name)).isoformat(timespec="milliseconds")


def _zone_of(match: re.Match[str], default_zone: str) -> tzinfo:
    text = match["zone"]
    if text is None:
        return zone(default_zone)
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _end_of_date(start: datetime, match: re.Match[str]) -> int:
    try:
        return to_milliseconds(_next_date(start, match))
    except (OverflowError, ValueError):
        # After the last day of the year 9999 there is no other.
        return DUSK


def _next_date(start: datetime, match: re.Match[str]) -> datetime:
    if match["day"] is not None:
        return start + timedelta(days=1)
    if match["month"] is None:
        return start.replace(year=start.year + 1)
    return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
