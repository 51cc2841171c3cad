"""Cells for times: DTM and TS (HL7 2.5 chapter 2A) to FHIR date, dateTime and instant; durations with units.

Times without offset are local to the feed's zone.
"""

from datetime import datetime, timedelta

from adapters.hl7v2.datetime import Moment, fhir_date, fhir_datetime, fhir_instant, parse_dtm
from adapters.mapping.cell import CellError, Scope, Use

Texts = tuple[str | None, ...]


def moment(text: str, use: Use, scope: Scope) -> Moment:
    """The moment of a DTM; what is odd about its hour becomes a warning. Raises CellError for what is none."""
    try:
        read = parse_dtm(text, scope.feed.zone)
    except ValueError:
        raise CellError("not an HL7 date or time") from None
    for warning in read.warnings:
        scope.warn(use, warning)
    return read


def date(text: str, use: Use, scope: Scope) -> str:
    """TS to date, as precise as received, never more than a day."""
    return fhir_date(moment(text, use, scope))


def date_time(text: str, use: Use, scope: Scope) -> str:
    """TS to dateTime, as precise as received."""
    return fhir_datetime(moment(text, use, scope))


def instant(text: str, use: Use, scope: Scope) -> str:
    """TS to instant. Raises CellError for a time coarser than a minute."""
    read = moment(text, use, scope)
    if not read.is_at_least("minute"):
        raise CellError("a time to the minute is needed")
    return fhir_instant(read)


def earliest(texts: list[str], use: Use, scope: Scope) -> str:
    """The earliest of several TS, as instant."""
    return min((instant(text, use, scope) for text in texts), key=datetime.fromisoformat)


def end_after(duration: Texts, use: Use, scope: Scope) -> str | None:
    """The start of the resource plus a duration: number and units (minutes if absent). Code table: units to seconds."""
    start, span = scope.resource.get("start"), _span(duration, use, scope)
    return _later(start, span) if start and span else None


def end_after_interval(text: str, use: Use, scope: Scope) -> str | None:
    """The start of the resource plus a TQ.3 duration: `M30`, `H1`, `30` (minutes). Code table: units to seconds."""
    units, number = (text[0], text[1:]) if text[0].isalpha() else (None, text)
    return end_after((number, units), use, scope)


def minutes(duration: Texts, use: Use, scope: Scope) -> int | None:
    """minutesDuration: end less start when both are there, else number and units. Code table: units to seconds."""
    span = _span(duration, use, scope)
    start, end = scope.resource.get("start"), scope.resource.get("end")
    if start and end:
        told, span = span, datetime.fromisoformat(end) - datetime.fromisoformat(start)
        if told is not None and told != span:
            scope.warn(use, "the duration differs from end less start, which was kept")
    whole = int(span.total_seconds() // 60) if span is not None else 0
    return whole if whole > 0 else None


def _later(start: str, span: timedelta) -> str:
    return (datetime.fromisoformat(start) + span).isoformat()


def _span(duration: Texts, use: Use, scope: Scope) -> timedelta | None:
    number, units = duration
    if not number:
        return None
    seconds = use.codes[0].inward.get((units or "min").casefold())
    if seconds is None:
        scope.warn(use, "the units of the duration are not known, and it was passed over")
        return None
    try:
        span = timedelta(seconds=float(number) * int(seconds.code))
    except (ValueError, OverflowError):
        scope.warn(use, "the duration is not a number, and was passed over")
        return None
    return span if span > timedelta() else None
