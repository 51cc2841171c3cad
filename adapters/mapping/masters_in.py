"""Cells for master files: MFN (HL7 2.5 chapter 8), with the organisation charts of French hospitals."""

from typing import Any

from adapters.hl7v2.message import NULL
from adapters.mapping.cell import Scope, Use
from adapters.mapping.namespaces import master_file
from adapters.mapping.reading import Part, part, whole

Json = dict[str, Any]
Texts = tuple[str | None, ...]

_DELETED = "MDL"
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def record(number: Part, use: Use, scope: Scope) -> Json | None:
    """The number of a record (MFE-4, or a field that names another record) to Identifier, in the system of the file.

    The argument names fields of the current segment that tell apart what one record tells several of: `2 3`.
    """
    text = whole(number)
    if not text:
        return None
    more = (_text(scope.segment.get(field)) for field in use.argument.split())
    value = "|".join((text, *more))
    made = {"type": {"text": "MFE"}, "system": master_file(scope.feed, _text(scope.message["MFI-1"])), "value": value}
    return {"use": "old", **made} if _told(scope, "MFE", "1") == _DELETED else made


def first_text(texts: Texts, use: Use, scope: Scope) -> str | None:
    """The first of several texts that is there."""
    return next((text for text in texts if text), None)


def chart_address(text: str, use: Use, scope: Scope) -> Json:
    """The Address that the characteristics (LCH) of a place tell together. Code table: characteristic to element."""
    made: Json = {}
    for segment in scope.named("LCH"):
        coding = use.codes[0].inward.get(_text(segment.get("4")).casefold())
        told = _text(segment.get("5.2")) or _text(segment.get("5"))
        if coding is not None and told:
            made[coding.code] = [*made.get("line", ()), told] if coding.code == "line" else told
    return made


def visiting_hours(hours: Part, use: Use, scope: Scope) -> Json | None:
    """VH to HealthcareService.availableTime. Code table: 0267 to day."""
    first, last = (use.codes[0].inward.get((part(hours, number) or "").casefold()) for number in (1, 2))
    start, end = _day_time(part(hours, 3)), _day_time(part(hours, 4))
    made: Json = {}
    if first is not None:
        made["daysOfWeek"] = _days(first.code, last.code if last is not None else first.code)
    if start and end:
        made |= {"availableStartTime": start, "availableEndTime": end}
    return made or None


def _days(first: str, last: str) -> list[str]:
    """The days from one to another, over the end of the week if need be."""
    start = _WEEK.index(first)
    return [_WEEK[(start + step) % 7] for step in range((_WEEK.index(last) - start) % 7 + 1)]


def _day_time(text: str | None) -> str | None:
    """TM to time: `0830` to `08:30:00`, None for what is none."""
    digits = (text or "").replace(":", "")[:4]
    is_time = len(digits) == 4 and digits.isdigit() and digits < "2400" and digits[2:] < "60"
    return f"{digits[:2]}:{digits[2:]}:00" if is_time else None


def _told(scope: Scope, name: str, path: str) -> str:
    found = scope.named(name)
    return _text(found[0].get(path)) if found else ""


def _text(value: str | None) -> str:
    return "" if value is None or value is NULL else value
