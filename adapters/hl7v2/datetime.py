"""HL7 v2 dates and times (HL7 2.5 section 2.A.22 DTM, 2.A.77 TS) as aware datetimes, and as FHIR text.

    YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]

A time without offset is local to the feed that sent it. Precision is kept as received, never invented.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from fhir_server.kernel.dates import zone

#: The hour occurs twice (end of summer time); the first one was taken.
AMBIGUOUS_HOUR = "ambiguous-hour"
#: The hour does not exist (start of summer time); it was moved by the length of the gap.
NONEXISTENT_HOUR = "nonexistent-hour"

#: The time is written as ISO 8601 writes it, not as HL7 v2 does. It says the same, so it was read.
ISO_FORM = "iso-form"

#: From coarse to fine.
PRECISIONS = ("year", "month", "day", "hour", "minute", "second", "fraction")

_DTM = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?)?)?)?)?(?P<offset>[+-]\d\d(?:\d\d)?)?"
)
#: `2026-01-05T08:30:15.2+01:00`, `2026-01-05 08:30`, `20260105T0830`, `20260105083015Z`.
_ISO = re.compile(
    r"(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d))(?:[T ]?(\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?"
)
#: Month and day, or the day, unknown and written as zeros; so is a time behind them.
_UNKNOWN_DAY = re.compile(r"(\d{4})(?:(0[1-9]|1[0-2])00|0000)0*")


@dataclass(frozen=True, slots=True)
class Moment:
    """A received date or time. `value` is its first instant, with the offset received or that of the feed's zone."""

    value: datetime
    #: One of PRECISIONS.
    precision: str
    #: Digits of the fraction as received, without the point; empty unless precision is `fraction`.
    fraction: str = ""
    #: Whether the sender gave an offset.
    has_offset: bool = False
    #: AMBIGUOUS_HOUR, NONEXISTENT_HOUR or ISO_FORM.
    warnings: tuple[str, ...] = ()

    def is_at_least(self, precision: str) -> bool:
        """Whether the received precision is `precision` or finer."""
        return PRECISIONS.index(self.precision) >= PRECISIONS.index(precision)


# A message tells one time many times over.
@lru_cache(maxsize=1024)
def parse_dtm(text: str, zone_name: str) -> Moment:
    """Read a DTM or the first component of a TS; what has no offset is local time of the IANA zone `zone_name`.

    Raises ValueError for text that is no HL7 time, or a day or hour that does not exist in any zone.

    >>> parse_dtm("202601050830", "Europe/Paris").value.isoformat()
    '2026-01-05T08:30:00+01:00'
    """
    match = _DTM.fullmatch(text)
    if match is None or not text.isascii():
        return _iso(text, zone_name)
    if match["day"] is not None and "00" in (match["month"], match["day"]):
        return parse_dtm(_known(text), zone_name)
    precision = next(name for name in reversed(PRECISIONS) if match[name] is not None)
    fraction = match["fraction"] or ""
    # Second 60 is legal in a leap second; datetime has none, so it reads as the last second.
    second = 59 if match["second"] == "60" else int(match["second"] or 0)
    local = datetime(
        int(match["year"]),
        int(match["month"] or 1),
        int(match["day"] or 1),
        int(match["hour"] or 0),
        int(match["minute"] or 0),
        second,
        int(fraction[:6].ljust(6, "0")),
    )
    if match["offset"] is not None:
        return Moment(local.replace(tzinfo=_offset(match["offset"])), precision, fraction, has_offset=True)
    value, warnings = _localise(local, zone_name)
    return Moment(value, precision, fraction, warnings=warnings if match["hour"] is not None else ())


def to_dtm(
    value: datetime, zone_name: str | None = None, *, precision: str = "second", with_offset: bool = True
) -> str:
    """An aware datetime as DTM, in `zone_name` if given; some receivers cannot read an offset (`with_offset=False`).

    >>> to_dtm(datetime(2026, 1, 5, 7, 30, tzinfo=timezone.utc), "Europe/Paris")
    '20260105083000+0100'
    """
    local = value if zone_name is None else value.astimezone(zone(zone_name))
    # strftime does not pad years before 1000.
    digits = f"{local.year:04d}" + local.strftime("%m%d%H%M%S")
    text = digits[: (4, 6, 8, 10, 12, 14, 14)[PRECISIONS.index(precision)]]
    if precision == "fraction":
        text += f".{local.microsecond // 100:04d}"
    return text + (local.strftime("%z")[:5] if with_offset and PRECISIONS.index(precision) >= 3 else "")


def fhir_date(moment: Moment) -> str:
    """The FHIR date of a moment: `2026`, `2026-01` or `2026-01-05`, never more precise than received."""
    day = moment.value
    text = f"{day.year:04d}-{day.month:02d}-{day.day:02d}"
    return text[: {"year": 4, "month": 7}.get(moment.precision, 10)]


def fhir_datetime(moment: Moment) -> str:
    """The FHIR dateTime of a moment: a date for what has no time, else a time with offset.

    FHIR demands minutes and seconds with an hour: those not received are zero.

    >>> fhir_datetime(parse_dtm("20260105083015.25", "Europe/Paris"))
    '2026-01-05T08:30:15.25+01:00'
    """
    return fhir_date(moment) if not moment.is_at_least("hour") else _timed(moment)


def fhir_instant(moment: Moment) -> str:
    """The FHIR instant of a moment. Raises ValueError when it is coarser than a minute."""
    if not moment.is_at_least("minute"):
        raise ValueError(f"an instant needs a time to the minute, this has a {moment.precision}")
    return _timed(moment)


def _timed(moment: Moment) -> str:
    # Offsets before the age of time zones have seconds (Paris until 1911: +00:09:21), which FHIR cannot write.
    text = moment.value.isoformat(timespec="seconds")[:25]
    return f"{text[:19]}.{moment.fraction}{text[19:]}" if moment.fraction else text


def _iso(text: str, zone_name: str) -> Moment:
    match = _ISO.fullmatch(text)
    if match is None or not text.isascii():
        raise ValueError("not an HL7 date or time")
    *digits, fraction, offset = (part or "" for part in match.groups())
    point = f".{fraction}" if fraction else ""
    moment = parse_dtm("".join(digits) + point + offset.replace(":", "").replace("Z", "+0000"), zone_name)
    return replace(moment, warnings=(ISO_FORM, *moment.warnings))


def _known(text: str) -> str:
    """The part of a date that is not zeros."""
    match = _UNKNOWN_DAY.fullmatch(text)
    if match is None:
        raise ValueError("a time on a day that is unknown")
    return match[1] + (match[2] or "")


def _offset(text: str) -> timezone:
    hours, minutes = int(text[1:3]), int(text[3:5] or 0)
    if hours > 14 or minutes > 59:
        raise ValueError("not an HL7 offset")
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


def _localise(local: datetime, zone_name: str) -> tuple[datetime, tuple[str, ...]]:
    """`local` with the offset its zone has then, a fixed one: adding a duration to it counts elapsed time."""
    place = zone(zone_name)
    first, second = (local.replace(tzinfo=place, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    value = local.replace(tzinfo=timezone(first))
    if first == second:
        return value, ()
    if first > second:
        return value, (AMBIGUOUS_HOUR,)
    return value.astimezone(timezone(second)), (NONEXISTENT_HOUR,)
