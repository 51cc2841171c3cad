"""Cells for times: DTM and TS (HL7 2.5 chapter 2A) to FHIR date, dateTime and instant; durations with units.

Times without offset are local to the feed's zone.
"""

from datetime import datetime, timedelta
from typing import Any

from adapters.hl7v2.datetime import (
    AMBIGUOUS_HOUR,
    ISO_FORM,
    NONEXISTENT_HOUR,
    Moment,
    fhir_date,
    fhir_datetime,
    fhir_instant,
    parse_dtm,
)
from adapters.mapping.cell import CellError, Scope, Use
from adapters.mapping.reading import Part, part

Texts = tuple[str | None, ...]
Json = dict[str, Any]

_WORDS = {
    AMBIGUOUS_HOUR: "the hour comes twice that night, and the first was taken",
    NONEXISTENT_HOUR: "the hour does not come that night, and the time was moved by the length of the gap",
    ISO_FORM: "the time is in ISO 8601 form, not in that of HL7 v2, and was read",
}


def moment(text: str, use: Use, scope: Scope) -> Moment:
    """The moment of a DTM; what is odd about its hour becomes a warning. Raises CellError for what is none."""
    try:
        read = parse_dtm(text, scope.feed.zone)
    except ValueError:
        raise CellError("not an HL7 date or time") from None
    for warning in read.warnings:
        scope.warn(use, _WORDS[warning])
    return read


def date(text: str, use: Use, scope: Scope) -> str:
    """TS to date, as precise as received, never more than a day."""
    return fhir_date(moment(text, use, scope))


def date_time(text: str, use: Use, scope: Scope) -> str:
    """TS to dateTime, as precise as received."""
    return fhir_datetime(moment(text, use, scope))


def known_date_time(text: str, use: Use, scope: Scope) -> str | None:
    """TS to dateTime; one that cannot be read gives nothing and a warning."""
    try:
        return date_time(text, use, scope)
    except CellError as error:
        scope.warn(use, f"{error}, and was passed over")
        return None


def instant(text: str, use: Use, scope: Scope) -> str:
    """TS to instant. Raises CellError for a time coarser than a minute."""
    read = moment(text, use, scope)
    try:
        return fhir_instant(read)
    except ValueError:
        raise CellError("a time to the minute is needed") from None


def requested_period(told: Part, use: Use, scope: Scope) -> Json | None:
    """DR to Period. One time alone is all of the span it stands for: an exact start, a day."""
    low, high = part(told, 1), part(told, 2)
    high = high or low
    found = {name: date_time(text, use, scope) for name, text in (("start", low), ("end", high)) if text}
    return found or None


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
    try:
        return (datetime.fromisoformat(start) + span).isoformat()
    except OverflowError:
        raise CellError("the end is later than any date") from None


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
