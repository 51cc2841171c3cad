"""The `rrule` of an availability time, read: RFC 5545, section 3.3.10."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from fhir_server.kernel import dates
from fhir_server.rotas.model import Recurrence
from fhir_server.rotas.parts import Part

#: Notes what is wrong with the element at a path.
Complain = Callable[[str, str], None]

_FREQUENCIES = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY"})
_DAYS = {name: number for number, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_BY_DAY = re.compile(r"(?P<number>[+-]?\d{1,2})?(?P<day>MO|TU|WE|TH|FR|SA|SU)")
_MAX = 5_000
#: Part -> the word of `dateutil`, the least and the greatest number, and whether it also counts from the end.
_PARTS: dict[str, tuple[str, int, int, bool]] = {
    "byMinute": ("byminute", 0, 59, False),
    "byHour": ("byhour", 0, 23, False),
    "byMonthDay": ("bymonthday", 1, 31, True),
    "byYearDay": ("byyearday", 1, 366, True),
    "byWeekNo": ("byweekno", 1, 53, True),
    "byMonth": ("bymonth", 1, 12, False),
}
_KNOWN = frozenset({"freq", "until", "count", "interval", "byDay", "wkst", *_PARTS})
#: Parts that RFC 5545 allows with some frequencies alone.
_ONLY = {"byWeekNo": {"YEARLY"}, "byYearDay": {"YEARLY"}, "byMonthDay": {"YEARLY", "MONTHLY", "DAILY"}}


def read_recurrence(rule: Part | None, zone: str, complain: Complain) -> Recurrence | None:
    """The recurrence that a rule states, of what can be understood of it; None without a rule."""
    if rule is None:
        return None
    freq = _freq(rule, complain)
    _check_known(rule, freq, complain)
    count = _number(rule, "count", complain)
    until = _until(rule, zone, complain)
    if count is not None and until is not None:
        complain("A rule ends at a time or after a number of times, not both.", rule.path)
    return Recurrence(
        freq,
        _number(rule, "interval", complain) or 1,
        until,
        count,
        _first_day(rule, complain),
        {word: numbers for name, (word, *_) in _PARTS.items() if (numbers := _numbers(rule, name, complain))},
        tuple(_weekdays(rule, freq, complain)),
    )


def _freq(rule: Part, complain: Complain) -> str:
    stated = rule.first("freq")
    freq = "" if stated is None else stated.code.upper()
    if freq not in _FREQUENCIES:
        complain(
            f"The frequency is one of {', '.join(sorted(_FREQUENCIES))}.", rule.path if stated is None else stated.path
        )
        return "DAILY"
    return freq


def _check_known(rule: Part, freq: str, complain: Complain) -> None:
    """A part passed over would offer times that nobody meant."""
    for number, one in enumerate(rule.content.get("extension", ())):
        where = f"{rule.path}.extension[{number}]"
        if one.get("url") not in _KNOWN:
            complain("This part of a rule is not served.", where)
        elif freq not in _ONLY.get(one["url"], {freq}):
            complain(f"{one['url']} does not go with {freq}.", where)


def _number(rule: Part, name: str, complain: Complain) -> int | None:
    stated = rule.first(name)
    if stated is None:
        return None
    if not _is_number(stated.value) or not 1 <= stated.value <= _MAX:
        complain(f"It is a number from 1 to {_MAX}.", stated.path)
        return None
    return int(stated.value)


def _until(rule: Part, zone: str, complain: Complain) -> datetime | None:
    stated = rule.first("until")
    if stated is None:
        return None
    try:
        span = dates.interval(str(stated.value), zone)
    except (ValueError, OverflowError):
        complain("This is not a date that exists.", stated.path)
        return None
    # A day is meant to its end.
    last = span.low if "T" in str(stated.value) else span.high - 1
    return datetime.fromtimestamp(last / 1000, dates.zone(zone)).replace(tzinfo=None)


def _first_day(rule: Part, complain: Complain) -> int:
    stated = rule.first("wkst")
    if stated is None:
        return 0
    day = _DAYS.get(stated.code.upper()[:2])
    if day is None:
        complain("It is a day of the week.", stated.path)
    return day or 0


def _numbers(rule: Part, name: str, complain: Complain) -> tuple[int, ...]:
    _, least, greatest, counts_back = _PARTS[name]
    found = []
    for part in rule.parts(name):
        for text in str(part.value).split(","):
            number = int(text) if re.fullmatch(r"[+-]?\d{1,3}", text.strip()) else None
            size = abs(number) if number is not None and counts_back else number
            if number is None or size is None or not least <= size <= greatest:
                complain(f"It is a number from {least} to {greatest}.", part.path)
            else:
                found.append(number)
    return tuple(found)


def _weekdays(rule: Part, freq: str, complain: Complain) -> Iterator[tuple[int, int]]:
    for part in rule.parts("byDay"):
        for text in str(part.value).upper().split(","):
            match = _BY_DAY.fullmatch(text.strip())
            number = int(match["number"] or 0) if match else 0
            if match is None or (number and freq not in ("YEARLY", "MONTHLY")) or abs(number) > 53:
                complain("It is a day as MO, or 2TU and -1FR in months and years.", part.path)
            else:
                yield _DAYS[match["day"]], number


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
